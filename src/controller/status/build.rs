//! The status of a `ClusterWatch`, from how it stands: pure.

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

/// The heartbeat, as a difference of two times of day.
const BEAT: SignedDuration = SignedDuration::from_secs(HEARTBEAT.as_secs().cast_signed());

/// How a watch stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReadyState {
    /// This generation is not synced yet; the message says what keeps it, if anything does.
    Progressing(String),
    /// The mirror agrees with the API; the message says what was left out, if anything was.
    Synced(String),
    /// Nothing is polled, because the spec says so.
    Suspended,
    /// Somebody must act first.
    Stalled {
        /// Reason of Ready and Stalled.
        reason: Reason,
        /// What to do.
        message: String,
    },
    /// The Secret is missing or cannot be used. It is read again, and for a while it may still be on its way.
    Keyless {
        /// Reason of Ready, and of Reconciling or later Stalled.
        reason: Reason,
        /// What to do.
        message: String,
    },
    /// It is being tried again, and the mirror is stale meanwhile.
    Failing {
        /// Reason of Ready and Reconciling.
        reason: Reason,
        /// What failed.
        message: String,
    },
}

/// What else a status tells.
#[derive(Clone, Debug, Default)]
pub struct StatusInputs {
    /// The generation it speaks of.
    pub generation: i64,
    /// When the API was last read to the end, if this process knows.
    pub last_sync: Option<Timestamp>,
    /// When everything was last listed to the end, if this process knows.
    pub last_full_sync: Option<Timestamp>,
    /// Every mirror carries the labels and owner references of `generation`.
    pub adopted: bool,
    /// What keeps mirrors from that, in words; `None`: nothing does, or it is not known yet.
    pub adopting: Option<String>,
    /// How long the mirror may go unconfirmed.
    pub stale_after: Duration,
    /// The `requestedAt` annotation, once it is handled.
    pub handled: Option<String>,
    /// What the mirrors add up to; `None`: not known yet.
    pub rollup: Option<Rollup>,
}

/// The status to write after `previous`.
#[must_use]
pub fn build(
    previous: &ClusterWatchStatus,
    standing: &ReadyState,
    facts: &StatusInputs,
    now: Timestamp,
) -> ClusterWatchStatus {
    let told = words(standing);
    let (ready, reconciling, stalled) = said_of(standing, &told, previous, now);
    let reconciling = match &facts.adopting {
        Some(message) if reconciling.0 == "False" => ("True", Reason::Progressing, &**message),
        _ => reconciling,
    };
    let rollup = facts.rollup.clone().unwrap_or_else(|| carried(previous));
    let attention = match &rollup.message {
        Some(message) => ("True", Reason::AttentionRequired, &**message),
        None => ("False", Reason::NothingToDo, ""),
    };
    let condition = |type_, said| condition(type_, said, facts.generation, previous, now);
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
        stale_after: (*standing != ReadyState::Suspended)
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

/// A condition, since `now` where it says something else than before.
fn condition(
    type_: &str,
    (status, reason, message): Said<'_>,
    generation: i64,
    previous: &ClusterWatchStatus,
    now: Timestamp,
) -> Condition {
    let anew = type_ == "Ready" && late_secret::begins(previous, reason);
    let before = previous
        .conditions
        .iter()
        .find(|before| before.type_ == type_ && before.status == status && !anew);
    let message = message.chars().take(limits::CONDITION_MESSAGE as usize);
    let told = (status, reason, message.collect());
    let mut condition = conditions::condition(type_, told, generation);
    condition.last_transition_time = before.map_or(Time(to_second(now)), |before| {
        before.last_transition_time.clone()
    });
    condition
}

/// Status, reason and message of a condition.
type Said<'a> = (&'a str, Reason, &'a str);

/// What Ready, Reconciling and Stalled say of `standing`, whose message is `told`.
fn said_of<'a>(
    standing: &ReadyState,
    told: &'a str,
    previous: &'a ClusterWatchStatus,
    now: Timestamp,
) -> (Said<'a>, Said<'a>, Said<'a>) {
    let ready = previous
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Ready");
    match standing {
        ReadyState::Progressing(_) => (
            ("Unknown", Reason::Progressing, told),
            ("True", Reason::Progressing, told),
            ("False", Reason::Progressing, ""),
        ),
        ReadyState::Synced(_) => (
            ("True", Reason::Synced, told),
            ("False", Reason::Synced, ""),
            ("False", Reason::Synced, ""),
        ),
        ReadyState::Suspended => {
            let was = ready.and_then(|ready| Some((&*ready.status, ready.reason.parse().ok()?)));
            let (status, reason) = was.unwrap_or(("Unknown", Reason::Pending));
            (
                (status, reason, told),
                ("False", Reason::Suspended, told),
                ("False", Reason::Suspended, ""),
            )
        }
        ReadyState::Keyless { reason, .. } if !late_secret::is_overdue(previous, now) => (
            ("False", *reason, told),
            ("True", *reason, told),
            ("False", *reason, ""),
        ),
        ReadyState::Stalled { reason, .. } | ReadyState::Keyless { reason, .. } => (
            ("False", *reason, told),
            ("False", *reason, ""),
            ("True", *reason, told),
        ),
        ReadyState::Failing { reason, .. } => (
            ("False", *reason, told),
            ("True", *reason, told),
            ("False", *reason, ""),
        ),
    }
}

/// Of which generation all mirrors carry the labels and owner references.
fn mirrors_generation(previous: &ClusterWatchStatus, facts: &StatusInputs) -> Option<i64> {
    let generation = Some(facts.generation);
    if facts.adopted {
        return generation;
    }
    let before = previous.mirrors_generation;
    // Somebody changed them since: that generation does not hold any more.
    before.filter(|before| facts.adopting.is_none() || Some(*before) != generation)
}

/// The message of Ready, and of what goes with it.
fn words(standing: &ReadyState) -> String {
    match standing {
        ReadyState::Progressing(message) if message.is_empty() => {
            "the first listing since this watch was made or changed is under way: nothing to do but wait"
                .to_owned()
        }
        ReadyState::Synced(note) if note.is_empty() => "the mirror agrees with the API".to_owned(),
        ReadyState::Synced(note) => format!("the mirror agrees with the API; {note}"),
        ReadyState::Progressing(message)
        | ReadyState::Stalled { message, .. }
        | ReadyState::Keyless { message, .. }
        | ReadyState::Failing { message, .. } => message.clone(),
        ReadyState::Suspended => "suspended".to_owned(),
    }
}

/// What `previous` added up to.
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

/// How much later than its `lastSyncTime` a watch may have synced: a good poll is told with the heartbeat, but at once where it
/// ends a failure of the listing.
#[must_use]
pub fn synced_later_by(status: &ClusterWatchStatus) -> Duration {
    let failing = status.conditions.iter().any(|condition| {
        (&*condition.type_, &*condition.status) == ("Ready", "False")
            && condition.reason != Reason::WriteFailed.as_str()
    });
    if failing { Duration::ZERO } else { HEARTBEAT }
}

/// Whether `next` is worth a write after `previous`: it says something else, or the heartbeat is due. `silent`: how long ago this
/// process last wrote (monotonic); `None`: it has not yet, so that only the promises tell.
#[must_use]
pub fn worth_writing(
    previous: &ClusterWatchStatus,
    next: &ClusterWatchStatus,
    silent: Option<Duration>,
) -> bool {
    let timeless = |status: &ClusterWatchStatus| ClusterWatchStatus {
        last_sync_time: None,
        last_full_sync_time: None,
        stale_after: None,
        ..status.clone()
    };
    let time =
        |status: &ClusterWatchStatus| status.stale_after.as_deref()?.parse::<Timestamp>().ok();
    let heartbeat = match (time(previous), time(next)) {
        (Some(before), Some(after)) => {
            let later = after.duration_since(before);
            let due = silent.map_or(later >= BEAT, |silent| silent >= HEARTBEAT);
            // A promise that lies too far ahead hides a dead operator: after a long list, or a clock that was set back.
            due || -later > BEAT
        }
        (before, after) => before != after,
    };
    heartbeat || timeless(previous) != timeless(next)
}

#[cfg(test)]
mod tests;
