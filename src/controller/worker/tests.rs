//! What a worker does by itself, without an answer of the Together API.
#![allow(clippy::unwrap_used)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use tokio::time::timeout;

use super::*;
use crate::{
    api::{
        cluster_watch::{ClusterWatchSpec, ClusterWatchStatus, DeletionPolicy, SecretKeyRef},
        remediation::Remediation,
    },
    k8s::error::KubeApiError,
    mirror::{
        labels::{FlagLabels, Labels},
        status::from_api,
    },
    store::Index,
    testing::{
        CLUSTER, NAMESPACE,
        clock::{PausedClock, second},
        cluster::{Call, MemoryKubeApi},
        condition, id, item, spec,
        together::{Asked, MemoryTogether},
        word,
    },
};

mod counts;
mod freshness;
mod labeled;
mod new_events;
mod refused;
mod starting;

const SPEEDS: PollDefaults = PollDefaults {
    default_interval: Duration::from_secs(60),
    default_active_interval: Duration::from_secs(60),
    min_interval: Duration::from_secs(10),
};

/// A `ClusterWatch` with mirrors that carry another generation's owners and labels.
struct World {
    cluster: MemoryKubeApi,
    env: Arc<Env<MemoryKubeApi, MemoryTogether>>,
    pace: Arc<EditThrottle>,
}

impl World {
    /// So many mirrors, and a `ClusterWatch` with this policy.
    async fn new(mirrors: u64, policy: DeletionPolicy, suspend: bool) -> Self {
        let cluster = MemoryKubeApi::default();
        let index = Index::new(0);
        let spec = ClusterWatchSpec {
            cluster_id: CLUSTER.into(),
            deletion_policy: policy,
            suspend,
            api_key_secret_ref: SecretKeyRef {
                name: "together".into(),
                key: "api-key".into(),
            },
            ..ClusterWatchSpec::default()
        };
        let mut watch = ClusterWatch::new("training", spec);
        watch.metadata.namespace = Some(NAMESPACE.into());
        cluster.put_watch(watch);
        for number in 0..mirrors {
            index.apply(mirror(&cluster, number).await);
        }
        let env = env(cluster.clone(), index);
        Self {
            cluster,
            env,
            pace: Arc::default(),
        }
    }

    /// The worker of the `ClusterWatch` as it is now lives for this long: at rest with `ready_state`, else it polls.
    async fn lives(&self, seconds: u64, ready_state: Option<ReadyState>) {
        self.with_task(seconds, ready_state, false).await;
    }

    /// The same at rest, where it may overlap another.
    async fn rests(&self, seconds: u64, ready_state: ReadyState, overlaps: bool) {
        self.with_task(seconds, Some(ready_state), overlaps).await;
    }

    async fn with_task(&self, seconds: u64, ready_state: Option<ReadyState>, overlaps: bool) {
        let watch = Arc::new(self.cluster.watches().remove(0));
        let (_requests, requested) = watch::channel(None);
        let task =
            Worker::new(self.env.clone(), watch, SPEEDS, requested).after(self.pace.clone(), false);
        let meters = Watches::new(self.env.clock.clone());
        let watchdog = Watchdog::new(self.env.clock.clone(), Duration::from_secs(300));
        let life = async {
            match ready_state {
                Some(ready_state) => task.rest(ready_state, overlaps, &meters).await,
                None => task.run(&watchdog, &meters).await,
            }
        };
        timeout(Duration::from_secs(seconds), life)
            .await
            .unwrap_err();
    }

    /// A list of the cluster shows the first mirror.
    fn lists(&self) {
        let index = &self.env.index;
        let epoch = index.begin(None);
        index.list(None, epoch, self.cluster.object(0).unwrap());
        index.end(epoch, None);
    }

    fn polls_each_hour(&self) {
        let mut watch = self.cluster.watches().remove(0);
        watch.spec.interval = Some("1h".into());
        watch.spec.active_interval = Some("1h".into());
        self.cluster.put_watch(watch);
    }

    fn status(&self) -> ClusterWatchStatus {
        self.cluster.watches().remove(0).status.unwrap_or_default()
    }

    /// Status and reason of Ready, and which of Reconciling and Stalled is True.
    fn stands(&self) -> (String, String, &'static str) {
        let conditions = self.status().conditions;
        let (status, reason) = word(&conditions, "Ready");
        let is = |type_| condition(&conditions, type_).status == "True";
        let more = match (is("Reconciling"), is("Stalled")) {
            (true, false) => "Reconciling",
            (false, true) => "Stalled",
            (false, false) => "neither",
            (true, true) => "both",
        };
        (status.to_owned(), reason.to_owned(), more)
    }

    fn stands_so(&self, ready: &str, reason: &str, more: &'static str) {
        let expected = (ready.to_owned(), reason.to_owned(), more);
        let now = self.env.clock.elapsed();
        assert_eq!(self.stands(), expected, "after {now:?}");
    }

    /// The message of Reconciling, which must be True.
    fn reconciling(&self) -> String {
        let conditions = self.status().conditions;
        let reconciling = condition(&conditions, "Reconciling");
        assert_eq!(reconciling.status, "True");
        reconciling.message.clone()
    }

    /// The first mirror gets these owners, and the index sees it.
    fn gets(&self, owners: Option<Vec<OwnerReference>>) {
        self.touched(owners);
        self.env.index.apply(self.cluster.object(0).unwrap());
    }

    fn touched(&self, owners: Option<Vec<OwnerReference>>) {
        self.cluster
            .touch(0, |object| object.metadata.owner_references = owners);
    }

    /// A world with a key, whose one remediation is still there and is polled hourly.
    async fn hourly() -> Self {
        let world = Self::new(1, DeletionPolicy::Retain, false).await;
        world.env.together.show(item(0, "RUNNING"));
        world.cluster.set_key(b"key-1");
        world.polls_each_hour();
        world
    }

    /// How many mirrors have owners.
    fn owned(&self) -> usize {
        let owned = |object: &&Remediation| !object.owner_references().is_empty();
        self.cluster
            .look(|mirrors| mirrors.values().filter(owned).count())
    }
}

fn env(cluster: MemoryKubeApi, index: Index) -> Arc<Env<MemoryKubeApi, MemoryTogether>> {
    let clock = Arc::new(PausedClock::default());
    crate::testing::env(cluster, MemoryTogether::default(), index, clock).into()
}

fn owners() -> Vec<OwnerReference> {
    vec![OwnerReference {
        uid: "earlier".into(),
        ..OwnerReference::default()
    }]
}

/// A mirror that an earlier `ClusterWatch` owns.
async fn mirror(cluster: &MemoryKubeApi, number: u64) -> Remediation {
    let mut object = Remediation::new(&id(number), spec(&id(number)));
    object.metadata.namespace = Some(NAMESPACE.into());
    let labels = Labels::of("training", FlagLabels::default());
    object.metadata.labels = Some(labels.of_mirror(CLUSTER, Some("instance-1")));
    object.metadata.owner_references = Some(owners());
    let mut created = cluster.create(&object).await.unwrap();
    created.status = Some(from_api(&item(number, "RUNNING"), &[], 1));
    cluster.replace_status(&created).await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_suspended_one_gives_its_mirrors_their_owners() {
    let world = World::new(3, DeletionPolicy::Retain, true).await;
    world.lives(30, Some(ReadyState::Suspended)).await;
    assert_eq!(world.owned(), 0);
    let status = world.status();
    assert_eq!(status.mirrors_generation, Some(1));
    assert_eq!(word(&status.conditions, "Reconciling").0, "False");
}

#[tokio::test(start_paused = true)]
async fn one_without_a_key_gives_its_mirrors_their_owners() {
    let world = World::new(3, DeletionPolicy::Retain, false).await;
    world.lives(30, None).await;
    world.stands_so("False", "SecretNotFound", "Reconciling");
    assert_eq!(world.owned(), 0);
}

#[tokio::test(start_paused = true)]
async fn owners_do_not_wait_for_the_first_poll() {
    let world = World::new(3, DeletionPolicy::Retain, false).await;
    // Another task has polled right before.
    world.pace.polls(world.env.clock.elapsed(), true);
    world.lives(5, None).await;
    assert_eq!(world.env.together.asked(), []);
    assert_eq!(world.owned(), 0);
}

#[tokio::test(start_paused = true)]
async fn until_all_mirrors_have_their_owners_it_is_reconciling() {
    let world = World::new(3, DeletionPolicy::Retain, true).await;
    world.cluster.fail(|call| match call {
        Call::Patch(name) if *name == id(1) => Some(KubeApiError::Refused("policy says no".into())),
        _ => None,
    });
    world.lives(30, Some(ReadyState::Suspended)).await;
    assert_eq!(world.status().mirrors_generation, None);
    let message = world.reconciling();
    assert!(message.contains("1 mirror"), "{message}");
    assert!(message.contains("policy says no"), "{message}");
    assert_eq!(world.owned(), 1, "the others have theirs");
    world.cluster.fail(|_| None);
    world.lives(30, Some(ReadyState::Suspended)).await;
    assert_eq!(world.status().mirrors_generation, Some(1));
}

#[tokio::test(start_paused = true)]
async fn one_that_overlaps_another_leaves_the_mirrors_to_that_one() {
    let world = World::new(3, DeletionPolicy::Retain, false).await;
    let stalled = ReadyState::Stalled {
        reason: Reason::OverlappingClusterWatch,
        message: "delete one of the two".into(),
    };
    world.rests(30, stalled, true).await;
    assert_eq!(world.owned(), 3);
}

#[tokio::test(start_paused = true)]
async fn an_owner_that_somebody_puts_back_while_it_is_suspended_is_taken_off_again() {
    let world = World::new(1, DeletionPolicy::Retain, true).await;
    let edited = async {
        world.env.clock.sleep_until(second(60)).await;
        world.gets(Some(owners()));
    };
    tokio::join!(edited, world.lives(400, Some(ReadyState::Suspended)));
    assert_eq!(world.owned(), 0);
    assert_eq!(world.status().mirrors_generation, Some(1));
}

#[tokio::test(start_paused = true)]
async fn a_namespace_whose_mirrors_cannot_be_listed_is_reported_and_handled_once_they_can() {
    let world = World::new(1, DeletionPolicy::Retain, false).await;
    let index = &world.env.index;
    index.forget(1);
    index.refuse(Some(NAMESPACE));
    world.lives(30, None).await;
    world.stands_so("False", "WriteFailed", "Reconciling");
    let status = world.status();
    let ready = condition(&status.conditions, "Ready");
    assert!(ready.message.contains(NAMESPACE), "{}", ready.message);
    assert_eq!(world.owned(), 1, "nothing is planned without a list");
    let epoch = index.begin(Some(NAMESPACE));
    index.list(Some(NAMESPACE), epoch, world.cluster.object(0).unwrap());
    index.end(epoch, Some(NAMESPACE));
    world.lives(30, None).await;
    assert_eq!(world.owned(), 0);
    world.stands_so("False", "SecretNotFound", "Reconciling");
}

#[tokio::test(start_paused = true)]
async fn a_mirror_that_an_earlier_generation_sent_and_that_lands_late_gets_its_owners_too() {
    let world = World::new(1, DeletionPolicy::Retain, false).await;
    world.cluster.set_key(b"key-1");
    let landing = async {
        world.env.clock.sleep_until(second(5)).await;
        assert_eq!(world.status().mirrors_generation, Some(1));
        // The API never shows it: nothing but its owners can be a reason to write it.
        let late = mirror(&world.cluster, 7).await;
        world.env.index.apply(late);
    };
    tokio::join!(landing, world.lives(1_300, None));
    assert_eq!(world.owned(), 0);
    assert_eq!(world.status().mirrors_generation, Some(1));
}

#[tokio::test(start_paused = true)]
async fn one_that_lands_late_gets_its_owners_while_it_is_suspended_too() {
    let world = World::new(1, DeletionPolicy::Retain, true).await;
    let landing = async {
        world.env.clock.sleep_until(second(50)).await;
        let late = mirror(&world.cluster, 7).await;
        world.env.index.apply(late);
    };
    tokio::join!(landing, world.lives(62, Some(ReadyState::Suspended)));
    assert_eq!(world.owned(), 0);
}

/// After 70 s a list shows the first mirror with an earlier owner: a restore of etcd has put it back.
async fn restored(world: &World) {
    world.env.clock.sleep_until(second(70)).await;
    world.touched(Some(owners()));
    world.lists();
}

#[tokio::test(start_paused = true)]
async fn mirrors_that_a_list_of_the_cluster_brings_back_get_their_owners_before_the_next_poll() {
    let world = World::hourly().await;
    tokio::join!(restored(&world), world.lives(80, None));
    assert_eq!(world.owned(), 0);
}

#[tokio::test(start_paused = true)]
async fn after_a_restore_of_etcd_all_is_listed_before_the_next_poll_is_due() {
    let world = World::hourly().await;
    let restored = async {
        world.env.clock.sleep_until(second(70)).await;
        world.env.together.asked();
        world.lists();
        world.env.index.rewound(None);
        world.lists();
        world.env.clock.sleep_until(second(85)).await;
        assert_eq!(world.env.together.asked(), [Asked::Page(vec![])]);
    };
    tokio::join!(restored, world.lives(90, None));
}

#[tokio::test(start_paused = true)]
async fn mirrors_that_a_list_of_the_cluster_brings_back_get_their_owners_while_it_is_suspended() {
    let world = World::new(1, DeletionPolicy::Retain, true).await;
    let life = world.lives(80, Some(ReadyState::Suspended));
    tokio::join!(restored(&world), life);
    assert_eq!(world.owned(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_mirrors_generation_waits_for_what_an_earlier_generation_sent() {
    let world = World::new(1, DeletionPolicy::Delete, true).await;
    world.gets(None);
    // No answer: it may be carried out all the same, and then the mirror is deleted with the ClusterWatch.
    world.cluster.fail(|call| match call {
        Call::Patch(_) => Some(KubeApiError::Unavailable("no answer".into())),
        _ => None,
    });
    world.lives(5, Some(ReadyState::Suspended)).await;
    let mut watch = world.cluster.watches().remove(0);
    watch.spec.deletion_policy = DeletionPolicy::Retain;
    world.cluster.put_watch(watch);
    let landing = async {
        world.env.clock.sleep_until(second(50)).await;
        let status = world.status();
        assert_eq!(status.observed_generation, Some(2));
        assert_eq!(status.mirrors_generation, None);
        let message = world.reconciling();
        assert!(message.contains("may still take effect"), "{message}");
        world.cluster.fail(|_| None);
        world.gets(Some(owners()));
    };
    tokio::join!(landing, world.lives(75, Some(ReadyState::Suspended)));
    assert_eq!(world.owned(), 0);
    assert_eq!(world.status().mirrors_generation, Some(2));
}

mod late_secret;
