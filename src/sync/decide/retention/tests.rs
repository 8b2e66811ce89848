#![allow(clippy::unwrap_used)]

use std::{collections::BTreeMap, time::Duration};

use proptest::prelude::*;

use super::*;
use crate::{
    api::remediation::{Remediation, RemediationSpec, RemediationStatus},
    store::Index,
    testing::{CLUSTER, NAMESPACE, at, clocks, now},
};

/// One that may be mirrored or not: instance, end and creation (hours before now; `None`: unset), and whether it is
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
fn pruned_and_created(
    policy: Policy,
    mirrored: &[One],
    listed: &[One],
) -> (Vec<String>, Vec<String>) {
    let mirrors: Vec<_> = mirrored.iter().map(One::mirror).collect();
    let mut candidates = Candidates::default();
    for one in listed {
        candidates.push(one.candidate(), &policy);
    }
    let (mut pruned, mut created) = (Vec::new(), Vec::new());
    for write in writes(&policy, &mirrors, candidates, clocks(), &BTreeSet::new()) {
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

fn owned(names: Vec<&str>) -> Vec<String> {
    names.into_iter().map(str::to_owned).collect()
}

/// One without an end.
fn endless(name: &str, created: Option<i64>) -> One {
    One {
        hours: None,
        created,
        ..One::finished(name, "i", 0)
    }
}

/// What it shows, the policy, the mirrors, the listed ones without a mirror; the names that are pruned and those that
/// are created.
type Case = (
    &'static str,
    Policy,
    Vec<One>,
    Vec<One>,
    Vec<&'static str>,
    Vec<&'static str>,
);

#[test]
fn what_is_pruned_and_what_is_created() {
    let i = |name, hours| One::finished(name, "i", hours);
    let j_old = One::finished("j-old", "j", 9);
    let open = One {
        open: true,
        ..i("open", 900)
    };
    let [silent, old, new] = [
        endless("silent", None),
        endless("old", Some(3)),
        endless("new", Some(1)),
    ];
    let silent_but_created = endless("silent", Some(9));
    let three = || vec![silent.clone(), new.clone(), old.clone()];
    #[rustfmt::skip]
    let table: [Case; 13] = [
        ("no rule", policy(None, None), vec![i("old", 3), i("new", 1)], vec![], vec![], vec![]),
        ("past its time one is pruned",
            policy(Some(2), None), vec![i("old", 3), i("new", 1)], vec![], vec!["old"], vec![]),
        ("what has expired since it was listed is not created",
            policy(Some(2), Some(5)), vec![], vec![i("old", 3), i("new", 1)], vec![], vec!["new"]),
        ("the newest of each instance stay",
            policy(None, Some(1)), vec![i("i-old", 3), i("i-new", 1), j_old], vec![], vec!["i-old"], vec![]),
        ("both rules hold at once",
            policy(Some(5), Some(1)), vec![i("expired", 9), i("surplus", 2), i("kept", 1)], vec![], vec!["expired", "surplus"], vec![]),
        ("a newer candidate takes the place of the oldest mirror",
            policy(None, Some(2)), vec![i("a", 3), i("b", 2)], vec![i("c", 1), i("d", 9)], vec!["a"], vec!["c"]),
        ("an open one takes no place",
            policy(Some(2), Some(1)), vec![open, i("a", 1)], vec![], vec![], vec![]),
        ("one without a readable end does not expire",
            policy(Some(2), None), vec![silent_but_created, i("a", 1)], vec![], vec![], vec![]),
        ("without an end one ranks by its creation",
            policy(None, Some(1)), vec![old.clone(), i("a", 1)], vec![], vec!["old"], vec![]),
        ("the same, and it is newer",
            policy(None, Some(1)), vec![new.clone(), i("a", 3)], vec![], vec!["a"], vec![]),
        ("without a creation too, as the newest",
            policy(None, Some(1)), vec![silent.clone(), i("a", 1)], vec![], vec!["a"], vec![]),
        ("of three without an end the oldest goes",
            policy(None, Some(2)), three(), vec![], vec!["old"], vec![]),
        ("and as candidates it does not come",
            policy(None, Some(2)), vec![], three(), vec![], vec!["new", "silent"]),
    ];
    for (why, policy, mirrored, listed, pruned, created) in table {
        let (has_pruned, has_created) = pruned_and_created(policy, &mirrored, &listed);
        assert_eq!(
            (has_pruned, has_created),
            (owned(pruned), owned(created)),
            "{why}"
        );
    }
}

#[test]
fn a_policy_concerns_what_has_expired_and_all_that_is_finished_where_it_counts() {
    let open = One {
        open: true,
        ..One::finished("open", "i", 3)
    };
    let [old, new] = [3, 1].map(|hours| One::finished("finished", "i", hours));
    for (policy, concerned) in [
        (policy(None, None), [false, false, false]),
        (policy(Some(2), None), [true, false, false]),
        (policy(None, Some(1)), [true, true, false]),
        (policy(Some(2), Some(1)), [true, true, false]),
    ] {
        let concerns = |one: &One| policy.concerns(&one.mirror().1, clocks());
        assert_eq!([&old, &new, &open].map(concerns), concerned, "{policy:?}");
    }
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
    fn retention_applied_twice_does_nothing_more_and_never_too_little(
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
        let (pruned, created) = pruned_and_created(policy, &before.values().cloned().collect::<Vec<_>>(), &listed);
        for name in &pruned {
            prop_assert!(!mirrors.remove(name).unwrap().open, "an open one was pruned");
        }
        for one in listed.iter().filter(|one| created.contains(&one.name)) {
            mirrors.insert(one.name.clone(), one.clone());
        }
        prop_assert!(pruned.iter().all(|name| !created.contains(name)));

        let now_mirrored: Vec<One> = mirrors.values().cloned().collect();
        let again: Vec<One> = all.iter().filter(|one| !mirrors.contains_key(&one.name) && is_candidate(one)).cloned().collect();
        prop_assert_eq!(pruned_and_created(policy, &now_mirrored, &again), (none(), none()));
        for instance in ["", "i", "j"] {
            let of = |all: &[One]| all.iter().filter(|one| one.instance == instance && is_candidate(one)).count();
            if let Some(max) = max {
                prop_assert_eq!(of(&now_mirrored), of(&all).min(max), "what may stay stays");
            }
        }
    }
}
