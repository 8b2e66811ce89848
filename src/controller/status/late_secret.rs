//! What the status of a `ClusterWatch` says of a Secret that is missing or cannot be used, and for how long it may: pure.

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::Condition,
    jiff::{SignedDuration, Timestamp},
};

use crate::api::{Reason, cluster_watch::ClusterWatchStatus};

/// A Secret is often applied after its `ClusterWatch`, by Argo CD or Flux: for so long a missing one is no error yet.
const GRACE: SignedDuration = SignedDuration::from_secs(120);

/// The reasons of Ready.
const REASONS: [Reason; 2] = [Reason::SecretNotFound, Reason::SecretInvalid];

/// The reason that `status` gives, if it says that the Secret cannot be used.
#[must_use]
pub fn told(status: &ClusterWatchStatus) -> Option<Reason> {
    let ready = condition(status, "Ready", "False")?;
    REASONS
        .into_iter()
        .find(|reason| ready.reason == reason.as_str())
}

/// Whether a Ready of this `reason` first says, after `previous`, that the Secret cannot be used.
#[must_use]
pub fn begins(previous: &ClusterWatchStatus, reason: Reason) -> bool {
    REASONS.contains(&reason) && told(previous).is_none()
}

/// Whether a Secret that cannot be used `now` has been missing for too long by what `previous` says. The time is that of Ready,
/// which stays through restarts, handovers, edits and from one of the reasons to the other.
#[must_use]
pub fn is_overdue(previous: &ClusterWatchStatus, now: Timestamp) -> bool {
    if told(previous).is_none() {
        return false;
    }
    let was_overdue = condition(previous, "Stalled", "True").is_some();
    let since = condition(previous, "Ready", "False").map(|ready| ready.last_transition_time.0);
    // A clock that was set back must not make the grace last for hours.
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
