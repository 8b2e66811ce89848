#![allow(clippy::unwrap_used)]

mod labeled;
mod restored;
mod unreadable;

use super::*;
use crate::{
    mirror::{digest::digest, labels, status::from_api},
    testing::{
        CLUSTER, NAMESPACE, at,
        cluster::{Call, MemoryKubeApi},
        condition, id, item, now, some, word,
    },
    together,
};

struct World {
    cluster: MemoryKubeApi,
    index: Index,
}

impl World {
    /// A cluster with mirror 1 in this state, written by the operator.
    async fn with(state: &str) -> Self {
        let world = Self {
            cluster: MemoryKubeApi::default(),
            index: Index::new(0),
        };
        assert_eq!(
            world.write(create(&item(1, state))).await,
            Ok(Done::Created)
        );
        world
    }

    async fn write(&self, write: Write) -> Result<Done, KubeApiError> {
        self.write_at(write, now()).await
    }

    async fn write_at(&self, write: Write, now: Timestamp) -> Result<Done, KubeApiError> {
        let writer = Writer {
            cluster: self.cluster.clone(),
            index: self.index.clone(),
            namespace: NAMESPACE.into(),
            labels: Labels::default(),
            owners: [].into(),
        };
        writer.write(write, now).await
    }

    fn mirror(&self) -> Arc<Mirror> {
        self.index.get(NAMESPACE, &id(1)).unwrap()
    }

    fn update(&self, item: &together::Remediation) -> Write {
        Write {
            name: id(1).into(),
            change: MirrorChange::Update {
                mirror: self.mirror(),
                status: Some(Box::new(from_api(item, &[], 1))),
                metadata: false,
            },
        }
    }

    fn mark(&self, synced: Synced) -> Write {
        Write {
            name: id(1).into(),
            change: MirrorChange::Mark(self.mirror(), synced),
        }
    }

    fn prune(&self) -> Write {
        Write {
            name: id(1).into(),
            change: MirrorChange::Prune(self.mirror()),
        }
    }

    /// What the index knows of mirror 1 is what the cluster holds.
    fn agrees(&self) -> bool {
        let object = self.cluster.object(1).unwrap();
        let mirror = self.mirror();
        object.metadata.resource_version == Some(mirror.object.resource_version.to_string())
            && digest(object.status.as_ref().unwrap()) == mirror.digests.content
    }

    fn history(&self) -> Vec<(Option<String>, String)> {
        let transitions = self.cluster.status(1).transitions;
        transitions
            .into_iter()
            .map(|hop| (hop.from, hop.to))
            .collect()
    }
}

fn create(item: &together::Remediation) -> Write {
    Write {
        name: (&*item.id).into(),
        change: MirrorChange::Create(
            Box::new(from_api(item, &[], 1)),
            RemediationSpec {
                cluster_id: CLUSTER.into(),
                id: item.id.to_string(),
            },
        ),
    }
}

fn name() -> String {
    id(1)
}

#[tokio::test]
async fn a_creation_is_two_writes_and_nothing_is_read() {
    let world = World::with("RUNNING").await;
    assert_eq!(
        world.cluster.calls(),
        [Call::Create(name()), Call::Status(name())]
    );
    assert!(world.agrees());
    let object = world.cluster.object(1).unwrap();
    assert_eq!(object.metadata.labels.unwrap()[labels::CLUSTER_ID], CLUSTER);
    let status = object.status.unwrap();
    assert_eq!(status.state, some("RUNNING"));
    assert!(
        status
            .conditions
            .iter()
            .all(|c| c.last_transition_time.0 == at("2026-11-23T10:00:00Z"))
    );
    assert_eq!(world.history(), [(None, "RUNNING".into())]);
}

#[tokio::test]
async fn a_change_is_one_write_and_carries_the_history_from_the_index() {
    let world = World::with("PENDING").await;
    world.cluster.calls();
    assert_eq!(
        world.write(world.update(&item(1, "RUNNING"))).await,
        Ok(Done::Updated)
    );
    assert_eq!(world.cluster.calls(), [Call::Status(name())]);
    assert!(world.agrees());
    assert_eq!(
        world.history(),
        [
            (None, "PENDING".into()),
            (some("PENDING"), "RUNNING".into())
        ]
    );
}

#[tokio::test]
async fn a_finished_one_that_changes_is_read_once() {
    let world = World::with("SUCCEEDED").await;
    world.cluster.calls();
    assert_eq!(
        world.write(world.update(&item(1, "FAILED"))).await,
        Ok(Done::Updated)
    );
    assert_eq!(
        world.cluster.calls(),
        [Call::Get(name()), Call::Status(name())]
    );
    assert_eq!(
        world.history(),
        [
            (None, "SUCCEEDED".into()),
            (some("SUCCEEDED"), "FAILED".into())
        ]
    );
}

#[tokio::test]
async fn a_condition_keeps_its_time_while_its_status_stays() {
    let world = World::with("PENDING").await;
    let later = at("2026-11-23T11:00:00Z");
    world
        .write_at(world.update(&item(1, "SUCCEEDED")), later)
        .await
        .unwrap();
    let conditions = world.cluster.status(1).conditions;
    let since = |type_| condition(&conditions, type_).last_transition_time.0;
    assert_eq!(since("Synced"), at("2026-11-23T10:00:00Z"));
    assert_eq!(since("Succeeded"), later);
}

#[tokio::test]
async fn a_stale_index_entry_overwrites_nothing() {
    let world = World::with("RUNNING").await;
    let writes = [
        world.update(&item(1, "SUCCEEDED")),
        world.mark(Synced::NotFound),
        world.prune(),
        Write {
            name: name().into(),
            change: MirrorChange::Update {
                mirror: world.mirror(),
                status: None,
                metadata: true,
            },
        },
    ];
    world.cluster.touch(1, |object| {
        object.status.as_mut().unwrap().reason = some("somebody was here");
    });
    let before = world.cluster.object(1);
    for write in writes {
        assert_eq!(
            world.write(write.clone()).await,
            Ok(Done::Conflict),
            "{write:?}"
        );
        assert_eq!(world.cluster.object(1), before, "{write:?}");
    }
}

#[tokio::test]
async fn a_change_between_the_reading_and_the_writing_is_a_conflict_too() {
    let world = World::with("RUNNING").await;
    let cluster = world.cluster.clone();
    let mark = world.mark(Synced::Stale);
    world
        .cluster
        .fail(|call| matches!(call, Call::Status(_)).then_some(KubeApiError::Conflict));
    let before = cluster.object(1);
    assert_eq!(world.write(mark).await, Ok(Done::Conflict));
    assert_eq!(cluster.object(1), before);
}

#[tokio::test]
async fn an_object_of_the_same_name_with_another_uid_is_not_touched() {
    let world = World::with("RUNNING").await;
    let writes = [
        world.update(&item(1, "SUCCEEDED")),
        world.mark(Synced::Stale),
        world.prune(),
    ];
    world.cluster.remove(1);
    let foreign = world.cluster.plant(1, "cluster-2");
    for write in writes {
        assert_eq!(world.write(write).await, Ok(Done::Conflict));
    }
    assert_eq!(
        world.write(create(&item(1, "RUNNING"))).await,
        Ok(Done::Conflict)
    );
    assert_eq!(world.cluster.object(1), Some(foreign));
}

#[tokio::test]
async fn the_uid_alone_is_a_fence() {
    let world = World::with("RUNNING").await;
    let prune = world.prune();
    let update = world.update(&item(1, "SUCCEEDED"));
    world
        .cluster
        .touch(1, |object| object.metadata.uid = some("another"));
    world
        .cluster
        .set_version(1, world.mirror().object.resource_version);
    assert_eq!(world.write(prune).await, Ok(Done::Conflict));
    assert_eq!(world.write(update).await, Ok(Done::Conflict));
}

#[tokio::test]
async fn one_that_was_deleted_meanwhile_is_no_error() {
    let world = World::with("RUNNING").await;
    let writes = [
        world.update(&item(1, "SUCCEEDED")),
        world.mark(Synced::Stale),
        world.prune(),
    ];
    world.cluster.remove(1);
    for write in writes {
        assert_eq!(world.write(write).await, Ok(Done::Conflict));
    }
    assert_eq!(
        world.cluster.object(1),
        None,
        "nothing is created by a change"
    );
}

#[tokio::test]
async fn a_creation_that_finds_no_place_is_told() {
    let world = World::with("RUNNING").await;
    let gone = |call: &Call| matches!(call, Call::Create(_)).then_some(KubeApiError::NotFound);
    world.cluster.fail(gone);
    let failed = world.write(create(&item(2, "RUNNING"))).await.unwrap_err();
    assert!(failed.to_string().contains("namespace"), "{failed}");
}

#[tokio::test]
async fn a_refusal_is_told() {
    let world = World::with("RUNNING").await;
    let refused = KubeApiError::Refused("quota".into());
    let error = refused.clone();
    world.cluster.fail(move |_| Some(error.clone()));
    for write in [
        world.update(&item(1, "SUCCEEDED")),
        world.mark(Synced::Stale),
        create(&item(2, "RUNNING")),
    ] {
        assert_eq!(world.write(write).await, Err(refused.clone()));
    }
}

#[tokio::test]
async fn a_creation_whose_status_failed_is_finished_by_the_next_change() {
    let world = World {
        cluster: MemoryKubeApi::default(),
        index: Index::new(0),
    };
    world.cluster.fail(|call| {
        matches!(call, Call::Status(_)).then(|| KubeApiError::Unavailable("cut".into()))
    });
    assert!(world.write(create(&item(1, "RUNNING"))).await.is_err());
    assert!(world.agrees(), "the index knows the bare object");
    world.cluster.fail(|_| None);
    world.cluster.calls();
    assert_eq!(
        world.write(world.update(&item(1, "RUNNING"))).await,
        Ok(Done::Updated)
    );
    assert_eq!(world.cluster.calls(), [Call::Status(name())]);
    assert_eq!(world.history(), [(None, "RUNNING".into())]);
}

#[tokio::test]
async fn labels_and_owners_are_put_right_and_foreign_labels_stay() {
    let world = World::with("RUNNING").await;
    world.cluster.touch(1, |object| {
        object.metadata.labels = Some([("team".to_owned(), "gpu".to_owned())].into());
    });
    world.index.apply(world.cluster.object(1).unwrap());
    let write = Write {
        name: name().into(),
        change: MirrorChange::Update {
            mirror: world.mirror(),
            status: Some(Box::new(from_api(&item(1, "SUCCEEDED"), &[], 1))),
            metadata: true,
        },
    };
    world.cluster.calls();
    assert_eq!(world.write(write).await, Ok(Done::Updated));
    assert_eq!(
        world.cluster.calls(),
        [Call::Patch(name()), Call::Status(name())]
    );
    let labels = world.cluster.object(1).unwrap().metadata.labels.unwrap();
    assert_eq!(
        (
            labels["team"].as_str(),
            labels[labels::INSTANCE_ID].as_str()
        ),
        ("gpu", "instance-1")
    );
    assert_eq!(world.cluster.status(1).state, some("SUCCEEDED"));
    assert!(world.agrees());
}

#[tokio::test]
async fn a_mark_keeps_all_but_open_and_conditions() {
    let world = World::with("RUNNING").await;
    let before = world.cluster.status(1);
    world.cluster.calls();
    assert_eq!(
        world.write(world.mark(Synced::NotFound)).await,
        Ok(Done::Updated)
    );
    assert_eq!(
        world.cluster.calls(),
        [Call::Get(name()), Call::Status(name())]
    );
    let after = world.cluster.status(1);
    assert_eq!(word(&after.conditions, "Synced"), ("False", "NotFound"));
    assert_eq!(
        (after.open, &after.transitions),
        (Some(false), &before.transitions)
    );
    assert_eq!(
        (&after.state, &after.reason),
        (&before.state, &before.reason)
    );
    assert!(world.agrees() && !world.mirror().lifecycle.open);
}

#[tokio::test]
async fn what_is_pruned_is_forgotten_at_once() {
    let world = World::with("SUCCEEDED").await;
    world.cluster.calls();
    assert_eq!(world.write(world.prune()).await, Ok(Done::Pruned));
    assert_eq!(world.cluster.calls(), [Call::Delete(name())]);
    assert_eq!(world.cluster.object(1), None);
    assert!(world.index.get(NAMESPACE, &name()).is_none());
}
