//! The index of all mirrors: a digest and a few facts of each, never the object. kube-runtime's store would keep
//! each object as a whole, and a late event would overwrite there what the response to a write showed.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

pub use entry::{ConditionFacts, Digests, Lifecycle, Mirror, StoredObject, Subject, Times};
use entry::{Epochs, Names};
use group::Group;
use kube::ResourceExt;
pub use listing::Rewinds;
use listing::Watched;
use tokio::sync::Notify;

use crate::{api::remediation::Remediation, mirror::labels::FlagLabels};

mod entry;
mod group;
mod listing;
mod look;
pub mod reflector;
pub mod restored;
pub mod summary;

/// The objects of one namespace, by cluster, so that a query does not visit other clusters. Sorted, so that the same
/// events always lead to the same order of writes.
type Namespace = BTreeMap<Arc<str>, Group>;

/// The cluster of objects with an unreadable spec. They are kept because their names are in use.
const UNREADABLE: &str = "";

/// The source of an index entry.
#[derive(Clone, Copy)]
enum Source {
    /// The list that started as this epoch.
    List(u32),
    /// An event of a watch.
    Event,
    /// The response to a write.
    Answer,
}

impl Source {
    /// Whether it replaces `known` with an entry of `resource_version`. A list is a consistent read, so it replaces
    /// everything that was known before it started, whatever its version: etcd may have been restored.
    fn replaces(self, known: &Mirror, resource_version: u64) -> bool {
        let newer = known.object.is_reached_by(resource_version);
        match self {
            Self::List(epoch) => !known.epochs.answered_since(epoch) || newer,
            Self::Event | Self::Answer => newer,
        }
    }
}

/// An object that becomes readable or unreadable has two entries under one name. Returns whether the entry from
/// `source` is the one to drop.
fn is_outdated(
    groups: &mut Namespace,
    (name, entry): (&str, &Mirror),
    source: Source,
    change: u64,
) -> bool {
    let unreadable = *entry.subject.cluster == *UNREADABLE;
    for (cluster, group) in groups {
        match (unreadable, **cluster == *UNREADABLE) {
            // Unreadable objects come first, because their cluster is empty.
            (false, false) => break,
            (true, true) => continue,
            _ => {}
        }
        match group.get(name) {
            Some(known) if !source.replaces(known, entry.object.resource_version) => return true,
            Some(_) => group.remove(name, change),
            None => {}
        }
    }
    false
}

#[derive(Default)]
struct Inner {
    /// By namespace.
    namespaces: HashMap<Box<str>, Namespace>,
    names: Names,
    /// The labels that every mirror gets. Entries record only these and the operator's own.
    labels: FlagLabels,
    epoch: u32,
    /// The watches, by their namespaces (empty: all).
    watched: HashMap<Box<str>, Watched>,
    /// The expected number of watches.
    expected: usize,
    /// How often versions went backwards.
    rewinds: u64,
    /// The number of completed lists.
    lists: u64,
    /// How many of them followed a step backwards.
    restores: u64,
    /// The number of changes so far.
    changes: u64,
}

impl Inner {
    /// Adds an entry from `source`, unless the known one is newer. Returns whether it is older than a consistent read
    /// can show, so that versions went backwards.
    fn take(&mut self, mut object: Remediation, source: Source) -> bool {
        let (Some(namespace), name) = (object.namespace(), object.name_any()) else {
            return false;
        };
        if self.note_known(&namespace, &name, &object, source) {
            return false;
        }
        let Some(mut mirror) = Mirror::of(&mut object, &mut self.names, &self.labels) else {
            return false;
        };
        let (seen, now, change) = (self.seen(&namespace), self.epoch, self.next_change());
        let groups = self
            .namespaces
            .entry(namespace.into_boxed_str())
            .or_default();
        if is_outdated(groups, (&name, &mirror), source, change) {
            return false;
        }
        let group = groups.entry(mirror.subject.cluster.clone()).or_default();
        let mut back = false;
        match group.get(&name) {
            Some(known) => {
                back = known.object.resource_version > mirror.object.resource_version;
                mirror.epochs = known.epochs.stamped(source, now);
                group.put(&name, mirror, change);
            }
            // The watch was past this write when its response came, so a missing object was deleted since.
            None if matches!(source, Source::Answer) && mirror.object.resource_version <= seen => {}
            None => {
                mirror.epochs = Epochs::default().stamped(source, now);
                group.put(&name, mirror, change);
            }
        }
        back
    }

    /// Notes the `source` of a known entry that stays, and returns whether it does. Then `object` is not read: the watch
    /// sends back every write whose answer was read before.
    fn note_known(
        &mut self,
        namespace: &str,
        name: &str,
        object: &Remediation,
        source: Source,
    ) -> bool {
        let now = self.epoch;
        let Some(group) = self.group_mut(namespace, &object.spec.cluster_id) else {
            return false;
        };
        let stays = group
            .get(name)
            .is_some_and(|known| !source.replaces(known, version(object)));
        if stays {
            group.note(name, |known| {
                known.epochs = known.epochs.stamped(source, now);
            });
        }
        stays
    }

    fn next_change(&mut self) -> u64 {
        self.changes += 1;
        self.changes
    }

    fn group(&self, namespace: &str, cluster: &str) -> Option<&Group> {
        self.namespaces.get(namespace)?.get(cluster)
    }

    fn group_mut(&mut self, namespace: &str, cluster: &str) -> Option<&mut Group> {
        self.namespaces.get_mut(namespace)?.get_mut(cluster)
    }

    fn remove(&mut self, namespace: &str, cluster: &str, name: &str, resource_version: u64) {
        let change = self.next_change();
        if let Some(group) = self.group_mut(namespace, cluster)
            && group
                .get(name)
                .is_some_and(|known| known.object.is_reached_by(resource_version))
        {
            group.remove(name, change);
            if group.is_empty() {
                self.sweep();
            }
        }
    }

    /// Keeps only what passes `keep` of `namespace` (`None`: all).
    fn retain(&mut self, namespace: Option<&str>, mut keep: impl FnMut(&Mirror) -> bool) {
        let change = self.next_change();
        for (of, groups) in &mut self.namespaces {
            if namespace.is_none_or(|namespace| namespace == &**of) {
                for group in groups.values_mut() {
                    group.retain(&mut keep, change);
                }
            }
        }
        self.sweep();
    }

    /// Drops empty groups and namespaces.
    fn sweep(&mut self) {
        self.namespaces.retain(|_, groups| {
            groups.retain(|_, group| !group.is_empty());
            !groups.is_empty()
        });
    }
}

/// The index of all watched mirrors, by namespace and name. Cheap to clone.
#[derive(Clone)]
pub struct Index {
    inner: Arc<Mutex<Inner>>,
    /// Notified when a list completes or is requested, or when what is kept changes. It wakes waiters in order, so that
    /// the simulation is deterministic.
    changed: Arc<Notify>,
}

impl Index {
    /// An empty index, ready once `watches` watches have completed their first list.
    #[must_use]
    pub fn new(watches: usize) -> Self {
        let index = Self {
            inner: Arc::default(),
            changed: Arc::default(),
        };
        index.lock().expected = watches;
        index
    }

    /// The same; every mirror gets these `labels`.
    #[must_use]
    pub fn labeling(self, labels: FlagLabels) -> Self {
        self.lock().labels = labels;
        self
    }

    /// The labels that every mirror gets.
    #[must_use]
    pub fn labels(&self) -> FlagLabels {
        self.lock().labels.clone()
    }

    /// Adds an object from the list of `watched` (`None`: all namespaces) that started as `epoch`. It replaces the
    /// known entry even if that is newer or has another uid, unless a response to a write came since the list started.
    pub fn list(&self, watched: Option<&str>, epoch: u32, object: Remediation) {
        let mut inner = self.lock();
        let resource_version = version(&object);
        let back = inner.take(object, Source::List(epoch));
        inner.lists(watched, resource_version, back);
    }

    /// Adds an object from an event of the watch on `watched` (`None`: all namespaces), unless the known entry is
    /// newer.
    pub fn show(&self, watched: Option<&str>, object: Remediation) {
        let back = {
            let mut inner = self.lock();
            let back = !inner.see(watched, version(&object));
            inner.take(object, Source::Event);
            back
        };
        if back {
            self.rewound(Some(watched.unwrap_or_default()));
        }
    }

    /// Adds the response to a write, unless the known entry is newer or the object was deleted since.
    pub fn apply(&self, object: Remediation) {
        self.lock().take(object, Source::Answer);
    }

    /// Removes a mirror whose deletion the watch on `watched` shows, unless a newer one has its name.
    pub fn hide(&self, watched: Option<&str>, object: &Remediation) {
        let (version, namespace) = (version(object), object.namespace().unwrap_or_default());
        let back = {
            let mut inner = self.lock();
            let back = !inner.see(watched, version);
            let cluster = &object.spec.cluster_id;
            inner.remove(&namespace, cluster, &object.name_any(), version);
            back
        };
        if back {
            self.rewound(Some(watched.unwrap_or_default()));
        }
    }

    /// Removes a mirror of `cluster` that was deleted at `resource_version`, unless a newer one has its name.
    pub fn removed(&self, namespace: &str, cluster: &str, name: &str, resource_version: u64) {
        let mut inner = self.lock();
        inner.remove(namespace, cluster, name, resource_version);
    }

    /// The entry of the object with this name in any cluster, a mirror or not.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Mirror>> {
        let inner = self.lock();
        let mut groups = inner.namespaces.get(namespace)?.values();
        groups.find_map(|group| group.get(name)).cloned()
    }

    /// The entry of one mirror of `cluster`; faster than [`get`](Self::get) if there are many clusters.
    #[must_use]
    pub fn mirror(&self, namespace: &str, cluster: &str, name: &str) -> Option<Arc<Mirror>> {
        let inner = self.lock();
        let found = inner.group(namespace, cluster)?.get(name);
        found.filter(|mirror| !mirror.foreign).cloned()
    }

    /// Records that no change is needed for the entry `confirmed` while the plan's inputs have the digest `inputs`. A
    /// new entry drops this.
    pub fn confirm(&self, namespace: &str, name: &str, confirmed: Arc<Mirror>, inputs: u64) {
        let (cluster, version) = (
            confirmed.subject.cluster.clone(),
            confirmed.object.resource_version,
        );
        // Otherwise they would have to be copied.
        drop(confirmed);
        let mut inner = self.lock();
        if let Some(group) = inner.group_mut(namespace, &cluster)
            && group
                .get(name)
                .is_some_and(|known| known.object.resource_version == version)
        {
            group.note(name, |known| known.digests.confirm(inputs));
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic while the lock is held cannot leave a partial entry, so the index stays valid.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn version(object: &Remediation) -> u64 {
    let version = object.metadata.resource_version.as_deref();
    version
        .and_then(|version| version.parse().ok())
        .unwrap_or(0)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
