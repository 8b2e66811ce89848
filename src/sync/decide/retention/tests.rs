#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    api::remediation::{Remediation, RemediationSpec, RemediationStatus},
    store::Index,
    testing::{CLUSTER, NAMESPACE, at, clocks, now},
};

/// One that may be mirrored or not: instance, end and creation (hours before now; `None`: it says none), and whether it is
/// open.
#[derive(Clone, Debug)]
struct One {
    name: String,
    instance: &'static str,
    hours: Option<i64>,
    created: Option<i64>,
    open: bool,
}

impl One {
    fn finished(name: &str, instance: &'static str, hours: i64) -> Self {
        Self {
            name: name.into(),
            instance,
            hours: Some(hours),
            created: None,
            open: false,
        }
    }

    fn end(&self) -> Option<Timestamp> {
        self.hours.map(ago)
    }

    fn status(&self) -> RemediationStatus {
        RemediationStatus {
            state: Some(if self.open { "RUNNING" } else { "SUCCEEDED" }.into()),
            open: Some(self.open),
            instance_id: Some(self.instance.into()),
            create_time: self.created.map(|hours| ago(hours).to_string()),
            end_time: self.end().map(|end| end.to_string()),
            ..RemediationStatus::default()
        }
    }

    fn spec(&self) -> RemediationSpec {
        RemediationSpec {
            cluster_id: CLUSTER.into(),
            id: self.name.clone(),
        }
    }

    fn mirror(&self) -> (Box<str>, Arc<Mirror>) {
        let index = Index::new(0);
        let mut object = Remediation::new(&self.name, self.spec());
        object.metadata.namespace = Some(NAMESPACE.into());
        object.metadata.uid = Some("u".into());
        object.metadata.resource_version = Some("1".into());
        object.status = Some(self.status());
        index.apply(object);
        let name = self.name.as_str();
        (name.into(), index.get(NAMESPACE, name).unwrap())
    }

    fn candidate(&self) -> Finished {
        Finished {
            name: self.name.as_str().into(),
            finished: self.end(),
            created: self.created.map(ago),
            status: Box::new(self.status()),
            spec: self.spec(),
        }
    }
}

/// So many hours before now.
fn ago(hours: i64) -> Timestamp {
    at("2026-11-23T10:00:00Z") - Duration::from_secs(hours.unsigned_abs() * 3600)
}

fn policy(ttl_hours: Option<u64>, max_per_instance: Option<usize>) -> Policy {
    Policy {
        ttl: ttl_hours.map(|hours| Duration::from_secs(hours * 3600)),
        max_per_instance,
    }
}

/// The names that are pruned and created, sorted.
fn settled(policy: Policy, mirrored: &[One], listed: &[One]) -> (Vec<String>, Vec<String>) {
    let mirrors: Vec<_> = mirrored.iter().map(One::mirror).collect();
    let mut candidates = Candidates::default();
    for one in listed {
        candidates.push(one.candidate(), &policy);
    }
    let (mut pruned, mut created) = (Vec::new(), Vec::new());
    for write in settle(&policy, &mirrors, candidates, clocks(), &BTreeSet::new()) {
        match write.change {
            MirrorChange::Prune(_) => pruned.push(write.name.into_string()),
            MirrorChange::Create(..) => created.push(write.name.into_string()),
            other => panic!("{other:?}"),
        }
    }
    pruned.sort_unstable();
    created.sort_unstable();
    (pruned, created)
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn past_its_time_one_is_pruned() {
    let all = [One::finished("old", "i", 3), One::finished("new", "i", 1)];
    assert_eq!(
        settled(policy(Some(2), None), &all, &[]),
        (vec!["old".into()], none())
    );
    assert_eq!(settled(policy(None, None), &all, &[]), (none(), none()));
}

#[test]
fn what_has_expired_since_it_was_listed_is_not_created() {
    let listed = [One::finished("old", "i", 3), One::finished("new", "i", 1)];
    assert_eq!(
        settled(policy(Some(2), Some(5)), &[], &listed),
        (none(), vec!["new".into()])
    );
}

#[test]
fn the_newest_of_each_instance_stay() {
    let all = [
        One::finished("i-old", "i", 3),
        One::finished("i-new", "i", 1),
        One::finished("j-old", "j", 9),
    ];
    assert_eq!(
        settled(policy(None, Some(1)), &all, &[]),
        (vec!["i-old".into()], none())
    );
}

#[test]
fn both_rules_hold_at_once() {
    let all = [
        One::finished("expired", "i", 9),
        One::finished("surplus", "i", 2),
        One::finished("kept", "i", 1),
    ];
    assert_eq!(
        settled(policy(Some(5), Some(1)), &all, &[]),
        (vec!["expired".into(), "surplus".into()], none())
    );
}

#[test]
fn a_newer_candidate_takes_the_place_of_the_oldest_mirror() {
    let mirrored = [One::finished("a", "i", 3), One::finished("b", "i", 2)];
    let listed = [One::finished("c", "i", 1), One::finished("d", "i", 9)];
    assert_eq!(
        settled(policy(None, Some(2)), &mirrored, &listed),
        (vec!["a".into()], vec!["c".into()])
    );
}

#[test]
fn an_open_one_takes_no_place() {
    let open = One {
        open: true,
        ..One::finished("open", "i", 900)
    };
    let mirrored = [open, One::finished("a", "i", 1)];
    assert_eq!(
        settled(policy(Some(2), Some(1)), &mirrored, &[]),
        (none(), none())
    );
}

/// One that says no end.
fn endless(name: &str, created: Option<i64>) -> One {
    One {
        hours: None,
        created,
        ..One::finished(name, "i", 0)
    }
}

#[test]
fn one_without_a_readable_end_does_not_expire() {
    let all = [endless("silent", Some(9)), One::finished("a", "i", 1)];
    assert_eq!(settled(policy(Some(2), None), &all, &[]), (none(), none()));
}

#[test]
fn without_an_end_one_ranks_by_its_creation_else_as_the_newest() {
    // Those that are there, how many may stay, those that go.
    let table: [(&[One], usize, &[&str]); 4] = [
        (
            &[endless("silent", None), One::finished("a", "i", 1)],
            1,
            &["a"],
        ),
        (
            &[endless("old", Some(3)), One::finished("a", "i", 1)],
            1,
            &["old"],
        ),
        (
            &[endless("new", Some(1)), One::finished("a", "i", 3)],
            1,
            &["a"],
        ),
        (
            &[
                endless("silent", None),
                endless("new", Some(1)),
                endless("old", Some(3)),
            ],
            2,
            &["old"],
        ),
    ];
    for (all, max, gone) in table {
        assert_eq!(
            settled(policy(None, Some(max)), all, &[]).0,
            gone,
            "{all:?}"
        );
    }
    // As candidates.
    let listed = [
        endless("silent", None),
        endless("new", Some(1)),
        endless("old", Some(3)),
    ];
    assert_eq!(
        settled(policy(None, Some(2)), &[], &listed),
        (none(), vec!["new".into(), "silent".into()])
    );
}

fn ones() -> impl Strategy<Value = Vec<One>> {
    let instance = proptest::sample::select(vec!["", "i", "j"]);
    let hours = || proptest::option::of(0_i64..6);
    let one = (instance, hours(), hours(), any::<bool>());
    proptest::collection::vec(one, 0..24).prop_map(|all| {
        let named = all.into_iter().enumerate();
        named
            .map(|(at, (instance, hours, created, open))| One {
                name: format!("r{at}"),
                instance,
                hours,
                created,
                open,
            })
            .collect()
    })
}

proptest! {
    #[test]
    fn settling_twice_does_nothing_more_and_never_too_little(
        all in ones(),
        mirrored in proptest::collection::vec(any::<bool>(), 24),
        ttl in proptest::option::of(0_u64..6),
        max in proptest::option::of(1_usize..4),
    ) {
        let policy = policy(ttl, max);
        // What the plan hands over: with a limit, the finished ones that are not expired; without one, none.
        let is_candidate = |one: &One| max.is_some() && !one.open && !policy.expired(one.end(), now());
        let (mirrors, others): (Vec<_>, Vec<_>) = all.iter().cloned().zip(mirrored).partition(|(_, mirrored)| *mirrored);
        let mut mirrors: BTreeMap<String, One> = mirrors.into_iter().map(|(one, _)| (one.name.clone(), one)).collect();
        let listed: Vec<One> = others.into_iter().map(|(one, _)| one).filter(is_candidate).collect();

        let before = mirrors.clone();
        let (pruned, created) = settled(policy, &before.values().cloned().collect::<Vec<_>>(), &listed);
        for name in &pruned {
            prop_assert!(!mirrors.remove(name).unwrap().open, "an open one was pruned");
        }
        for one in listed.iter().filter(|one| created.contains(&one.name)) {
            mirrors.insert(one.name.clone(), one.clone());
        }
        prop_assert!(pruned.iter().all(|name| !created.contains(name)));

        let now_mirrored: Vec<One> = mirrors.values().cloned().collect();
        let again: Vec<One> = all.iter().filter(|one| !mirrors.contains_key(&one.name) && is_candidate(one)).cloned().collect();
        prop_assert_eq!(settled(policy, &now_mirrored, &again), (none(), none()));
        for instance in ["", "i", "j"] {
            let of = |all: &[One]| all.iter().filter(|one| one.instance == instance && is_candidate(one)).count();
            if let Some(max) = max {
                prop_assert_eq!(of(&now_mirrored), of(&all).min(max), "what may stay stays");
            }
        }
    }
}
