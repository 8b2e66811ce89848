//! What the status of a `ClusterWatch` says about a missing or unusable Secret, and for how long: pure.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::Condition,
    jiff::{SignedDuration, Timestamp},
};

use crate::api::{Reason, cluster_watch::ClusterWatchStatus};

/// The grace period. Argo CD and Flux often apply a Secret after its `ClusterWatch`, so a missing one is no error at
/// first.
const GRACE: SignedDuration = SignedDuration::from_secs(120);

/// The reasons of Ready for it.
const REASONS: [Reason; 2] = [Reason::SecretNotFound, Reason::SecretInvalid];

/// The reason in `status`, if it says that the Secret is unusable.
#[must_use]
pub fn reported(status: &ClusterWatchStatus) -> Option<Reason> {
    let ready = condition(status, "Ready", "False")?;
    REASONS
        .into_iter()
        .find(|reason| ready.reason == reason.as_str())
}

/// Whether a Ready with this `reason` is the first after `previous` to say that the Secret is unusable.
#[must_use]
pub fn begins(previous: &ClusterWatchStatus, reason: Reason) -> bool {
    REASONS.contains(&reason) && reported(previous).is_none()
}

/// Whether the grace period is over `now`. It starts with Ready's transition time, which survives restarts, handovers,
/// edits and a change between these reasons.
#[must_use]
pub fn is_overdue(previous: &ClusterWatchStatus, now: Timestamp) -> bool {
    if reported(previous).is_none() {
        return false;
    }
    let was_overdue = condition(previous, "Stalled", "True").is_some();
    let since = condition(previous, "Ready", "False").map(|ready| ready.last_transition_time.0);
    // A clock that was set back must not extend the grace period by hours.
    let within = since.is_some_and(|since| now.duration_since(since).abs() < GRACE);
    was_overdue || !within
}

fn condition<'a>(status: &'a ClusterWatchStatus, type_: &str, is: &str) -> Option<&'a Condition> {
    let mut all = status.conditions.iter();
    all.find(|condition| condition.type_ == type_ && condition.status == is)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
