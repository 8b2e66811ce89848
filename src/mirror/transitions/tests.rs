use super::*;
use crate::testing::ZERO_TIMES;

const CREATED: &str = "2026-11-23T09:00:00Z";
const REVIEWED: &str = "2026-11-23T09:10:00Z";
const STARTED: &str = "2026-11-23T09:20:00Z";
const ENDED: &str = "2026-11-23T09:30:00Z";
const UPDATED: &str = "2026-11-23T09:40:00Z";

const APPROVAL: &str = "PENDING_APPROVAL";

/// From, to, the API's time, and whether it is only concluded.
type Hop = (Option<String>, String, Option<String>, bool);

fn hop(from: &str, to: &str, time: &str, inferred: bool) -> Hop {
    (Some(from.into()), to.into(), Some(time.into()), inferred)
}

fn at(state: &str) -> RemediationStatus {
    RemediationStatus {
        state: Some(state.into()),
        create_time: Some(CREATED.into()),
        update_time: Some(UPDATED.into()),
        ..RemediationStatus::default()
    }
}

fn hops(previous: Option<&str>, status: &RemediationStatus) -> Vec<Hop> {
    let mut history = Vec::new();
    extend(&mut history, previous, status, "now");
    history
        .into_iter()
        .map(|hop| (hop.from, hop.to, hop.time, hop.inferred))
        .collect()
}

#[test]
fn the_first_state_is_one_hop_from_nowhere() {
    let status = RemediationStatus {
        end_time: Some(ENDED.into()),
        ..at("SUCCEEDED")
    };
    assert_eq!(
        hops(None, &status),
        [(None, "SUCCEEDED".into(), Some(ENDED.into()), false)]
    );
}

#[test]
fn the_same_state_is_no_hop() {
    assert_eq!(hops(Some("RUNNING"), &at("RUNNING")), []);
}

/// A status in `state` with these of the three times.
fn timed(state: &str, reviewed: bool, started: bool, ended: bool) -> RemediationStatus {
    let time = |there: bool, time: &str| there.then(|| time.to_owned());
    RemediationStatus {
        review_time: time(reviewed, REVIEWED),
        start_time: time(started, STARTED),
        end_time: time(ended, ENDED),
        ..at(state)
    }
}

#[test]
fn a_state_between_two_looks_is_concluded_only_where_a_time_proves_it() {
    // From, to, which times there are (review, start, end), the states that are concluded between the two.
    let table: [(&str, &str, [bool; 3], &[&str]); 14] = [
        (APPROVAL, "RUNNING", [true, true, false], &["PENDING"]),
        (APPROVAL, "RUNNING", [false, true, false], &[]),
        (APPROVAL, "QUARANTINING", [true, false, false], &["PENDING"]),
        (APPROVAL, "QUARANTINING", [false, false, false], &[]),
        (APPROVAL, "QUARANTINED", [true, false, false], &["PENDING"]),
        (
            APPROVAL,
            "FAILED",
            [true, true, true],
            &["PENDING", "RUNNING"],
        ),
        (APPROVAL, "FAILED", [true, false, true], &["PENDING"]),
        ("PENDING", "QUARANTINED", [true, false, false], &[]),
        ("PENDING", "SUCCEEDED", [true, true, true], &["RUNNING"]),
        ("QUARANTINING", "RUNNING", [true, true, false], &[]),
        ("QUARANTINING", "FAILED", [true, true, true], &["RUNNING"]),
        ("QUARANTINED", "FAILED", [true, false, true], &[]),
        ("QUARANTINED", "CANCELLED", [true, false, true], &[]),
        ("PENDING", "CANCELLED", [true, true, true], &["RUNNING"]),
    ];
    for (from, to, [reviewed, started, ended], between) in table {
        let hops = hops(Some(from), &timed(to, reviewed, started, ended));
        let stops: Vec<_> = hops.iter().map(|(_, to, ..)| to.as_str()).collect();
        assert_eq!(stops, [between, &[to]].concat(), "{from} to {to}");
        assert!(hops.iter().all(|(.., inferred)| *inferred), "{hops:?}");
        let froms = hops.iter().map(|(from, ..)| from.as_deref());
        let before = [&[from][..], between].concat();
        assert!(froms.eq(before.into_iter().map(Some)), "{hops:?}");
    }
    let hops = hops(Some(APPROVAL), &timed("FAILED", true, true, true));
    let times: Vec<_> = hops
        .iter()
        .filter_map(|(_, _, time, _)| time.as_deref())
        .collect();
    assert_eq!(times, [REVIEWED, STARTED, ENDED]);
}

/// The known states, in the order of a repair.
const KNOWN: [&str; 9] = [
    APPROVAL,
    "PENDING",
    "QUARANTINING",
    "QUARANTINED",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "CANCELLED",
    "AUTO_RESOLVED",
];

/// Those that follow each at once.
const DIRECT: [(&str, &[&str]); 5] = [
    (APPROVAL, &["PENDING", "CANCELLED", "AUTO_RESOLVED"]),
    ("PENDING", &["QUARANTINING", "RUNNING", "CANCELLED"]),
    ("QUARANTINING", &["QUARANTINED"]),
    ("QUARANTINED", &["RUNNING"]),
    ("RUNNING", &["SUCCEEDED", "FAILED"]),
];

#[test]
fn a_hop_that_is_not_direct_says_so_and_a_direct_one_does_not() {
    for from in KNOWN {
        for to in KNOWN.into_iter().filter(|to| *to != from) {
            let direct = DIRECT
                .iter()
                .any(|(one, next)| *one == from && next.contains(&to));
            // No time proves anything.
            let time = if to == APPROVAL { CREATED } else { UPDATED };
            assert_eq!(
                hops(Some(from), &at(to)),
                [hop(from, to, time, !direct)],
                "{from} to {to}"
            );
            if direct && !["CANCELLED", "AUTO_RESOLVED"].contains(&to) {
                let hops = hops(Some(from), &timed(to, true, true, true));
                assert_eq!(hops.len(), 1, "{hops:?}");
                assert!(!hops[0].3, "{hops:?}");
            }
        }
    }
}

#[test]
fn a_time_that_is_not_set_proves_nothing_and_dates_no_hop() {
    for zero in ZERO_TIMES {
        let zero = || Some(zero.to_owned());
        let status = RemediationStatus {
            review_time: zero(),
            start_time: zero(),
            end_time: zero(),
            ..at("SUCCEEDED")
        };
        assert_eq!(
            hops(Some("RUNNING"), &status),
            [hop("RUNNING", "SUCCEEDED", UPDATED, false)]
        );
        let from_the_start = hops(Some(APPROVAL), &status);
        assert_eq!(from_the_start.len(), 1, "{from_the_start:?}");
        let status = RemediationStatus {
            update_time: zero(),
            ..status
        };
        assert_eq!(hops(None, &status)[0].2, None);
    }
}

#[test]
fn what_ended_before_it_was_queued_was_only_reviewed() {
    for (to, time) in [("CANCELLED", REVIEWED), ("AUTO_RESOLVED", UPDATED)] {
        assert_eq!(
            hops(Some(APPROVAL), &timed(to, true, false, false)),
            [hop(APPROVAL, to, time, false)]
        );
        // Only what was queued can have begun.
        let begun = hops(Some(APPROVAL), &timed(to, true, true, false));
        let stops: Vec<_> = begun.iter().map(|(_, to, ..)| to.as_str()).collect();
        assert_eq!(stops, ["PENDING", "RUNNING", to]);
        assert!(begun.iter().all(|(.., inferred)| *inferred));
    }
}

#[test]
fn hops_from_and_to_unknown_states_are_not_concluded() {
    for (from, to) in [
        ("QUARANTINED", "DREAMING"),
        ("DREAMING", "FAILED"),
        ("DREAMING", "WAKING"),
        ("", "RUNNING"),
    ] {
        let time = if to == "FAILED" { ENDED } else { UPDATED };
        let time = if to == "RUNNING" { STARTED } else { time };
        assert_eq!(
            hops(Some(from), &timed(to, true, true, true)),
            [hop(from, to, time, false)]
        );
    }
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
