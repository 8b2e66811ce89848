//! The history of a mirror: the states it passed through, observed or inferred.

use crate::{
    api::{
        limits,
        remediation::{RemediationStatus, Transition},
        timestamp,
    },
    together::wire::state,
};

/// The order of the states; the final ones follow.
const WAY: [&str; 5] = [
    "PENDING_APPROVAL",
    "PENDING",
    "QUARANTINING",
    "QUARANTINED",
    "RUNNING",
];

/// Adds to `history` the changes from `previous` (the state last mirrored) to the state of `status`.
///
/// If there are more than the schema allows, the oldest are dropped. `observed` is the time of the sync that showed the
/// change (RFC 3339). States in between are added if one of the API's own times proves them. Those changes are marked
/// `inferred`, and so is one between known states that do not follow each other directly.
pub fn extend(
    history: &mut Vec<Transition>,
    previous: Option<&str>,
    status: &RemediationStatus,
    observed: &str,
) {
    let Some(to) = status.state.as_deref() else {
        return;
    };
    if previous == Some(to) {
        return;
    }
    let mut stops: Vec<&str> = previous
        .map(|from| passed(from, to, status))
        .unwrap_or_default();
    let inferred = !stops.is_empty() || previous.is_some_and(|from| is_indirect(from, to));
    stops.push(to);
    let mut from = previous;
    for stop in stops {
        history.push(Transition {
            from: from.map(str::to_owned),
            to: stop.to_owned(),
            time: time_of(from, stop, status).map(str::to_owned),
            observed_time: observed.to_owned(),
            inferred,
        });
        from = Some(stop);
    }
    let surplus = history.len().saturating_sub(limits::TRANSITIONS as usize);
    history.drain(..surplus);
}

/// Whether `to` directly follows `from`.
fn is_direct(from: &str, to: &str) -> bool {
    matches!(
        (from, to),
        (
            "PENDING_APPROVAL",
            "PENDING" | "CANCELLED" | "AUTO_RESOLVED"
        ) | ("PENDING", "QUARANTINING" | "RUNNING" | "CANCELLED")
            | ("QUARANTINING", "QUARANTINED")
            | ("QUARANTINED", "RUNNING")
            | ("RUNNING", "SUCCEEDED" | "FAILED")
    )
}

/// Whether both states are known and there must have been another one in between. Nothing is inferred from unknown
/// states.
fn is_indirect(from: &str, to: &str) -> bool {
    let known = |state: &str| WAY.contains(&state) || state::is_final(state);
    known(from) && known(to) && !is_direct(from, to)
}

/// The states between `from` and `to` that the API's times prove. None has a time for quarantine.
fn passed<'a>(from: &str, to: &str, status: &RemediationStatus) -> Vec<&'a str> {
    let Some(start) = WAY.iter().position(|state| *state == from) else {
        return Vec::new();
    };
    let end = match WAY.iter().position(|state| *state == to) {
        Some(end) => end,
        None if state::is_final(to) => WAY.len(),
        None => return Vec::new(),
    };
    let started = timestamp::read(status.start_time.as_deref()).is_some();
    let reviewed = timestamp::read(status.review_time.as_deref()).is_some();
    // A rejection also sets the review time, but a rejected remediation was never queued.
    let queued = reviewed && (started || !is_direct(from, to));
    WAY.get(start + 1..end)
        .unwrap_or_default()
        .iter()
        .copied()
        .filter(|state| match *state {
            "PENDING" => queued,
            "RUNNING" => started,
            _ => false,
        })
        .collect()
}

/// The API's time of the change to the state `to`, otherwise that of its last update.
pub(super) fn time_of<'a>(
    from: Option<&str>,
    to: &str,
    status: &'a RemediationStatus,
) -> Option<&'a str> {
    let ended = timestamp::given(status.end_time.as_deref());
    let reviewed = timestamp::given(status.review_time.as_deref());
    let fitting = match to {
        "PENDING" => reviewed,
        "RUNNING" => timestamp::given(status.start_time.as_deref()),
        "PENDING_APPROVAL" => timestamp::given(status.create_time.as_deref()),
        "CANCELLED" if from == Some("PENDING_APPROVAL") => ended.or(reviewed),
        to if state::is_final(to) => ended,
        _ => None,
    };
    fitting.or(timestamp::given(status.update_time.as_deref()))
}

#[cfg(test)]
mod tests;
