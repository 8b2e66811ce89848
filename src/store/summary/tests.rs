#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::{
    api::remediation::Remediation,
    mirror::status::{Synced, mark},
    store::Index,
    testing::{NAMESPACE, ZERO_TIMES, id, item, random, some},
    together,
};

/// A mirror of `item`, marked with `synced` if there is one.
fn mirror(item: &together::Remediation, synced: Option<Synced>) -> (Box<str>, Arc<Mirror>) {
    entry(object(item, synced))
}

fn object(item: &together::Remediation, synced: Option<Synced>) -> Remediation {
    let mut object = crate::testing::mirror(item);
    if let Some(synced) = synced {
        mark(object.status.as_mut().unwrap(), synced, &item.id, 1);
    }
    object
}

fn entry(object: Remediation) -> (Box<str>, Arc<Mirror>) {
    let name: Box<str> = object.spec.id.as_str().into();
    let index = Index::new(0);
    index.apply(object);
    let mirror = index.get(NAMESPACE, &name).unwrap();
    (name, mirror)
}

fn rollup(mirrors: &[(Box<str>, Arc<Mirror>)]) -> Rollup {
    super::rollup(mirrors.iter().map(|(name, mirror)| (&**name, &**mirror)))
}

fn on(number: u64, instance: &str, created: &str, state: &str) -> together::Remediation {
    together::Remediation {
        instance_id: some(instance),
        create_time: some(created),
        ..item(number, state)
    }
}

fn of(items: &[together::Remediation]) -> Rollup {
    let mirrors: Vec<_> = items.iter().map(|item| mirror(item, None)).collect();
    rollup(&mirrors)
}

#[test]
fn nothing_is_nothing() {
    assert_eq!(rollup(&[]), Rollup::default());
}

#[test]
fn each_state_is_counted() {
    let expected = [
        ("DREAMING", 1),
        ("PENDING_APPROVAL", 1),
        ("RUNNING", 2),
        ("SUCCEEDED", 1),
    ];
    let states = expected.map(|(state, _)| state).into_iter();
    let items: Vec<_> = (1..).zip(states.chain(["RUNNING"])).collect();
    let items: Vec<_> = items.into_iter().map(|(n, state)| item(n, state)).collect();
    let counts = of(&items).counts;
    assert_eq!((counts.total, counts.open), (5, 4));
    assert_eq!(counts.awaiting_approval, 1);
    let by_state = expected.map(|(state, count)| (state.to_owned(), count));
    assert_eq!(counts.by_state, by_state.into());
}

#[test]
fn one_that_is_gone_counts_in_total_alone() {
    for gone in [Synced::NotFound, Synced::NotListed] {
        for state in ["PENDING_APPROVAL", "FAILED"] {
            let rollup = rollup(&[mirror(&item(1, state), Some(gone))]);
            let expected = RemediationCounts {
                total: 1,
                ..RemediationCounts::default()
            };
            assert_eq!((rollup.counts, rollup.message), (expected, None));
        }
    }
}

#[test]
fn a_stale_one_still_counts() {
    let rollup = rollup(&[mirror(&item(1, "PENDING_APPROVAL"), Some(Synced::Stale))]);
    assert_eq!(rollup.counts.awaiting_approval, 1);
}

#[test]
fn one_created_but_not_yet_written_counts_as_open() {
    let (name, mirror) = mirror(&item(1, "RUNNING"), None);
    let mut bare = Mirror::clone(&mirror);
    bare.state = "".into();
    let counts = rollup(&[(name, Arc::new(bare))]).counts;
    assert_eq!((counts.total, counts.open), (1, 1));
    assert!(counts.by_state.is_empty());
}

#[test]
fn an_instance_has_failed_only_where_its_latest_remediation_did() {
    let failed = |items: &[together::Remediation]| of(items).counts.failed_nodes;
    let first = on(1, "i", "2026-11-23T08:00:00Z", "FAILED");
    assert_eq!(failed(std::slice::from_ref(&first)), 1);
    let retry = on(2, "i", "2026-11-23T09:00:00Z", "SUCCEEDED");
    assert_eq!(failed(&[first.clone(), retry.clone()]), 0);
    assert_eq!(failed(&[retry.clone(), first.clone()]), 0);
    let again = on(3, "i", "2026-11-23T09:30:00Z", "FAILED");
    assert_eq!(failed(&[again, first.clone(), retry.clone()]), 1);
    let elsewhere = on(4, "j", "2026-11-23T07:00:00Z", "FAILED");
    assert_eq!(failed(&[elsewhere, first, retry]), 1);
}

#[test]
fn a_withdrawn_retry_leaves_the_failure_the_latest() {
    let failed = mirror(&on(1, "i", "2026-11-23T08:00:00Z", "FAILED"), None);
    let retry = on(2, "i", "2026-11-23T09:00:00Z", "PENDING_APPROVAL");
    let gone = mirror(&retry, Some(Synced::NotFound));
    assert_eq!(rollup(&[failed, gone]).counts.failed_nodes, 1);
}

/// Its state is not final, and it is not open: only a mark does that.
#[test]
fn a_withdrawn_retry_whose_mark_cannot_be_read_hides_no_failure() {
    let failed = mirror(&on(1, "i", "2026-11-23T08:00:00Z", "FAILED"), None);
    let retry = on(2, "i", "2026-11-23T09:00:00Z", "PENDING_APPROVAL");
    let mut gone = object(&retry, Some(Synced::NotFound));
    let conditions = &mut gone.status.as_mut().unwrap().conditions;
    conditions.retain(|condition| condition.type_ != "Synced");
    let counts = rollup(&[failed, entry(gone)]).counts;
    assert_eq!((counts.failed_nodes, counts.awaiting_approval), (1, 0));
}

#[test]
fn the_longest_waiting_comes_first_and_ten_are_named() {
    let mut items: Vec<_> = (0..12)
        .map(|number| {
            let created = format!("2026-11-23T{:02}:00:00Z", 20 - number);
            on(number, "i", &created, "PENDING_APPROVAL")
        })
        .collect();
    items.push(together::Remediation {
        create_time: None,
        ..item(99, "PENDING_APPROVAL")
    });
    let rollup = of(&items);
    assert_eq!(rollup.counts.awaiting_approval, 13);
    let names = rollup.attention.iter().map(|one| one.name.clone());
    assert!(names.eq((2..12).rev().map(id)), "the oldest first");
    let message = rollup.message.unwrap();
    assert!(message.contains("12 more"), "{message}");
    assert!(message.contains(&id(11)), "{message}");
}

#[test]
fn one_that_awaits_approval_names_its_node_mode_time_and_command() {
    let waits = together::Remediation {
        instance_name: some("gpu-dp-17"),
        ..item(1, "PENDING_APPROVAL")
    };
    let rollup = of(&[waits]);
    let expected = Attention {
        name: id(1),
        node: some("gpu-dp-17"),
        state: "PENDING_APPROVAL".into(),
        mode: some("REBOOT_VM"),
        since: some("2026-11-23T09:00:00Z"),
    };
    assert_eq!(rollup.attention, [expected]);
    let message = rollup.message.unwrap();
    let command = format!("approve {} --mode REBOOT_VM", id(1));
    let command = format!("tg clusters remediations {command}");
    for part in ["gpu-dp-17", "reboot", "2026-11-23T09:00:00Z", &command] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    assert!(!message.contains("more"), "{message}");
}

#[test]
fn a_failure_waits_since_its_end() {
    let failed = together::Remediation {
        end_time: some("2026-11-23T09:10:00Z"),
        ..item(1, "FAILED")
    };
    let waits = on(2, "j", "2026-11-23T09:05:00Z", "PENDING_APPROVAL");
    let rollup = of(&[failed, waits]);
    let since = rollup.attention.iter().map(|one| one.since.as_deref());
    let expected = ["2026-11-23T09:05:00Z", "2026-11-23T09:10:00Z"];
    assert!(since.eq(expected.map(Some)), "{:?}", rollup.attention);
}

#[test]
fn a_time_that_is_not_set_hides_no_failure_and_is_in_no_message() {
    for zero in ZERO_TIMES {
        let failed = together::Remediation {
            end_time: some(zero),
            update_time: some(zero),
            ..on(1, "i", zero, "FAILED")
        };
        let before = on(2, "i", "2026-11-23T08:00:00Z", "SUCCEEDED");
        for all in [[failed.clone(), before.clone()], [before, failed]] {
            let rollup = of(&all);
            assert_eq!(rollup.counts.failed_nodes, 1, "{zero}");
            assert_eq!(rollup.attention[0].since, None);
        }
        let message = of(&[on(1, "i", zero, "PENDING_APPROVAL")]).message.unwrap();
        assert!(!message.contains("since"), "{message}");
    }
}

#[test]
fn without_a_creation_the_last_update_decides_which_is_the_latest() {
    let failed = together::Remediation {
        create_time: None,
        update_time: some("2026-11-23T08:00:00Z"),
        ..item(1, "FAILED")
    };
    for (created, count) in [("2026-11-23T07:00:00Z", 1), ("2026-11-23T09:00:00Z", 0)] {
        let other = on(2, "instance-1", created, "SUCCEEDED");
        assert_eq!(of(&[failed.clone(), other]).counts.failed_nodes, count);
    }
}

proptest! {
    #[test]
    fn the_numbers_add_up(items in proptest::collection::vec(
        (random::remediation(1000), proptest::option::of(proptest::sample::select(vec![Synced::NotFound, Synced::Stale]))), 0..20,
    )) {
        let mirrors: Vec<_> = items.iter().map(|(item, synced)| mirror(item, *synced)).collect();
        let Rollup { counts, attention, message } = rollup(&mirrors);
        let gone = mirrors.iter().filter(|(_, mirror)| mirror.lifecycle.synced.is_gone()).count();
        let all = i64::try_from(mirrors.len()).unwrap();
        prop_assert_eq!(counts.total, all);
        prop_assert_eq!(counts.by_state.values().sum::<i64>() + i64::try_from(gone).unwrap(), all);
        prop_assert!(counts.awaiting_approval <= counts.open && counts.open <= all);
        let waiting = counts.awaiting_approval + counts.failed_nodes;
        prop_assert_eq!(i64::try_from(attention.len()).unwrap(), waiting.min(10));
        prop_assert_eq!(message.is_some(), waiting > 0);
    }
}
