//! Starts, cancels and re-times the tasks of the watches; does no work of its own.

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

use super::{
    orphans,
    overlap::{Claim, overlapped},
    pace::Pace,
    poll::Tools,
    request::REQUESTED_AT,
    shard::Shard,
    status::Standing,
    task::{Speeds, Task},
};
use crate::{
    api::cluster_watch::ClusterWatch,
    cluster::Cluster,
    metrics::Watches,
    together::{self, Service},
    watchdog::Watchdog,
};

/// What decides whether a running task still fits its watch.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Fit {
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
    fit: Fit,
    requested: watch::Sender<Option<String>>,
    pace: Arc<Pace>,
    /// Ends the task when it is dropped.
    _stop: DropGuard,
}

/// The tasks of all watches, by namespace and name.
pub struct Supervisor<C, T = together::Client> {
    tools: Arc<Tools<C, T>>,
    shard: Shard,
    speeds: Speeds,
    watchdog: Watchdog,
    meters: Watches,
    running: Mutex<HashMap<(String, String), Running>>,
    tasks: TaskTracker,
    leads: SetOnce<()>,
    shutdown: CancellationToken,
}

impl<C: Cluster, T: Service> Supervisor<C, T> {
    /// A supervisor of the watches of `shard` that starts no task before it is told to [`lead`](Self::lead), and whose
    /// tasks all end with `shutdown`; `watchdog` looks after their polls, `meters` count them.
    #[must_use]
    pub fn new(
        tools: Arc<Tools<C, T>>,
        shard: Shard,
        speeds: Speeds,
        watchdog: Watchdog,
        meters: Watches,
        shutdown: CancellationToken,
    ) -> Self {
        Self {
            tools,
            shard,
            speeds,
            watchdog,
            meters,
            running: Mutex::default(),
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
            self.tools.index.keep(namespace, share);
        }
    }

    /// Looks every few minutes for open mirrors in `namespace` (all: `None`) that none of `watches` looks after, where that
    /// is this shard's to do.
    pub(super) async fn look_out(
        &self,
        namespace: Option<&str>,
        watches: impl Fn() -> Vec<Arc<ClusterWatch>>,
    ) {
        if !self.shard.takes_the_rest() {
            return std::future::pending().await;
        }
        orphans::look_after(&self.tools, namespace, watches).await;
    }

    /// Ends when the tasks are to end for good.
    pub(super) fn shut_down(&self) -> impl Future<Output = ()> + use<C, T> {
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
        self.tasks.close();
        self.tasks.wait().await;
        self.tasks.reopen();
    }

    /// Makes the tasks of `namespace` those that its `watches` want: a changed watch gets a new task, and the old one
    /// writes nothing more.
    pub fn settle(&self, namespace: &str, watches: &[Arc<ClusterWatch>]) {
        if !self.leads.initialized() {
            return;
        }
        let watches: Vec<_> = watches
            .iter()
            .filter(|watch| {
                watch.namespace().as_deref() == Some(namespace)
                    && watch.metadata.deletion_timestamp.is_none()
            })
            .collect();
        // This runs at each event of each watch, so that nothing in it may compare each watch with each.
        let claims: Vec<_> = watches.iter().map(|watch| claim(watch)).collect();
        let mut clusters: HashMap<&str, Vec<Claim<'_>>> = HashMap::new();
        for claim in &claims {
            clusters.entry(claim.cluster).or_default().push(*claim);
        }
        let wanted: Vec<_> = watches
            .iter()
            .zip(&claims)
            .filter(|(watch, _)| self.shard.takes(watch) || self.shard.has(watch))
            .collect();
        let names: HashSet<&str> = wanted.iter().map(|(_, claim)| claim.name).collect();
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        running.retain(|(of, name), _| of != namespace || names.contains(&**name));
        for (watch, claim) in wanted {
            let fit = Fit {
                uid: watch.uid(),
                generation: watch.metadata.generation,
                overlaps: overlapped(claim, &clusters[claim.cluster]).map(str::to_owned),
                held: self.shard.other_holder(watch),
                leaves: !self.shard.takes(watch),
            };
            let requested = watch.annotations().get(REQUESTED_AT).cloned();
            let key = (namespace.to_owned(), claim.name.to_owned());
            match running.get(&key) {
                Some(task) if task.fit == fit => {
                    task.requested.send_if_modified(|known| {
                        // Taking a request away asks for nothing.
                        let asked = requested.is_some() && *known != requested;
                        *known = requested;
                        asked
                    });
                }
                _ => {
                    // The old task ends before the new one begins.
                    let old = running.remove(&key).filter(|old| old.fit.uid == fit.uid);
                    let pace = old.map(|old| old.pace.clone()).unwrap_or_default();
                    let task = self.start(watch, fit, requested, pace);
                    running.insert(key, task);
                }
            }
        }
    }

    /// The same for `namespace`, or (`None`) for all that have tasks or watches.
    pub fn settle_all(&self, namespace: Option<&str>, watches: &[Arc<ClusterWatch>]) {
        let namespaces: BTreeSet<String> = if let Some(namespace) = namespace {
            [namespace.to_owned()].into()
        } else {
            let running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
            let with_tasks = running.keys().map(|(namespace, _)| namespace.clone());
            let with_watches = watches.iter().filter_map(|watch| watch.namespace());
            with_tasks.chain(with_watches).collect()
        };
        for namespace in &namespaces {
            self.settle(namespace, watches);
        }
    }

    fn start(
        &self,
        watch: &Arc<ClusterWatch>,
        fit: Fit,
        requested: Option<String>,
        pace: Arc<Pace>,
    ) -> Running {
        let (requested, changes) = watch::channel(requested);
        let shard = self.shard.clone();
        let task = Task::new(
            self.tools.clone(),
            watch.clone(),
            shard,
            self.speeds,
            changes,
        );
        let task = task.after(pace.clone());
        let standing = match (&fit.overlaps, watch.spec.suspend) {
            (_, true) => Some(Standing::Suspended),
            (Some(other), _) => Some(Standing::Stalled {
                reason: "Overlaps",
                message: format!(
                    "the older ClusterWatch {other} of this namespace covers the same instances, so this one does nothing: delete one of the two"
                ),
            }),
            (None, false) => None,
        };
        let (overlaps, leaves) = (fit.overlaps.is_some(), fit.leaves);
        let stop = self.shutdown.child_token();
        let stopped = stop.clone();
        let (watchdog, meters) = (self.watchdog.clone(), self.meters.clone());
        self.tasks.spawn(async move {
            // Whatever the task is in the middle of is dropped at once, its writes with it.
            let work = async {
                match standing {
                    _ if leaves => task.let_go().await,
                    Some(standing) => task.rest(standing, overlaps, &meters).await,
                    None => task.run(&watchdog, &meters).await,
                }
            };
            tokio::select! {
                biased;
                () = stopped.cancelled() => {}
                () = work => {}
            }
        });
        Running {
            fit,
            requested,
            pace,
            _stop: stop.drop_guard(),
        }
    }
}

pub(super) fn claim(watch: &ClusterWatch) -> Claim<'_> {
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
