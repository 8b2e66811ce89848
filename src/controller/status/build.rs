//! Builds the status of a `ClusterWatch`: pure.

use std::time::Duration;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::{SignedDuration, Timestamp},
};

use crate::{
    api::{
        Reason,
        cluster_watch::ClusterWatchStatus,
        conditions, limits,
        timestamp::{seconds, to_second},
    },
    controller::status::late_secret,
    store::summary::Rollup,
    sync::schedule::HEARTBEAT,
};

/// The heartbeat, as a difference of two wall-clock times.
const BEAT: SignedDuration = SignedDuration::from_secs(HEARTBEAT.as_secs().cast_signed());

/// The state that Ready reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// This generation is not synced yet. The message says what prevents it; empty while the first sync is in progress.
    Progressing(String),
    /// In sync with Together. The message names what was left out; empty if nothing was.
    Synced(String),
    /// Syncs are suspended by `spec.suspend`.
    Suspended,
    /// Needs manual intervention.
    Stalled {
        /// Reason of Ready and Stalled.
        reason: Reason,
        /// What happened and what to do.
        message: String,
    },
    /// The Secret is missing or unusable. It is read again and again, and during the grace period it may still arrive.
    Keyless {
        /// Reason of Ready, and of Reconciling or later Stalled.
        reason: Reason,
        /// What happened and what to do.
        message: String,
    },
    /// Syncs or writes fail and are retried, and mirrors are stale.
    Failing {
        /// Reason of Ready and Reconciling.
        reason: Reason,
        /// What failed.
        message: String,
    },
}

/// The other inputs of a status.
#[derive(Clone, Debug, Default)]
pub struct StatusInputs {
    /// The generation that the status is computed for.
    pub generation: i64,
    /// Time of the last complete list, if this process knows it.
    pub last_sync: Option<Timestamp>,
    /// Time of the last full sync, if this process knows it.
    pub last_full_sync: Option<Timestamp>,
    /// Whether every mirror carries the labels and owner references of `generation`.
    pub adopted: bool,
    /// Human-readable reason why mirrors lack them; `None` if nothing is known to be missing.
    pub adopting: Option<String>,
    /// How long mirrors may stay unconfirmed.
    pub stale_after: Duration,
    /// The `requestedAt` annotation, once it was acted on.
    pub handled: Option<String>,
    /// Status and reason of Ready before the worker panicked.
    pub before_panic: Option<(String, Reason)>,
    /// Totals over the mirrors; `None` if not known yet.
    pub rollup: Option<Rollup>,
}

/// The status to write after `previous`.
#[must_use]
pub fn build(
    previous: &ClusterWatchStatus,
    ready_state: &ReadyState,
    facts: &StatusInputs,
    now: Timestamp,
) -> ClusterWatchStatus {
    let message = words(ready_state);
    let (ready, reconciling, stalled) =
        condition_values(ready_state, &message, (previous, facts), now);
    let reconciling = match &facts.adopting {
        Some(message) if reconciling.0 == "False" => ("True", Reason::Progressing, &**message),
        _ => reconciling,
    };
    let rollup = facts.rollup.clone().unwrap_or_else(|| carried(previous));
    let attention = match &rollup.message {
        Some(message) => ("True", Reason::AttentionRequired, &**message),
        None => ("False", Reason::NothingToDo, ""),
    };
    let condition = |type_, value| condition(type_, value, facts.generation, previous, now);
    let known = previous.remediations.is_some() || facts.rollup.is_some();
    ClusterWatchStatus {
        observed_generation: Some(facts.generation),
        conditions: vec![
            condition("Ready", ready),
            condition("Reconciling", reconciling),
            condition("Stalled", stalled),
            condition("AttentionRequired", attention),
        ],
        last_sync_time: facts
            .last_sync
            .map(seconds)
            .or_else(|| previous.last_sync_time.clone()),
        last_full_sync_time: facts
            .last_full_sync
            .map(seconds)
            .or_else(|| previous.last_full_sync_time.clone()),
        stale_after: (*ready_state != ReadyState::Suspended)
            .then(|| seconds(now + HEARTBEAT + facts.stale_after)),
        mirrors_generation: mirrors_generation(previous, facts),
        last_handled_reconcile_at: facts
            .handled
            .clone()
            .or_else(|| previous.last_handled_reconcile_at.clone()),
        remediations: known.then_some(rollup.counts),
        attention: rollup.attention,
    }
}

/// A condition. Its transition time is `now` if its status changed.
fn condition(
    type_: &str,
    (status, reason, message): ConditionValue<'_>,
    generation: i64,
    previous: &ClusterWatchStatus,
    now: Timestamp,
) -> Condition {
    let restarts = type_ == "Ready" && late_secret::begins(previous, reason);
    let before = previous
        .conditions
        .iter()
        .find(|before| before.type_ == type_ && before.status == status && !restarts);
    let message = message.chars().take(limits::CONDITION_MESSAGE as usize);
    let content = (status, reason, message.collect());
    let mut condition = conditions::condition(type_, content, generation);
    condition.last_transition_time = before.map_or(Time(to_second(now)), |before| {
        before.last_transition_time.clone()
    });
    condition
}

/// Status, reason and message of a condition.
type ConditionValue<'a> = (&'a str, Reason, &'a str);

/// Ready, Reconciling and Stalled for `ready_state`, with `message` as the message.
fn condition_values<'a>(
    ready_state: &ReadyState,
    message: &'a str,
    (previous, facts): (&'a ClusterWatchStatus, &'a StatusInputs),
    now: Timestamp,
) -> (ConditionValue<'a>, ConditionValue<'a>, ConditionValue<'a>) {
    match ready_state {
        ReadyState::Progressing(_) => (
            ("Unknown", Reason::Progressing, message),
            ("True", Reason::Progressing, message),
            ("False", Reason::Progressing, ""),
        ),
        ReadyState::Synced(_) => (
            ("True", Reason::Synced, message),
            ("False", Reason::Synced, ""),
            ("False", Reason::Synced, ""),
        ),
        ReadyState::Suspended => {
            let before = facts.before_panic.as_ref();
            let before = before.map(|(status, reason)| (&**status, *reason));
            let (status, reason) = ready_without_panic(previous)
                .or(before)
                .unwrap_or(("Unknown", Reason::Pending));
            (
                (status, reason, message),
                ("False", Reason::Suspended, message),
                ("False", Reason::Suspended, ""),
            )
        }
        ReadyState::Keyless { reason, .. } if !late_secret::is_overdue(previous, now) => (
            ("False", *reason, message),
            ("True", *reason, message),
            ("False", *reason, ""),
        ),
        ReadyState::Stalled { reason, .. } | ReadyState::Keyless { reason, .. } => (
            ("False", *reason, message),
            ("False", *reason, ""),
            ("True", *reason, message),
        ),
        ReadyState::Failing { reason, .. } => (
            ("False", *reason, message),
            ("True", *reason, message),
            ("False", *reason, ""),
        ),
    }
}

/// Status and reason of Ready in `status`, unless it says that the operator panicked: nothing would end that while the
/// `ClusterWatch` is suspended.
#[must_use]
pub fn ready_without_panic(status: &ClusterWatchStatus) -> Option<(&str, Reason)> {
    let ready = conditions::of_type(&status.conditions, "Ready")?;
    let reason = ready.reason.parse().ok()?;
    (reason != Reason::InternalError).then_some((&ready.status, reason))
}

/// The generation whose labels and owner references all mirrors carry.
fn mirrors_generation(previous: &ClusterWatchStatus, facts: &StatusInputs) -> Option<i64> {
    let generation = Some(facts.generation);
    if facts.adopted {
        return generation;
    }
    let before = previous.mirrors_generation;
    // Some mirrors were changed since, so that generation does not hold any longer.
    before.filter(|before| facts.adopting.is_none() || Some(*before) != generation)
}

/// The message of Ready and of the conditions that repeat it.
fn words(ready_state: &ReadyState) -> String {
    match ready_state {
        ReadyState::Progressing(message) if message.is_empty() => {
            "First sync in progress".to_owned()
        }
        ReadyState::Synced(note) if note.is_empty() => "In sync with Together".to_owned(),
        ReadyState::Synced(note) => format!("In sync with Together. {note}"),
        ReadyState::Progressing(message)
        | ReadyState::Stalled { message, .. }
        | ReadyState::Keyless { message, .. }
        | ReadyState::Failing { message, .. } => conditions::sentence(message),
        ReadyState::Suspended => "Suspended".to_owned(),
    }
}

/// The totals of `previous`.
fn carried(previous: &ClusterWatchStatus) -> Rollup {
    let attention = previous
        .conditions
        .iter()
        .find(|c| c.type_ == "AttentionRequired" && c.status == "True");
    Rollup {
        counts: previous.remediations.clone().unwrap_or_default(),
        attention: previous.attention.clone(),
        message: attention.map(|condition| condition.message.clone()),
    }
}

/// How much later than its `lastSyncTime` a `ClusterWatch` may have synced. A good sync is reported with the next
/// heartbeat, but at once if it ends a failure.
#[must_use]
pub fn synced_later_by(status: &ClusterWatchStatus) -> Duration {
    let failing = status.conditions.iter().any(|condition| {
        (&*condition.type_, &*condition.status) == ("Ready", "False")
            && condition.reason != Reason::WriteFailed.as_str()
    });
    if failing { Duration::ZERO } else { HEARTBEAT }
}

/// Whether to write `next` after `previous`: it differs in more than times, or a heartbeat is due. `silent` is the time
/// since this process last wrote; with `None` only the `staleAfter` times decide.
#[must_use]
pub fn worth_writing(
    previous: &ClusterWatchStatus,
    next: &ClusterWatchStatus,
    silent: Option<Duration>,
) -> bool {
    let time =
        |status: &ClusterWatchStatus| status.stale_after.as_deref()?.parse::<Timestamp>().ok();
    let heartbeat = match (time(previous), time(next)) {
        (Some(before), Some(after)) => {
            let later = after.duration_since(before);
            let due = silent.map_or(later >= BEAT, |silent| silent >= HEARTBEAT);
            // A `staleAfter` too far ahead, after a long list or a clock change, would hide a dead operator.
            due || -later > BEAT
        }
        (before, after) => before != after,
    };
    heartbeat || differ(previous, next)
}

/// Whether they differ in more than times, which change at every sync.
fn differ(previous: &ClusterWatchStatus, next: &ClusterWatchStatus) -> bool {
    let ClusterWatchStatus {
        observed_generation,
        conditions,
        last_sync_time: _,
        last_full_sync_time: _,
        stale_after: _,
        mirrors_generation,
        last_handled_reconcile_at,
        remediations,
        attention,
    } = previous;
    *observed_generation != next.observed_generation
        || *conditions != next.conditions
        || *mirrors_generation != next.mirrors_generation
        || *last_handled_reconcile_at != next.last_handled_reconcile_at
        || *remediations != next.remediations
        || *attention != next.attention
}

#[cfg(test)]
mod tests;
