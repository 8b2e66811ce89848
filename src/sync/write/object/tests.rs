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
    fn new() -> Self {
        Self {
            cluster: MemoryKubeApi::default(),
            index: Index::new(0),
        }
    }

    /// A cluster with mirror 1 in this state, written by the operator.
    async fn with(state: &str) -> Self {
        let world = Self::new();
        let created = world.write(create(&item(1, state))).await;
        assert_eq!(created, Ok(Done::Created));
        world
    }

    /// What comes of a write, and the calls that it takes.
    async fn calls_of(&self, write: Write) -> (Result<Done, KubeApiError>, Vec<Call>) {
        self.cluster.calls();
        (self.write(write).await, self.cluster.calls())
    }

    /// None of these is carried out, and the object stays as it is.
    async fn conflicts(&self, writes: impl IntoIterator<Item = Write>) {
        let before = self.cluster.object(1);
        for write in writes {
            let done = self.write(write.clone()).await;
            assert_eq!(done, Ok(Done::Conflict), "{write:?}");
            assert_eq!(self.cluster.object(1), before, "{write:?}");
        }
    }

    async fn write(&self, write: Write) -> Result<Done, KubeApiError> {
        self.write_at(write, now()).await
    }

    async fn write_at(&self, write: Write, now: Timestamp) -> Result<Done, KubeApiError> {
        let writer = Writer {
            kube: self.cluster.clone(),
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

    fn change(&self, item: Option<&together::Remediation>, metadata: bool) -> Write {
        write(MirrorChange::Update {
            mirror: self.mirror(),
            status: item.map(|item| Box::new(from_api(item, &[], 1))),
            metadata,
        })
    }

    fn update(&self, item: &together::Remediation) -> Write {
        self.change(Some(item), false)
    }

    fn mark(&self, synced: Synced) -> Write {
        write(MirrorChange::Mark(self.mirror(), synced))
    }

    fn prune(&self) -> Write {
        write(MirrorChange::Prune(self.mirror()))
    }

    /// One of each that changes a mirror that is there.
    fn each(&self) -> [Write; 4] {
        [
            self.update(&item(1, "SUCCEEDED")),
            self.mark(Synced::Stale),
            self.change(None, true),
            self.prune(),
        ]
    }

    /// What the index knows of mirror 1 is what the cluster holds.
    fn agrees(&self) -> bool {
        let object = self.cluster.object(1).unwrap();
        let mirror = self.mirror();
        object.metadata.resource_version == Some(mirror.object.resource_version.to_string())
            && digest(object.status.as_ref().unwrap()) == mirror.digests.content
    }

    fn history(&self) -> Vec<String> {
        let hops = self.cluster.status(1).transitions.into_iter();
        hops.map(|hop| format!("{} > {}", hop.from.as_deref().unwrap_or("nowhere"), hop.to))
            .collect()
    }
}

fn write(change: MirrorChange) -> Write {
    Write {
        name: id(1).into(),
        change,
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
    let calls = [Call::Create(name()), Call::Status(name())];
    assert_eq!(world.cluster.calls(), calls);
    assert!(world.agrees());
    let object = world.cluster.object(1).unwrap();
    assert_eq!(object.metadata.labels.unwrap()[labels::CLUSTER_ID], CLUSTER);
    let status = object.status.unwrap();
    assert_eq!(status.state, some("RUNNING"));
    let mut since = status.conditions.iter().map(|c| c.last_transition_time.0);
    assert!(since.all(|since| since == at("2026-11-23T10:00:00Z")));
    assert_eq!(world.history(), ["nowhere > RUNNING"]);
}

#[tokio::test]
async fn a_change_carries_the_history_on_in_one_write_and_a_finished_one_is_read_first() {
    let (read, written) = (Call::Get(name()), Call::Status(name()));
    for (from, to, calls) in [
        ("PENDING", "RUNNING", vec![written.clone()]),
        ("SUCCEEDED", "FAILED", vec![read, written]),
    ] {
        let world = World::with(from).await;
        let done = world.calls_of(world.update(&item(1, to))).await;
        assert_eq!(done, (Ok(Done::Updated), calls), "{from}");
        assert!(world.agrees(), "{from}");
        let hops = [format!("nowhere > {from}"), format!("{from} > {to}")];
        assert_eq!(world.history(), hops);
    }
}

#[tokio::test]
async fn a_condition_keeps_its_time_while_its_status_stays() {
    let world = World::with("PENDING").await;
    let later = at("2026-11-23T11:00:00Z");
    let update = world.update(&item(1, "SUCCEEDED"));
    world.write_at(update, later).await.unwrap();
    let conditions = world.cluster.status(1).conditions;
    let since = |type_| condition(&conditions, type_).last_transition_time.0;
    assert_eq!(since("Synced"), at("2026-11-23T10:00:00Z"));
    assert_eq!(since("Succeeded"), later);
}

#[tokio::test]
async fn a_stale_index_entry_overwrites_nothing() {
    let world = World::with("RUNNING").await;
    let writes = world.each();
    world.cluster.touch(1, |object| {
        object.status.as_mut().unwrap().reason = some("somebody was here");
    });
    world.conflicts(writes).await;
}

#[tokio::test]
async fn a_change_between_the_reading_and_the_writing_is_a_conflict_too() {
    let world = World::with("RUNNING").await;
    let changed = |call: &Call| matches!(call, Call::Status(_)).then_some(KubeApiError::Conflict);
    world.cluster.fail(changed);
    world.conflicts([world.mark(Synced::Stale)]).await;
}

#[tokio::test]
async fn what_is_gone_is_not_made_again_by_a_change_and_another_object_of_its_name_is_not_touched()
{
    let world = World::with("RUNNING").await;
    let writes = world.each();
    world.cluster.remove(1);
    world.conflicts(writes.clone()).await;
    assert_eq!(world.cluster.object(1), None);
    let foreign = world.cluster.plant(1, "cluster-2");
    let create = create(&item(1, "RUNNING"));
    world.conflicts(writes.into_iter().chain([create])).await;
    assert_eq!(world.cluster.object(1), Some(foreign));
}

#[tokio::test]
async fn the_uid_alone_is_a_fence() {
    let world = World::with("RUNNING").await;
    let writes = [world.prune(), world.update(&item(1, "SUCCEEDED"))];
    let version = world.mirror().object.resource_version;
    let another = |object: &mut Remediation| object.metadata.uid = some("another");
    world.cluster.touch(1, another);
    world.cluster.set_version(1, version);
    world.conflicts(writes).await;
}

#[tokio::test]
async fn a_creation_in_a_missing_namespace_is_an_error() {
    let world = World::with("RUNNING").await;
    let gone = |call: &Call| matches!(call, Call::Create(_)).then_some(KubeApiError::NotFound);
    world.cluster.fail(gone);
    let failed = world.write(create(&item(2, "RUNNING"))).await.unwrap_err();
    assert!(failed.to_string().contains("namespace"), "{failed}");
}

#[tokio::test]
async fn a_refusal_is_returned() {
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
    let world = World::new();
    world.cluster.fail(|call| {
        matches!(call, Call::Status(_)).then(|| KubeApiError::Unavailable("cut".into()))
    });
    assert!(world.write(create(&item(1, "RUNNING"))).await.is_err());
    assert!(world.agrees(), "the index knows the bare object");
    world.cluster.fail(|_| None);
    let done = world.calls_of(world.update(&item(1, "RUNNING"))).await;
    assert_eq!(done, (Ok(Done::Updated), vec![Call::Status(name())]));
    assert_eq!(world.history(), ["nowhere > RUNNING"]);
}

#[tokio::test]
async fn labels_and_owners_are_put_right_and_foreign_labels_stay() {
    let world = World::with("RUNNING").await;
    world.cluster.touch(1, |object| {
        object.metadata.labels = Some([("team".to_owned(), "gpu".to_owned())].into());
    });
    world.index.apply(world.cluster.object(1).unwrap());
    let change = world.change(Some(&item(1, "SUCCEEDED")), true);
    let calls = vec![Call::Patch(name()), Call::Status(name())];
    assert_eq!(world.calls_of(change).await, (Ok(Done::Updated), calls));
    let labels = world.cluster.object(1).unwrap().metadata.labels.unwrap();
    assert_eq!(labels["team"], "gpu");
    assert_eq!(labels[labels::INSTANCE_ID], "instance-1");
    assert_eq!(world.cluster.status(1).state, some("SUCCEEDED"));
    assert!(world.agrees());
}

#[tokio::test]
async fn a_mark_keeps_all_but_open_and_conditions() {
    let world = World::with("RUNNING").await;
    let before = world.cluster.status(1);
    let calls = vec![Call::Get(name()), Call::Status(name())];
    let done = world.calls_of(world.mark(Synced::NotFound)).await;
    assert_eq!(done, (Ok(Done::Updated), calls));
    let after = world.cluster.status(1);
    assert_eq!(word(&after.conditions, "Synced"), ("False", "NotFound"));
    assert_eq!(after.open, Some(false));
    assert_eq!(after.transitions, before.transitions);
    assert_eq!((after.state, after.reason), (before.state, before.reason));
    assert!(world.agrees() && !world.mirror().lifecycle.open);
}

#[tokio::test]
async fn what_is_pruned_is_forgotten_at_once() {
    let world = World::with("SUCCEEDED").await;
    let done = world.calls_of(world.prune()).await;
    assert_eq!(done, (Ok(Done::Pruned), vec![Call::Delete(name())]));
    assert_eq!(world.cluster.object(1), None);
    assert!(world.index.get(NAMESPACE, &name()).is_none());
}
