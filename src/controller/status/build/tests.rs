#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;
use crate::{
    api::cluster_watch::{Attention, RemediationCounts},
    testing::{at, condition, now, some, word},
};

const MINUTE: Duration = Duration::from_secs(60);

fn facts() -> StatusInputs {
    StatusInputs {
        generation: 3,
        last_sync: Some(now()),
        last_full_sync: Some(now()),
        stale_after: MINUTE * 5,
        handled: None,
        adopted: true,
        adopting: None,
        before_panic: None,
        rollup: Some(Rollup::default()),
    }
}

fn synced() -> ReadyState {
    ReadyState::Synced(String::new())
}

fn first(state: &ReadyState) -> ClusterWatchStatus {
    first_of(state, &facts())
}

fn first_of(state: &ReadyState, facts: &StatusInputs) -> ClusterWatchStatus {
    build(&ClusterWatchStatus::default(), state, facts, now())
}

/// The facts, while a `ClusterWatch` waits for something.
fn waits() -> StatusInputs {
    StatusInputs {
        rollup: Some(attention()),
        ..facts()
    }
}

fn attention() -> Rollup {
    Rollup {
        counts: RemediationCounts {
            total: 4,
            ..RemediationCounts::default()
        },
        attention: vec![Attention {
            name: "a".into(),
            ..Attention::default()
        }],
        message: some("gpu-dp-17: reboot awaits approval"),
    }
}

fn states() -> [ReadyState; 5] {
    let message = "what to do".to_owned();
    [
        ReadyState::Progressing(message.clone()),
        ReadyState::Synced(message.clone()),
        ReadyState::Suspended,
        ReadyState::Stalled {
            reason: Reason::Unauthorized,
            message: message.clone(),
        },
        ReadyState::Failing {
            reason: Reason::RateLimited,
            message,
        },
    ]
}

#[test]
fn every_standing_reads_as_the_contract_says() {
    // Ready, its reason, Reconciling, Stalled
    let table = [
        ("Unknown", "Progressing", "True", "False"),
        ("True", "Synced", "False", "False"),
        ("Unknown", "Pending", "False", "False"),
        ("False", "Unauthorized", "False", "True"),
        ("False", "RateLimited", "True", "False"),
    ];
    for (state, (ready, reason, reconciling, stalled)) in states().iter().zip(table) {
        let status = first(state);
        let conditions = &status.conditions;
        assert_eq!(word(conditions, "Ready"), (ready, reason), "{state:?}");
        let read = |type_| condition(conditions, type_).status.as_str();
        assert_eq!(read("Reconciling"), reconciling, "{state:?}");
        assert_eq!(read("Stalled"), stalled, "{state:?}");
        assert_eq!(read("AttentionRequired"), "False", "{state:?}");
        assert_eq!(conditions.len(), 4);
        assert_eq!(status.observed_generation, Some(3));
        assert!(conditions.iter().all(|c| c.observed_generation == Some(3)));
        assert!(conditions.iter().all(|c| !c.reason.is_empty()));
        if *state != ReadyState::Suspended {
            let message = condition(conditions, "Ready").message.to_lowercase();
            assert!(message.ends_with("what to do"), "{message}");
        }
    }
}

#[test]
fn stalled_shows_what_needs_somebody_and_attention_names_who_waits() {
    let status = first_of(&synced(), &waits());
    let attention = condition(&status.conditions, "AttentionRequired");
    assert_eq!(attention.message, "gpu-dp-17: reboot awaits approval");
    assert_eq!(attention.status, "True");
    assert_eq!(condition(&status.conditions, "Ready").status, "True");
    assert_eq!(status.remediations.unwrap().total, 4);
    let [.., stalled, _] = states();
    let conditions = first(&stalled).conditions;
    assert_eq!(condition(&conditions, "Stalled").message, "What to do");
}

#[test]
fn suspended_ready_stays_and_nothing_promises_freshness() {
    let before = build(&first(&synced()), &synced(), &waits(), now());
    let unknown = StatusInputs {
        generation: 4,
        ..StatusInputs::default()
    };
    let status = build(&before, &ReadyState::Suspended, &unknown, now() + MINUTE);
    assert_eq!(word(&status.conditions, "Ready"), ("True", "Synced"));
    let ready = condition(&status.conditions, "Ready");
    assert_eq!(ready.message, "Suspended");
    assert_eq!(ready.observed_generation, Some(4));
    assert_eq!(condition(&status.conditions, "Reconciling").status, "False");
    assert_eq!(status.stale_after, None);
    assert_eq!(status.remediations, before.remediations);
    assert_eq!(status.last_sync_time, before.last_sync_time);
    assert!(worth_writing(&before, &status, None));
    let hour = now() + MINUTE * 60;
    let later = build(&status, &ReadyState::Suspended, &unknown, hour);
    assert!(!worth_writing(&status, &later, None), "nothing beats");
    let resumed = build(&later, &synced(), &facts(), now());
    assert!(resumed.stale_after.is_some() && worth_writing(&later, &resumed, None));
}

#[test]
fn stale_after_is_the_heartbeat_and_what_may_go_unconfirmed_in_whole_seconds() {
    // 10:00:00.25 and twice 5 minutes.
    let stale_after = first(&synced()).stale_after.unwrap();
    assert_eq!(stale_after, "2026-11-23T10:10:00Z");
}

#[test]
fn a_condition_keeps_its_time_while_its_status_stays() {
    let [progressing, synced, _, stalled, failing] = states();
    let since = |status: &ClusterWatchStatus, type_| {
        condition(&status.conditions, type_).last_transition_time.0
    };
    let first = first(&progressing);
    // Without the fraction.
    assert_eq!(since(&first, "Ready"), at("2026-11-23T10:00:00Z"));
    let second = build(&first, &synced, &facts(), now() + MINUTE);
    assert_eq!(since(&second, "Ready"), at("2026-11-23T10:01:00Z"));
    assert_eq!(since(&second, "Stalled"), at("2026-11-23T10:00:00Z"));
    let third = build(&second, &stalled, &facts(), now() + MINUTE * 2);
    let fourth = build(&third, &failing, &facts(), now() + MINUTE * 3);
    // Another reason is no transition.
    assert_eq!(since(&fourth, "Ready"), at("2026-11-23T10:02:00Z"));
    assert_eq!(since(&fourth, "Stalled"), at("2026-11-23T10:03:00Z"));
}

#[test]
fn what_is_not_known_is_carried_on() {
    let known = StatusInputs {
        handled: some("yes"),
        ..waits()
    };
    let before = first_of(&synced(), &known);
    let unknown = StatusInputs {
        generation: 3,
        stale_after: MINUTE * 5,
        ..StatusInputs::default()
    };
    let after = build(&before, &synced(), &unknown, now());
    assert_eq!(after, before);
    assert_eq!(first_of(&synced(), &unknown).remediations, None);
}

#[test]
fn an_overlong_message_is_cut() {
    let long = ReadyState::Synced("€".repeat(5000));
    let conditions = first(&long).conditions;
    let message = &condition(&conditions, "Ready").message;
    assert_eq!(message.chars().count(), 4096);
}

#[test]
fn the_heartbeat_beats_every_five_minutes_and_not_before() {
    let before = first(&synced());
    let after = |time: Duration| {
        let facts = StatusInputs {
            last_sync: Some(now() + time),
            last_full_sync: Some(now() + time),
            ..facts()
        };
        build(&before, &synced(), &facts, now() + time)
    };
    assert!(!worth_writing(&before, &before, None));
    assert!(!worth_writing(&before, &after(MINUTE * 4), None));
    assert!(worth_writing(&before, &after(MINUTE * 5), None));
    assert!(worth_writing(&ClusterWatchStatus::default(), &before, None));
}

#[test]
fn whatever_else_is_new_is_written_at_once() {
    let before = first(&synced());
    let changes: [fn(&mut StatusInputs); 3] = [
        |facts| facts.generation = 4,
        |facts| facts.handled = some("x"),
        |facts| facts.rollup = Some(attention()),
    ];
    let mut cases = vec![(ReadyState::Synced("left out 1".into()), facts())];
    cases.extend(changes.map(|change| {
        let mut facts = facts();
        change(&mut facts);
        (synced(), facts)
    }));
    for (state, facts) in cases {
        let status = build(&before, &state, &facts, now());
        assert!(worth_writing(&before, &status, None), "{status:?}");
    }
}

#[test]
fn the_last_sync_is_exact_if_the_watch_reports_that_it_cannot_list() {
    let later_by = |state: &ReadyState| synced_later_by(&first(state));
    let failing = |reason| ReadyState::Failing {
        reason,
        message: String::new(),
    };
    assert_eq!(later_by(&failing(Reason::Unavailable)), Duration::ZERO);
    // The list succeeded nevertheless: the next heartbeat reports it.
    assert_eq!(later_by(&failing(Reason::WriteFailed)), HEARTBEAT);
    assert_eq!(later_by(&synced()), HEARTBEAT);
    assert_eq!(synced_later_by(&ClusterWatchStatus::default()), HEARTBEAT);
}

proptest! {
    #[test]
    fn a_status_is_rewritten_before_its_stale_after(
        before in 1_u64..5_000, after in 1_u64..5_000, poll in 10_u64..150,
    ) {
        // However the time that may go unconfirmed changes: polls `poll` seconds apart write before the last promise ends.
        let facts = |stale: u64| StatusInputs { stale_after: Duration::from_secs(stale.max(120 + 3 * poll)), ..facts() };
        let written = first_of(&synced(), &facts(before));
        let ends: Timestamp = written.stale_after.as_deref().unwrap().parse().unwrap();
        let mut time = now();
        loop {
            time += Duration::from_secs(poll);
            prop_assert!(time <= ends, "nothing was written before {ends}");
            if worth_writing(&written, &build(&written, &synced(), &facts(after), time), None) {
                break;
            }
        }
    }
}

#[test]
fn until_every_mirror_is_this_generations_it_reconciles_however_it_stands() {
    let busy = StatusInputs {
        adopted: false,
        adopting: some("2 mirrors left"),
        ..facts()
    };
    for state in states() {
        let status = first_of(&state, &busy);
        let reconciling = condition(&status.conditions, "Reconciling");
        assert_eq!(reconciling.status, "True", "{state:?}");
        assert_eq!(status.mirrors_generation, None, "{state:?}");
        let done = build(&status, &state, &facts(), now());
        assert_eq!(done.mirrors_generation, Some(3), "{state:?}");
    }
}

#[test]
fn the_mirrors_generation_matches_the_mirrors() {
    let facts = |adopted, adopting: Option<&str>| StatusInputs {
        adopted,
        adopting: adopting.map(str::to_owned),
        ..facts()
    };
    // The generation before, whether every mirror is up to date, the work left, the generation after.
    let table = [
        (None, true, None, Some(3)),
        (Some(2), true, None, Some(3)),
        (Some(2), false, Some("1 left"), Some(2)),
        (Some(3), false, Some("1 left"), None),
        (Some(2), false, None, Some(2)),
    ];
    for (before, adopted, adopting, after) in table {
        let previous = ClusterWatchStatus {
            mirrors_generation: before,
            ..ClusterWatchStatus::default()
        };
        let next = build(&previous, &synced(), &facts(adopted, adopting), now());
        let case = format!("{before:?} {adopted} {adopting:?}");
        assert_eq!(next.mirrors_generation, after, "{case}");
    }
}

#[test]
fn a_promise_too_far_ahead_is_taken_back_at_once() {
    let promised = |stale_after| {
        let facts = StatusInputs {
            stale_after,
            ..facts()
        };
        first_of(&synced(), &facts)
    };
    // How much further the old promise lies, how long ago the last write was, and whether to write.
    let table = [
        (MINUTE * 5, MINUTE, false),
        (MINUTE * 6, MINUTE, true),
        (MINUTE * 5, MINUTE * 5, true),
        (Duration::ZERO, MINUTE * 4, false),
    ];
    for (further, silent, write) in table {
        let (old, new) = (promised(MINUTE * 5 + further), promised(MINUTE * 5));
        let writes = worth_writing(&old, &new, Some(silent));
        assert_eq!(writes, write, "{further:?} {silent:?}");
    }
}
