#![allow(clippy::unwrap_used)]

use futures::executor::block_on;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use proptest::prelude::*;

use super::*;
use crate::{
    api::cluster_watch::OmitField,
    mirror::{labels, name::object_name},
    store::Index,
    sync::{change::Done, retention_policy::Policy, write::object::Writer},
    testing::{
        CLUSTER, NAMESPACE, STATES, at, clocks, cluster::MemoryKubeApi, ended, id, item, now,
        random, some, target,
    },
};

mod any;
mod elsewhere;

/// The mirrors of a cluster, written as the operator writes them.
#[derive(Clone)]
struct World {
    cluster: MemoryKubeApi,
    index: Index,
}

impl World {
    fn new() -> Self {
        Self {
            cluster: MemoryKubeApi::default(),
            index: Index::new(0),
        }
    }

    /// Plans `item`.
    fn plan(&self, target: &MirrorTarget, item: &Remediation) -> Verdict {
        self.plan_trusting(target, item, false)
    }

    fn plan_trusting(
        &self,
        target: &MirrorTarget,
        item: &Remediation,
        trust_older: bool,
    ) -> Verdict {
        let name = object_name(&target.cluster, &item.id);
        let mirror = self.index.get(NAMESPACE, &name);
        plan(
            target,
            &name,
            item.clone(),
            mirror.as_ref(),
            trust_older,
            clocks(),
        )
    }

    /// The same, in a word.
    fn plans(&self, target: &MirrorTarget, item: &Remediation) -> &'static str {
        word(&self.plan(target, item))
    }

    fn write(&self, target: &MirrorTarget, write: Write) -> Done {
        let writer = Writer {
            kube: self.cluster.clone(),
            index: self.index.clone(),
            namespace: target.namespace.clone(),
            labels: target.labels.clone(),
            owners: target.owners.clone(),
        };
        block_on(writer.write(write, now())).unwrap()
    }

    /// Plans `item` and carries out the plan.
    fn mirror(self, target: &MirrorTarget, item: &Remediation) -> Self {
        let Verdict::Write(write) = self.plan(target, item) else {
            panic!("nothing to write");
        };
        assert_ne!(self.write(target, write), Done::Conflict);
        self
    }
}

fn owner(uid: &str) -> OwnerReference {
    OwnerReference {
        api_version: "compute.together.ai/v1alpha1".into(),
        kind: "ClusterWatch".into(),
        name: "training".into(),
        uid: uid.into(),
        ..OwnerReference::default()
    }
}

fn owned(uid: &str) -> MirrorTarget {
    MirrorTarget {
        owners: [owner(uid)].into(),
        ..target()
    }
}

fn updated(time: &str) -> Remediation {
    Remediation {
        update_time: some(time),
        ..item(1, "RUNNING")
    }
}

/// What a plan comes to, in a word: of an update, what it writes.
fn word(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Write(write) => match &write.change {
            MirrorChange::Create(..) => "create",
            MirrorChange::Update {
                status, metadata, ..
            } => match (status, metadata) {
                (Some(_), true) => "both",
                (Some(_), false) => "status",
                (None, true) => "metadata",
                (None, false) => "nothing",
            },
            other => panic!("{other:?}"),
        },
        Verdict::Unchanged => "unchanged",
        Verdict::Confirmed(_) => "confirmed",
        Verdict::Excluded => "excluded",
        Verdict::Later(_) => "later",
        Verdict::Older(_) => "older",
        Verdict::Skipped(_) => "skipped",
    }
}

#[test]
fn a_new_one_is_created_under_its_identity() {
    let Verdict::Write(Write { name, change }) = World::new().plan(&target(), &item(1, "RUNNING"))
    else {
        panic!("nothing to write");
    };
    let MirrorChange::Create(status, spec) = change else {
        panic!("not created");
    };
    assert_eq!(&*name, id(1));
    assert_eq!((spec.cluster_id.as_str(), spec.id), (CLUSTER, id(1)));
    assert_eq!(status.state, some("RUNNING"));
}

#[test]
fn the_same_again_is_unchanged_and_another_state_is_written() {
    let world = World::new().mirror(&target(), &item(1, "PENDING"));
    assert_eq!(world.plans(&target(), &item(1, "PENDING")), "unchanged");
    assert_eq!(world.plans(&target(), &item(1, "RUNNING")), "status");
}

#[test]
fn a_mode_changed_in_place_is_written() {
    let world = World::new().mirror(&target(), &item(1, "PENDING_APPROVAL"));
    let changed = Remediation {
        mode: some("REMEDIATION_MODE_VM_ONLY"),
        ..item(1, "PENDING_APPROVAL")
    };
    assert_eq!(world.plans(&target(), &changed), "status");
}

#[test]
fn an_edit_by_hand_is_put_right() {
    let world = World::new().mirror(&owned("u"), &item(1, "RUNNING"));
    world.cluster.touch(1, |object| {
        object.status.as_mut().unwrap().state = some("SUCCEEDED");
        object.metadata.labels = None;
        object.metadata.owner_references = None;
    });
    world.index.apply(world.cluster.object(1).unwrap());
    assert_eq!(world.plans(&owned("u"), &item(1, "RUNNING")), "both");
}

#[test]
fn foreign_labels_are_nobodys_business() {
    let world = World::new().mirror(&target(), &item(1, "RUNNING"));
    world.cluster.touch(1, |object| {
        let labels = object.metadata.labels.get_or_insert_default();
        labels.insert("team".into(), "gpu".into());
    });
    world.index.apply(world.cluster.object(1).unwrap());
    assert_eq!(world.plans(&target(), &item(1, "RUNNING")), "unchanged");
}

#[test]
fn another_owner_is_written_and_the_status_left_alone() {
    let world = World::new().mirror(&owned("old"), &item(1, "RUNNING"));
    assert_eq!(world.plans(&owned("new"), &item(1, "RUNNING")), "metadata");
    assert_eq!(world.plans(&target(), &item(1, "RUNNING")), "metadata");
    let world = world.mirror(&owned("new"), &item(1, "RUNNING"));
    let owners = world.cluster.object(1).unwrap().metadata.owner_references;
    assert_eq!(owners.unwrap(), [owner("new")]);
}

#[test]
fn another_instance_is_a_new_label_too() {
    let moved = Remediation {
        instance_id: some("instance-2"),
        ..item(1, "RUNNING")
    };
    let world = World::new().mirror(&target(), &item(1, "RUNNING"));
    assert_eq!(world.plans(&target(), &moved), "both");
    let world = world.mirror(&target(), &moved);
    let labels = world.cluster.object(1).unwrap().metadata.labels.unwrap();
    assert_eq!(labels[labels::INSTANCE_ID], "instance-2");
}

#[test]
fn states_hold_for_new_mirrors_alone() {
    let target = MirrorTarget {
        states: Some(vec!["RUNNING".into(), "FAILED".into()]),
        ..target()
    };
    let world = World::new();
    assert_eq!(world.plans(&target, &item(1, "PENDING")), "excluded");
    assert_eq!(world.plans(&target, &item(1, "FAILED")), "create");
    let world = world.mirror(&target, &item(1, "RUNNING"));
    assert_eq!(world.plans(&target, &item(1, "SUCCEEDED")), "status");
}

#[test]
fn an_expired_one_gets_no_mirror() {
    let end = "2026-11-23T08:00:00Z";
    let old = ended(1, "instance-1", end);
    let open = Remediation {
        end_time: some(end),
        ..item(1, "RUNNING")
    };
    for (hours, item, plan) in [
        (1, &old, "excluded"),
        (3, &old, "create"),
        (1, &open, "create"),
    ] {
        let target = MirrorTarget {
            retention: Policy {
                ttl: Some(std::time::Duration::from_secs(3600 * hours)),
                max_per_instance: None,
            },
            ..target()
        };
        let plans = World::new().plans(&target, item);
        assert_eq!(plans, plan, "{hours} {}", item.state);
    }
}

#[test]
fn where_retention_counts_a_finished_one_waits_for_the_listings_end() {
    let target = MirrorTarget {
        retention: Policy {
            ttl: None,
            max_per_instance: Some(1),
        },
        ..target()
    };
    let Verdict::Later(finished) =
        World::new().plan(&target, &ended(1, "instance-1", "2026-11-23T08:00:00Z"))
    else {
        panic!("not later");
    };
    assert_eq!(finished.finished, Some(at("2026-11-23T08:00:00Z")));
    assert_eq!(World::new().plans(&target, &item(2, "RUNNING")), "create");
    let world = World::new().mirror(&target, &item(1, "RUNNING"));
    assert_eq!(world.plans(&target, &item(1, "FAILED")), "status");
}

#[test]
fn an_older_version_is_written_only_when_trusted() {
    let world = World::new().mirror(&target(), &updated("2026-11-23T09:30:00Z"));
    let older = updated("2026-11-23T09:29:59.9Z");
    match world.plan(&target(), &older) {
        Verdict::Older(version) => assert_eq!(version, at("2026-11-23T09:29:59.9Z")),
        other => panic!("{other:?}"),
    }
    let trusted = world.plan_trusting(&target(), &older, true);
    assert_eq!(word(&trusted), "status");
    for unreadable in ["yesterday", ""] {
        assert_eq!(world.plans(&target(), &updated(unreadable)), "status");
    }
    let silent = Remediation {
        update_time: None,
        ..updated("")
    };
    assert_eq!(world.plans(&target(), &silent), "status");
}

#[test]
fn what_people_wait_for_is_written_first() {
    let world = World::new()
        .mirror(&target(), &item(1, "RUNNING"))
        .mirror(&target(), &item(2, "RUNNING"));
    let write = |target: &MirrorTarget, item: &Remediation| match world.plan(target, item) {
        Verdict::Write(write) => write,
        other => panic!("{other:?}"),
    };
    let prune = Write {
        name: id(1).into(),
        change: MirrorChange::Prune(world.index.get(NAMESPACE, &id(1)).unwrap()),
    };
    let order = [
        write(&target(), &item(3, "PENDING_APPROVAL")),
        write(&target(), &item(1, "SUCCEEDED")),
        write(&target(), &item(4, "SUCCEEDED")),
        write(&owned("u"), &item(2, "RUNNING")),
        prune,
    ];
    assert!(
        order
            .iter()
            .map(urgency)
            .is_sorted_by(|one, other| one < other)
    );
}

fn any_scope() -> impl Strategy<Value = MirrorTarget> {
    let states = proptest::option::of(proptest::sample::subsequence(STATES.to_vec(), 1..5));
    let omit = proptest::sample::subsequence(
        vec![
            OmitField::Reason,
            OmitField::LinkedAlerts,
            OmitField::RequestedBy,
        ],
        0..3,
    );
    (
        states,
        omit,
        any::<bool>(),
        proptest::option::of(Just("instance-2")),
    )
        .prop_map(|(states, omit, owned, instance)| MirrorTarget {
            states: states.map(|states| states.into_iter().map(str::to_owned).collect()),
            omit,
            owners: owned.then(|| owner("u")).into_iter().collect(),
            instance: instance.map(Into::into),
            ..target()
        })
}

proptest! {
    #[test]
    fn after_a_plan_is_carried_out_the_next_one_is_unchanged(
        target in any_scope(),
        items in proptest::collection::vec(random::remediation(4), 1..12),
    ) {
        let world = World::new();
        for item in items {
            let Verdict::Write(write) = world.plan_trusting(&target, &item, true) else { continue };
            prop_assert_ne!(world.write(&target, write), Done::Conflict);
            prop_assert_eq!(world.plans(&target, &item), "unchanged");
            let fresh = Index::new(0);
            for name in world.cluster.names() {
                fresh.apply(world.cluster.object(name[24..].parse().unwrap()).unwrap());
            }
            let restarted = World { index: fresh, ..world.clone() };
            prop_assert!(matches!(restarted.plan(&target, &item), Verdict::Unchanged), "after a restart");
        }
    }
}
