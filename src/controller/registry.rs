//! Starts, cancels and re-times the tasks of the watches; does no work of its own.

mod life;
mod settling;
mod starting;

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kube::{Resource, ResourceExt};
use tokio::sync::{SetOnce, watch};
use tokio_util::{
    sync::{CancellationToken, DropGuard},
    task::TaskTracker,
};

pub(crate) use self::settling::Changed;
use self::{
    life::{Slot, Work},
    starting::{Begun, Starts},
};
use super::{
    orphans,
    overlap::{Claim, overlaps},
    shard::Shard,
    spread::Roll,
};
use crate::{
    api::{Reason, cluster_watch::ClusterWatch},
    controller::{metrics::Watches, status::build::ReadyState},
    health::liveness::Watchdog,
    k8s::api::KubeApi,
    sync::{
        Env,
        edit_throttle::Paces,
        schedule::{PollDefaults, request::REQUESTED_AT},
    },
    together::{self, Service},
};

/// What decides whether a running task still fits its watch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct WorkerIdentity {
    uid: Option<String>,
    generation: Option<i64>,
    /// The older watch that holds its instances.
    overlaps: Option<String>,
    /// The other shard that has it.
    held: Option<String>,
    /// It is to be another shard's, and this one's no more.
    leaves: bool,
}

struct Running {
    identity: WorkerIdentity,
    requested: watch::Sender<Option<String>>,
    latest: watch::Sender<Arc<ClusterWatch>>,
    /// Ends the task when it is dropped.
    _stop: DropGuard,
}

/// By namespace and name.
type Tasks = HashMap<String, HashMap<String, Running>>;

/// The tasks of all watches.
pub struct Supervisor<C, T = together::Client> {
    env: Arc<Env<C, T>>,
    shard: Shard,
    speeds: PollDefaults,
    watchdog: Watchdog,
    meters: Watches,
    running: Mutex<Tasks>,
    paces: Mutex<Paces>,
    begun: Mutex<Begun>,
    roll: Roll,
    tasks: TaskTracker,
    leads: SetOnce<()>,
    shutdown: CancellationToken,
}

impl<C: KubeApi, T: Service> Supervisor<C, T> {
    /// A supervisor of the watches of `shard` that starts no task before it is told to [`lead`](Self::lead), and whose
    /// tasks all end with `shutdown`; `watchdog` looks after their polls, `meters` count them.
    #[must_use]
    pub fn new(
        env: Arc<Env<C, T>>,
        shard: Shard,
        speeds: PollDefaults,
        watchdog: Watchdog,
        meters: Watches,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            env,
            shard,
            speeds,
            watchdog,
            meters,
            running: Mutex::default(),
            paces: Mutex::default(),
            begun: Mutex::default(),
            roll: Roll::default(),
            tasks: TaskTracker::new(),
            leads: SetOnce::new(),
            shutdown,
        }
    }

    /// Starts the tasks, now that this replica leads.
    pub fn lead(&self) {
        // Leading already: nothing to do.
        let _ = self.leads.set(());
    }

    /// Waits until this replica leads.
    pub async fn led(&self) {
        self.leads.wait().await;
    }

    /// Keeps the mirrors that this shard needs of `namespace` (all: `None`), whose watches of all shards are `watches`.
    pub fn keep(&self, namespace: Option<&str>, watches: &[Arc<ClusterWatch>]) {
        if self.shard.is_one_of_several() {
            let share = self.shard.share(watches);
            self.env.index.keep(namespace, share);
        }
    }

    /// Looks every few minutes for open mirrors in `namespace` (all: `None`) that none of `watches` looks after, where that
    /// is this shard's to do.
    pub(crate) async fn look_out(
        &self,
        namespace: Option<&str>,
        watches: impl Fn() -> Vec<Arc<ClusterWatch>>,
    ) {
        if !self.shard.takes_the_rest() {
            return std::future::pending().await;
        }
        orphans::look_after(&self.env, namespace, watches).await;
    }

    /// Ends when the tasks are to end for good.
    pub(crate) fn shut_down(&self) -> impl Future<Output = ()> + use<C, T> {
        self.shutdown.clone().cancelled_owned()
    }

    /// Ends all tasks and waits until the last one has ended.
    pub async fn stop(&self) {
        self.shutdown.cancel();
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// Ends all tasks and waits until the last one has ended; the next listing of the watches begins them anew.
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

    /// Makes the tasks of `namespace` (all: `None`) those that `watches` want, which are all that there are: a changed
    /// `ClusterWatch` gets a new task, and the old one writes nothing more.
    pub fn settle_all(&self, namespace: Option<&str>, watches: &[Arc<ClusterWatch>]) {
        let wanted = by_namespace(watches);
        let namespaces: BTreeSet<String> = if let Some(namespace) = namespace {
            [namespace.to_owned()].into()
        } else {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let with_watches = wanted.keys().map(|namespace| (*namespace).to_owned());
            running.keys().cloned().chain(with_watches).collect()
        };
        let starts = self.begin(namespace, &wanted);
        for namespace in &namespaces {
            let watches = wanted.get(&**namespace).map_or(&[][..], |of| of);
            self.settle(namespace, watches, &starts);
        }
    }

    /// Makes the tasks of `namespace` those that its `watches` want; `starts`: when those may begin that begin together.
    fn settle(&self, namespace: &str, watches: &[&Arc<ClusterWatch>], starts: &Starts<'_>) {
        if !self.leads.initialized() {
            return;
        }
        // This runs for each burst of events, so that nothing in it may compare each ClusterWatch with each.
        let claims: Vec<_> = watches.iter().map(|watch| claim(watch)).collect();
        let kept_out = overlaps(&claims);
        let wanted: Vec<_> = watches
            .iter()
            .filter(|watch| self.shard.takes(watch) || self.shard.has(watch))
            .map(|watch| (watch.meta().name.as_deref().unwrap_or_default(), *watch))
            .collect();
        let names: HashSet<&str> = wanted.iter().map(|(name, _)| *name).collect();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let tasks = running.entry(namespace.to_owned()).or_default();
        tasks.retain(|name, _| names.contains(&**name));
        for (name, watch) in wanted {
            let identity = WorkerIdentity {
                uid: watch.uid(),
                generation: watch.metadata.generation,
                overlaps: kept_out.get(name).map(|older| (*older).to_owned()),
                held: self.shard.other_holder(watch),
                leaves: !self.shard.takes(watch),
            };
            let requested = watch.annotations().get(REQUESTED_AT).cloned();
            match tasks.get(name) {
                // After a restore of etcd, one generation may stand for two specs.
                Some(task)
                    if task.identity == identity && task.latest.borrow().spec == watch.spec =>
                {
                    task.latest.send_replace(watch.clone());
                    task.requested.send_if_modified(|known| {
                        // Taking a request away asks for nothing.
                        let asked = requested.is_some() && *known != requested;
                        *known = requested;
                        asked
                    });
                }
                _ => {
                    // The old task ends before the new one begins.
                    let old = tasks.remove(name);
                    let edited = old.is_some_and(|old| old.identity.uid == identity.uid);
                    let at = starts.get(&(namespace, name)).copied().unwrap_or_default();
                    let task = self.start(watch, identity, requested, (edited, at));
                    tasks.insert(name.to_owned(), task);
                }
            }
        }
        if tasks.is_empty() {
            running.remove(namespace);
        }
    }

    /// Starts what `watch` wants; `edited`: in place of what an earlier generation of it wanted. It syncs at `starts_at`
    /// (monotonic) at the earliest.
    fn start(
        &self,
        watch: &Arc<ClusterWatch>,
        identity: WorkerIdentity,
        requested: Option<String>,
        (edited, starts_at): (bool, Duration),
    ) -> Running {
        let work = match (&identity.overlaps, watch.spec.suspend) {
            _ if identity.leaves => Work::LetGo,
            (overlaps, true) => Work::Rest(ReadyState::Suspended, overlaps.is_some()),
            (Some(other), false) => {
                let message = overlap_message(other);
                let reason = Reason::OverlappingClusterWatch;
                Work::Rest(ReadyState::Stalled { reason, message }, true)
            }
            (None, false) => Work::Mirror,
        };
        let (requested, asked) = watch::channel(requested);
        let (latest, seen) = watch::channel(watch.clone());
        let namespace = watch.namespace().unwrap_or_default();
        let pace = self
            .paces
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .of(&namespace, &watch.spec.cluster_id, watch.spec.instance());
        let slot = Slot {
            env: self.env.clone(),
            shard: self.shard.clone(),
            speeds: self.speeds,
            watchdog: self.watchdog.clone(),
            meters: self.meters.clone(),
            seen,
            asked,
            pace,
            roll: self.roll.clone(),
            starts_at,
            work,
        };
        let stop = self.shutdown.child_token();
        let stopped = stop.clone();
        self.tasks.spawn(async move {
            // Whatever the task is in the middle of is dropped at once, its writes with it.
            tokio::select! {
                biased;
                () = stopped.cancelled() => {}
                () = slot.live(edited) => {}
            }
        });
        Running {
            identity,
            requested,
            latest,
            _stop: stop.drop_guard(),
        }
    }
}

/// Those of `watches` that are not being deleted, by namespace.
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

/// What Ready says of a `ClusterWatch` that this `older` one keeps from its instances.
pub(crate) fn overlap_message(older: &str) -> String {
    format!(
        "The older ClusterWatch {older} in this namespace covers the same instances, so this one does nothing. Delete one of the two"
    )
}

pub(crate) fn claim(watch: &ClusterWatch) -> Claim<'_> {
    Claim {
        name: watch.meta().name.as_deref().unwrap_or_default(),
        created: watch
            .metadata
            .creation_timestamp
            .as_ref()
            .map_or(0, |time| time.0.as_second()),
        cluster: &watch.spec.cluster_id,
        instance: watch.spec.instance(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
