//! When workers are adjusted to their `ClusterWatches`: one reconcile serves many events in a row.

use std::{
    collections::BTreeSet,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::{Starts, WorkerRegistry};
use crate::{api::cluster_watch::ClusterWatch, k8s::api::KubeApi, together::Service};

/// The pause after a reconcile. An event after a quiet period is reconciled at once; thousands of events per
/// second, as at a start, cause at most ten reconciles.
pub const RECONCILE_PAUSE: Duration = Duration::from_millis(100);

/// The namespaces whose `ClusterWatches` changed since the last reconcile.
#[derive(Debug, Default)]
pub(crate) struct Changed {
    marked: Mutex<Marked>,
    notify: Notify,
}

#[derive(Debug, Default)]
struct Marked {
    all: bool,
    namespaces: BTreeSet<String>,
}

impl Changed {
    /// A `ClusterWatch` of `namespace` changed.
    pub(crate) fn mark(&self, namespace: &str) {
        let mut marked = self.lock();
        if !marked.all && !marked.namespaces.contains(namespace) {
            marked.namespaces.insert(namespace.to_owned());
            self.notify.notify_one();
        }
    }

    /// Any `ClusterWatch` may have changed.
    pub(crate) fn mark_all(&self) {
        self.lock().all = true;
        self.notify.notify_one();
    }

    /// Waits until something is marked, and returns it.
    async fn next(&self) -> Marked {
        loop {
            let marked = mem::take(&mut *self.lock());
            if marked.all || !marked.namespaces.is_empty() {
                return marked;
            }
            self.notify.notified().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Marked> {
        // A panic while the lock is held cannot leave a partial value.
        self.marked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<C: KubeApi, T: Service> WorkerRegistry<C, T> {
    /// Reconciles what is `changed` until it is dropped. `watches` returns the current `ClusterWatches` of `namespace`
    /// (`None`: all).
    pub(crate) async fn reconcile_changed(
        &self,
        namespace: Option<&str>,
        changed: &Changed,
        watches: impl Fn() -> Vec<Arc<ClusterWatch>>,
    ) {
        loop {
            let marked = changed.next().await;
            let watches = watches();
            if marked.all {
                self.reconcile_all(namespace, &watches);
            } else {
                let grouped = super::by_namespace(&watches);
                self.reconcile_each(&marked.namespaces, &grouped, &Starts::default());
            }
            let clock = self.factory.clock();
            clock.sleep_until(clock.elapsed() + RECONCILE_PAUSE).await;
        }
    }
}
