//! Builds the workers of all `ClusterWatches` from what they share.

use std::{sync::Arc, time::Duration};

use kube::ResourceExt;
use tokio::sync::watch;

use crate::{
    api::cluster_watch::ClusterWatch,
    clock::Clock,
    controller::{
        metrics::Watches,
        spread::{Entry, Roll},
        worker::Worker,
    },
    health::liveness::Watchdog,
    k8s::api::KubeApi,
    sync::{
        Env,
        metrics::meter::WatchMeter,
        schedule::{Cadence, PollDefaults},
    },
    together::{self, Service},
};

/// What all workers of this process share, and how one is built from it. Clones share it too.
pub struct WorkerFactory<C, T = together::Client> {
    env: Arc<Env<C, T>>,
    poll_defaults: PollDefaults,
    watchdog: Watchdog,
    meters: Watches,
    roll: Roll,
}

// A derived `Clone` would require `C` and `T` to be cloneable.
impl<C, T> Clone for WorkerFactory<C, T> {
    fn clone(&self) -> Self {
        Self {
            env: self.env.clone(),
            poll_defaults: self.poll_defaults,
            watchdog: self.watchdog.clone(),
            meters: self.meters.clone(),
            roll: self.roll.clone(),
        }
    }
}

impl<C: KubeApi, T: Service> WorkerFactory<C, T> {
    /// A factory of workers that call the APIs of `env`. A `ClusterWatch` without intervals gets those of
    /// `poll_defaults`. `watchdog` monitors the syncs, and `meters` count them.
    #[must_use]
    pub fn new(
        env: Arc<Env<C, T>>,
        poll_defaults: PollDefaults,
        watchdog: Watchdog,
        meters: Watches,
    ) -> Self {
        Self {
            env,
            poll_defaults,
            watchdog,
            meters,
            roll: Roll::default(),
        }
    }

    /// The APIs, the index and the clock of the workers.
    pub(super) fn env(&self) -> &Arc<Env<C, T>> {
        &self.env
    }

    /// The clock of the workers.
    pub(super) fn clock(&self) -> &Arc<dyn Clock> {
        &self.env.clock
    }

    /// The metrics of the workers.
    pub(super) fn meters(&self) -> &Watches {
        &self.meters
    }

    /// A worker of `watch`; `requested` is its `requestedAt` annotation, as it changes.
    pub(super) fn build(
        &self,
        watch: Arc<ClusterWatch>,
        requested: watch::Receiver<Option<String>>,
    ) -> Worker<C, T> {
        Worker::new(self.env.clone(), watch, self.poll_defaults, requested)
    }

    /// Lets `worker` sync until it is dropped.
    pub(super) async fn run(&self, worker: Worker<C, T>) {
        worker.run(&self.watchdog, &self.meters).await;
    }

    /// Adds `watch` to the roll of synced `ClusterWatches` until the entry is dropped.
    pub(super) fn enter(&self, watch: &ClusterWatch) -> Entry {
        let namespace = watch.namespace().unwrap_or_default();
        self.roll.enter(&namespace, &watch.name_any())
    }

    /// The meter of `watch`. Its metric series exist for as long as anybody holds it.
    pub(super) fn meter(&self, watch: &ClusterWatch) -> Arc<WatchMeter> {
        let namespace = watch.namespace().unwrap_or_default();
        self.meters.meter(&namespace, &watch.name_any())
    }

    /// Counts a panic of a worker.
    pub(super) fn count_panic(&self) {
        self.meters.panicked("clusterwatch");
    }

    /// How often `watch` is synced.
    pub(super) fn cadence(&self, watch: &ClusterWatch) -> Cadence {
        Cadence::of(&watch.spec, self.poll_defaults)
    }

    /// The interval of `watch` that is in force, as far as its status shows it.
    pub(super) fn interval_by_status(&self, watch: &ClusterWatch) -> Duration {
        let status = watch.status.as_ref();
        let counts = status.and_then(|status| status.remediations.as_ref());
        let something_open = counts.is_some_and(|counts| counts.open > 0);
        self.cadence(watch).current(something_open)
    }
}
