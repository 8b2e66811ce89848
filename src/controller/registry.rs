//! Starts, cancels and schedules the workers of the `ClusterWatches`. It does no work of its own.

mod factory;
mod reconciling;
mod starting;
mod supervised;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
};

use kube::{Resource, ResourceExt};
use tokio::sync::{SetOnce, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};
use tracing::Instrument;

pub(crate) use self::reconciling::Changed;
pub use self::{factory::WorkerFactory, reconciling::RECONCILE_PAUSE};
use self::{
    starting::{Begun, Starts},
    supervised::{SupervisedWorker, Work},
};
use super::{
    orphans,
    overlap::{claim, overlap_message, overlaps},
    shard::Shard,
};
use crate::{
    api::{Reason, cluster_watch::ClusterWatch},
    clock::MonoTime,
    controller::status::build::ReadyState,
    k8s::api::KubeApi,
    sync::{edit_throttle::EditThrottles, schedule::request::REQUESTED_AT},
    together::{self, Service},
};

/// What decides whether a running worker still matches its `ClusterWatch`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WorkerIdentity {
    uid: Option<String>,
    generation: Option<i64>,
    /// The older `ClusterWatch` that covers its instances.
    overlaps: Option<String>,
}

struct Running {
    identity: WorkerIdentity,
    requested: watch::Sender<Option<String>>,
    latest: watch::Sender<Arc<ClusterWatch>>,
    /// Ends the worker when dropped.
    _stop: DropGuard,
}

/// By namespace and name.
type RunningWorkers = HashMap<String, HashMap<String, Running>>;

/// The workers of all `ClusterWatches`.
pub struct WorkerRegistry<C, T = together::Client> {
    factory: WorkerFactory<C, T>,
    shard: Shard,
    running: Mutex<RunningWorkers>,
    throttles: Mutex<EditThrottles>,
    begun: Mutex<Begun>,
    tasks: TaskTracker,
    leads: SetOnce<()>,
    shutdown: CancellationToken,
}

impl<C: KubeApi, T: Service> WorkerRegistry<C, T> {
    /// A registry of the `ClusterWatches` of `shard`, whose workers `factory` builds. It starts no worker until
    /// [`lead`](Self::lead), and all workers end with `shutdown`.
    #[must_use]
    pub fn new(factory: WorkerFactory<C, T>, shard: Shard, shutdown: CancellationToken) -> Self {
        Self {
            factory,
            shard,
            running: Mutex::default(),
            throttles: Mutex::default(),
            begun: Mutex::default(),
            tasks: TaskTracker::new(),
            leads: SetOnce::new(),
            shutdown,
        }
    }

    /// Starts the workers, now that this replica leads.
    pub fn lead(&self) {
        // Already leading.
        let _ = self.leads.set(());
    }

    /// Waits until this replica leads.
    pub async fn until_leading(&self) {
        self.leads.wait().await;
    }

    /// Every few minutes, searches `namespace` (`None`: all) for open mirrors that none of `watches` covers, if this
    /// shard is responsible for them.
    pub(crate) async fn mark_orphans(
        &self,
        namespace: Option<&str>,
        watches: impl Fn() -> Vec<Arc<ClusterWatch>>,
    ) {
        if !self.shard.takes_the_rest() {
            return std::future::pending().await;
        }
        orphans::mark_orphans(self.factory.env(), namespace, watches).await;
    }

    /// Resolves when all workers must end for good.
    pub(crate) fn until_shutdown(&self) -> impl Future<Output = ()> + use<C, T> {
        self.shutdown.clone().cancelled_owned()
    }

    /// Ends all workers and waits for them.
    pub async fn stop(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Ends all workers and waits for them. The next list of `ClusterWatches` starts them again.
    pub async fn pause(&self) {
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.begun
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clear();
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Adjusts the workers of `namespace` (`None`: all) to `watches`, which is the complete list. A changed
    /// `ClusterWatch` gets a new worker, and the old one writes nothing more.
    pub fn reconcile_all(&self, namespace: Option<&str>, watches: &[Arc<ClusterWatch>]) {
        let grouped = by_namespace(watches);
        let namespaces: BTreeSet<String> = if let Some(namespace) = namespace {
            [namespace.to_owned()].into()
        } else {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let with_watches = grouped.keys().map(|namespace| (*namespace).to_owned());
            running.keys().cloned().chain(with_watches).collect()
        };
        let starts = self.starts_together(namespace, &grouped);
        self.reconcile_each(&namespaces, &grouped, &starts);
    }

    /// Adjusts the workers of these `namespaces` to their `ClusterWatches` in `grouped`.
    fn reconcile_each(
        &self,
        namespaces: &BTreeSet<String>,
        grouped: &HashMap<&str, Vec<&Arc<ClusterWatch>>>,
        starts: &Starts<'_>,
    ) {
        for namespace in namespaces {
            let watches = grouped.get(&**namespace).map_or(&[][..], |of| of);
            self.reconcile(namespace, watches, starts);
        }
    }

    /// Adjusts the workers of `namespace` to its `watches`; `starts` holds the start times of workers that begin
    /// together.
    fn reconcile(&self, namespace: &str, watches: &[&Arc<ClusterWatch>], starts: &Starts<'_>) {
        if !self.leads.initialized() {
            return;
        }
        // This runs for each burst of events, so it must not compare each ClusterWatch with each other one.
        let claims: Vec<_> = watches.iter().map(|watch| claim(watch)).collect();
        let kept_out = overlaps(&claims);
        let ours: Vec<_> = watches
            .iter()
            .filter(|watch| self.shard.takes(watch))
            .map(|watch| (watch.meta().name.as_deref().unwrap_or_default(), *watch))
            .collect();
        let names: HashSet<&str> = ours.iter().map(|(name, _)| *name).collect();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let workers = running.entry(namespace.to_owned()).or_default();
        workers.retain(|name, _| names.contains(&**name));
        for (name, watch) in ours {
            let identity = WorkerIdentity {
                uid: watch.uid(),
                generation: watch.metadata.generation,
                overlaps: kept_out.get(name).map(|older| (*older).to_owned()),
            };
            let requested = watch.annotations().get(REQUESTED_AT).cloned();
            match workers.get(name) {
                // After a restore of etcd, the same generation may belong to different specs.
                Some(worker)
                    if worker.identity == identity && worker.latest.borrow().spec == watch.spec =>
                {
                    worker.latest.send_replace(watch.clone());
                    worker.requested.send_if_modified(|known| {
                        // Removing the annotation requests nothing.
                        let is_new = requested.is_some() && *known != requested;
                        *known = requested;
                        is_new
                    });
                }
                _ => {
                    // The old worker ends before the new one starts.
                    let old = workers.remove(name);
                    let edited = old.is_some_and(|old| old.identity.uid == identity.uid);
                    let at = starts.get(&(namespace, name)).copied().unwrap_or_default();
                    let worker = self.start(watch, identity, requested, (edited, at));
                    workers.insert(name.to_owned(), worker);
                }
            }
        }
        if workers.is_empty() {
            running.remove(namespace);
        }
    }

    /// Starts the worker for `watch`. If `edited`, it replaces that of an earlier generation. It syncs at `starts_at`
    /// at the earliest.
    fn start(
        &self,
        watch: &Arc<ClusterWatch>,
        identity: WorkerIdentity,
        requested: Option<String>,
        (edited, starts_at): (bool, MonoTime),
    ) -> Running {
        let work = match (&identity.overlaps, watch.spec.suspend) {
            (overlaps, true) => Work::Rest(ReadyState::Suspended, overlaps.is_some()),
            (Some(other), false) => {
                let message = overlap_message(other);
                let reason = Reason::OverlappingClusterWatch;
                Work::Rest(ReadyState::Stalled { reason, message }, true)
            }
            (None, false) => Work::Mirror,
        };
        let (requested, requested_at) = watch::channel(requested);
        let (latest, watched) = watch::channel(watch.clone());
        let namespace = watch.namespace().unwrap_or_default();
        let throttle = self
            .throttles
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .of(&namespace, &watch.spec.cluster_id, watch.spec.instance());
        let worker = SupervisedWorker {
            factory: self.factory.clone(),
            watch: watched,
            requested: requested_at,
            throttle,
            starts_at,
            work,
            before_panic: None,
        };
        let stop = self.shutdown.child_token();
        let stopped = stop.clone();
        let span = worker.span();
        let work = async move {
            // Cancellation drops the worker's work in progress at once, including its writes.
            tokio::select! {
                biased;
                () = stopped.cancelled() => {}
                () = worker.supervise(edited) => {}
            }
        };
        self.tasks.spawn(work.instrument(span));
        Running {
            identity,
            requested,
            latest,
            _stop: stop.drop_guard(),
        }
    }
}

/// The `ClusterWatches` that are not being deleted, by namespace.
fn by_namespace(watches: &[Arc<ClusterWatch>]) -> HashMap<&str, Vec<&Arc<ClusterWatch>>> {
    let mut namespaces: HashMap<&str, Vec<_>> = HashMap::new();
    for watch in watches {
        if watch.metadata.deletion_timestamp.is_none() {
            let namespace = watch.metadata.namespace.as_deref().unwrap_or_default();
            namespaces.entry(namespace).or_default().push(watch);
        }
    }
    namespaces
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
