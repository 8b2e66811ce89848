//! Pages against the plain meaning of filter and order.
#![allow(clippy::unwrap_used)]

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::*;

const STATES: [&str; 3] = ["PENDING", "RUNNING", "FAILED"];
const INSTANCES: [&str; 2] = ["i-1", "i-2"];

prop_compose! {
    /// Few distinct times, so that ties and absent ones are common.
    fn remediation()(
        id in 0..40u8,
        instance in select(&INSTANCES[..]),
        state in select(&STATES[..]),
        times in [0..6u8, 0..6u8],
    ) -> Remediation {
        let time = |second: u8| match second {
            0 => None,
            1 => Some("not a time".to_owned()),
            _ => Some(format!("2026-11-23T10:00:0{second}Z")),
        };
        let [create, update] = times;
        Remediation {
            state: state.into(),
            create_time: time(create),
            update_time: time(update),
            ..Remediation::new("c", instance, &format!("r-{id:02}"))
        }
    }
}

prop_compose! {
    fn question()(
        instance in select(vec![None, Some("i-1"), Some("i-9")]),
        states in subsequence(STATES.to_vec(), 0..=STATES.len()),
        by_update: bool,
        descending: bool,
    ) -> Question {
        Question {
            cluster: "c".into(),
            instance: instance.map(str::to_owned),
            states: states.into_iter().map(str::to_owned).collect(),
            modes: BTreeSet::new(),
            triggers: BTreeSet::new(),
            order: Order { by_update, descending },
        }
    }
}

/// All pages, each reached by the token of the one before.
fn walk(cluster: &Cluster, question: &Question, size: usize) -> Vec<Vec<Remediation>> {
    let mut pages = Vec::new();
    let mut start = Start::default();
    loop {
        let page = page(cluster, question, &start, size);
        pages.push(page.items);
        let Some(next) = page.next else {
            return pages;
        };
        start = start_of(question, &token(question, &next)).unwrap();
        assert_eq!(start, next);
    }
}

proptest! {
    #[test]
    fn pages_hold_what_fits_once_each_and_in_order(
        puts in vec(remediation(), 0..60),
        question in question(),
        size in 1..9usize,
    ) {
        let mut cluster = Cluster::default();
        for put in &puts {
            cluster.put(put.clone(), Timestamp::UNIX_EPOCH);
        }
        let mut expected: Vec<Remediation> = cluster.all().filter(|one| {
            question.instance.as_ref().is_none_or(|instance| *instance == one.instance_id)
                && (question.states.is_empty() || question.states.contains(&one.state))
        }).cloned().collect();
        expected.sort_by_key(|one| {
            let time = if question.order.by_update { &one.update_time } else { &one.create_time };
            Place::of(time.as_ref(), &one.id)
        });
        if question.order.descending {
            expected.reverse();
        }
        let pages = walk(&cluster, &question, size);
        let full = pages.len() - 1;
        prop_assert!(pages[..full].iter().all(|page| page.len() == size));
        prop_assert_eq!(pages.concat(), expected);
    }

    #[test]
    fn a_listing_keeps_what_stays_whatever_comes_and_goes(
        puts in vec(remediation(), 1..40),
        removed in 0..40u8,
        question in question(),
        size in 1..5usize,
    ) {
        let mut cluster = Cluster::default();
        for put in &puts {
            cluster.put(put.clone(), Timestamp::UNIX_EPOCH);
        }
        let gone = format!("r-{removed:02}");
        let first = page(&cluster, &question, &Start::default(), size);
        let mut expected: Vec<String> = walk(&cluster, &question, size)
            .concat()
            .into_iter()
            .map(|one| one.id)
            .collect();
        cluster.remove(&gone, Timestamp::UNIX_EPOCH);
        let on_first = first.items.iter().any(|one| one.id == gone);
        expected.retain(|id| *id != gone || on_first);
        let mut seen: Vec<String> = first.items.iter().map(|one| one.id.clone()).collect();
        let mut next = first.next;
        while let Some(start) = next {
            let page = page(&cluster, &question, &start, size);
            seen.extend(page.items.into_iter().map(|one| one.id));
            next = page.next;
        }
        prop_assert_eq!(seen, expected);
    }

    #[test]
    fn any_text_is_read_or_refused_as_token_and_order(text in ".{0,40}") {
        let question = Question {
            cluster: "c".into(),
            instance: None,
            states: BTreeSet::new(),
            modes: BTreeSet::new(),
            triggers: BTreeSet::new(),
            order: Order::default(),
        };
        prop_assert_eq!(start_of(&question, &text), None);
        if let Some(order) = Order::parse(&text) {
            let field = if order.by_update { "update_time" } else { "create_time" };
            prop_assert!(text.contains(field));
        }
    }
}
