//! The history of a mirror: which states it went through, seen or concluded.

use crate::{
    api::{
        limits,
        remediation::{RemediationStatus, Transition},
    },
    together::state,
};

/// The way of a repair through the states of the API's reference page; final states come after these.
const WAY: [&str; 3] = ["PENDING_APPROVAL", "PENDING", "RUNNING"];

/// Adds to `history` the hops from `previous` (the state last mirrored) to the state of `status`.
///
/// The oldest go first where there are more than the schema allows. `observed` is the time of the look that showed it (RFC 3339). States between the two are concluded only where one
/// of the API's own times proves that they were passed; such hops are marked `inferred`.
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
    let inferred = !stops.is_empty();
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

/// The states between `from` and `to` that the API's times prove.
fn passed<'a>(from: &str, to: &str, status: &RemediationStatus) -> Vec<&'a str> {
    let Some(start) = WAY.iter().position(|state| *state == from) else {
        return Vec::new();
    };
    let end = match WAY.iter().position(|state| *state == to) {
        Some(end) => end,
        None if state::is_final(to) => WAY.len(),
        None => return Vec::new(),
    };
    WAY.get(start + 1..end)
        .unwrap_or_default()
        .iter()
        .copied()
        .filter(|state| match *state {
            // A rejection is reviewed too, but never queued.
            "PENDING" => {
                status.review_time.is_some() && (to != "CANCELLED" || status.start_time.is_some())
            }
            _ => status.start_time.is_some(),
        })
        .collect()
}

/// The API's time that fits the hop, else the time of its last update.
fn time_of<'a>(from: Option<&str>, to: &str, status: &'a RemediationStatus) -> Option<&'a str> {
    let fitting = match to {
        "PENDING" => &status.review_time,
        "RUNNING" => &status.start_time,
        "PENDING_APPROVAL" => &status.create_time,
        "CANCELLED" if from == Some("PENDING_APPROVAL") && status.end_time.is_none() => {
            &status.review_time
        }
        to if state::is_final(to) => &status.end_time,
        _ => &None,
    };
    fitting.as_deref().or(status.update_time.as_deref())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(state: &str) -> RemediationStatus {
        RemediationStatus {
            state: Some(state.into()),
            create_time: Some("c".into()),
            update_time: Some("u".into()),
            ..RemediationStatus::default()
        }
    }

    fn hops(
        previous: Option<&str>,
        status: &RemediationStatus,
    ) -> Vec<(Option<String>, String, Option<String>, bool)> {
        let mut history = Vec::new();
        extend(&mut history, previous, status, "now");
        history
            .into_iter()
            .map(|hop| (hop.from, hop.to, hop.time, hop.inferred))
            .collect()
    }

    #[test]
    fn the_first_sight_is_one_hop_from_nowhere() {
        let status = RemediationStatus {
            end_time: Some("e".into()),
            ..at("SUCCEEDED")
        };
        assert_eq!(
            hops(None, &status),
            [(None, "SUCCEEDED".into(), Some("e".into()), false)]
        );
    }

    #[test]
    fn the_same_state_is_no_hop() {
        assert_eq!(hops(Some("RUNNING"), &at("RUNNING")), []);
    }

    #[test]
    fn a_state_between_two_looks_is_concluded_only_where_a_time_proves_it() {
        let status = RemediationStatus {
            review_time: Some("r".into()),
            start_time: Some("s".into()),
            ..at("RUNNING")
        };
        assert_eq!(
            hops(Some("PENDING_APPROVAL"), &status),
            [
                (
                    Some("PENDING_APPROVAL".into()),
                    "PENDING".into(),
                    Some("r".into()),
                    true
                ),
                (
                    Some("PENDING".into()),
                    "RUNNING".into(),
                    Some("s".into()),
                    true
                ),
            ]
        );
        assert_eq!(
            hops(Some("PENDING_APPROVAL"), &at("AUTO_RESOLVED")),
            [(
                Some("PENDING_APPROVAL".into()),
                "AUTO_RESOLVED".into(),
                Some("u".into()),
                false
            )]
        );
    }

    #[test]
    fn a_rejection_was_never_queued() {
        let status = RemediationStatus {
            review_time: Some("r".into()),
            ..at("CANCELLED")
        };
        assert_eq!(
            hops(Some("PENDING_APPROVAL"), &status),
            [(
                Some("PENDING_APPROVAL".into()),
                "CANCELLED".into(),
                Some("r".into()),
                false
            )]
        );
    }

    #[test]
    fn unknown_states_are_kept_as_they_are() {
        assert_eq!(
            hops(Some("QUARANTINED"), &at("DREAMING")),
            [(
                Some("QUARANTINED".into()),
                "DREAMING".into(),
                Some("u".into()),
                false
            )]
        );
    }

    #[test]
    fn the_oldest_go_first() {
        let mut history = Vec::new();
        for turn in 0..30 {
            let (from, to) = if turn % 2 == 0 {
                ("A", "B")
            } else {
                ("B", "A")
            };
            extend(&mut history, Some(from), &at(to), &turn.to_string());
        }
        assert_eq!(history.len(), limits::TRANSITIONS as usize);
        assert_eq!(history[0].observed_time, "10");
    }
}
