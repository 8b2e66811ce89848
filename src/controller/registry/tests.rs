use std::{
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use kube::ResourceExt;

use super::*;
use crate::{
    api::cluster_watch::{ClusterWatchSpec, ClusterWatchStatus, SecretKeyRef},
    clock::{Clock, SystemClock},
    controller::metrics::Watches,
    health::liveness::Watchdog,
    store::Index,
    sync::schedule::PollDefaults,
    testing::{CLUSTER, NAMESPACE, cluster::MemoryKubeApi, env, item, together::MemoryTogether},
    together::{ApiKey, Dialects},
};

mod factory;
mod log;
mod panics;
mod reconciling;
mod spread;
mod throttles;

/// Together's API to a worker that panics in its next polls.
#[derive(Clone, Default)]
struct Api {
    inner: MemoryTogether,
    panics: Arc<AtomicUsize>,
}

impl Service for Api {
    type Api = MemoryTogether;

    fn with_key(&self, key: &ApiKey) -> MemoryTogether {
        let left = |left: usize| left.checked_sub(1);
        let panics = &self.panics;
        let panics = panics.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
        assert!(panics.is_err(), "as the test wants it");
        self.inner.with_key(key)
    }

    fn dialects(&self) -> &Dialects {
        self.inner.dialects()
    }
}

/// A registry that leads, between models of both APIs, in virtual time.
struct World {
    api: Api,
    cluster: MemoryKubeApi,
    meters: Watches,
    registry: WorkerRegistry<MemoryKubeApi, Api>,
}

impl World {
    fn new() -> Self {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
        let (api, cluster) = (Api::default(), MemoryKubeApi::default());
        cluster.set_key(b"key-1");
        let env = env(cluster.clone(), api.clone(), Index::new(0), clock.clone());
        let poll_defaults = PollDefaults {
            default_interval: Duration::from_secs(20),
            default_active_interval: Duration::from_secs(20),
            min_interval: Duration::from_secs(10),
        };
        let watchdog = Watchdog::new(clock.clone(), Duration::from_secs(300));
        let meters = Watches::new(clock);
        let shutdown = CancellationToken::new();
        let factory = WorkerFactory::new(env.into(), poll_defaults, watchdog, meters.clone());
        let registry = WorkerRegistry::new(factory, Shard::default(), shutdown);
        registry.lead();
        Self {
            api,
            cluster,
            meters,
            registry,
        }
    }

    /// A world with one open remediation that "w" has mirrored for half a minute.
    async fn synced() -> Self {
        let world = Self::new();
        world.api.inner.show(item(1, "RUNNING"));
        world.create("w", None);
        world.pass(30).await;
        world
    }

    /// The workers become those that the cluster's `ClusterWatches` want.
    fn reconcile(&self) {
        let watches: Vec<_> = self.cluster.watches().into_iter().map(Arc::new).collect();
        self.registry.reconcile_all(Some(NAMESPACE), &watches);
    }

    /// Time goes by, and whatever is written of the `ClusterWatches` is seen each second.
    async fn pass(&self, seconds: u64) {
        for _ in 0..seconds {
            tokio::time::sleep(Duration::from_secs(1)).await;
            self.reconcile();
        }
    }

    /// Somebody creates a `ClusterWatch`.
    fn create(&self, name: &str, instance: Option<&str>) {
        let spec = ClusterWatchSpec {
            cluster_id: CLUSTER.to_owned(),
            instance_id: instance.map(str::to_owned),
            api_key_secret_ref: SecretKeyRef {
                name: "key".to_owned(),
                ..SecretKeyRef::default()
            },
            ..ClusterWatchSpec::default()
        };
        let mut watch = ClusterWatch::new(name, spec);
        watch.metadata.namespace = Some(NAMESPACE.to_owned());
        self.cluster.put_watch(watch);
        self.reconcile();
    }

    fn delete(&self, name: &str) {
        self.cluster.remove_watch(name);
        self.reconcile();
    }

    /// Status and reason of its Ready condition.
    fn ready(&self, name: &str) -> (String, String) {
        let watches = self.cluster.watches();
        let watch = watches.iter().find(|watch| watch.name_any() == name);
        let status = watch.unwrap().status.clone().unwrap();
        let (status, reason) = crate::testing::word(&status.conditions, "Ready");
        (status.to_owned(), reason.to_owned())
    }
}

fn watch(namespace: &str, name: &str) -> Arc<ClusterWatch> {
    let mut watch = ClusterWatch::new(name, ClusterWatchSpec::default());
    watch.metadata.namespace = Some(namespace.to_owned());
    Arc::new(watch)
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_listing_ends_the_workers_of_watches_that_it_lacks() {
    let registry = World::new().registry;
    let workers = || {
        let running = registry.running.lock().unwrap();
        let names = running.values().flat_map(HashMap::keys).cloned();
        names.collect::<BTreeSet<_>>()
    };
    let watches = [watch("a", "one"), watch("b", "two")];
    registry.reconcile_all(None, &watches);
    assert_eq!(workers(), ["one".to_owned(), "two".to_owned()].into());
    registry.reconcile_all(None, &watches[..1]);
    let one = BTreeSet::from(["one".to_owned()]);
    assert_eq!(workers(), one, "its namespace has no watch left");
    registry.reconcile_all(Some("b"), &[]);
    assert_eq!(workers(), one, "the event is about another namespace");
    registry.reconcile_all(Some("a"), &[]);
    assert!(workers().is_empty());
}

#[tokio::test(start_paused = true)]
async fn after_a_restore_of_etcd_the_same_generation_of_another_spec_gets_a_worker_of_its_own() {
    let world = World::new();
    world.create("w", None);
    let saved = world.cluster.snapshot();
    let edit = |suspend, interval: &str| {
        let mut watch = world.cluster.watches().remove(0);
        watch.spec.suspend = suspend;
        watch.spec.interval = Some(interval.to_owned());
        world.cluster.put_watch(watch);
    };
    edit(true, "20s");
    world.pass(5).await;
    let suspended = world.cluster.watches().remove(0);
    world.cluster.restore(&saved, true);
    edit(false, "30s");
    let edited = world.cluster.watches().remove(0);
    assert_eq!(edited.metadata.generation, suspended.metadata.generation);
    world.pass(5).await;
    assert_eq!(world.ready("w"), ("True".into(), "Synced".into()));
}
