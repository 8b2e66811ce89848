//! What the operator remembers of each mirror: a digest and a few facts, never the object.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use entry::Names;
pub use entry::{ConditionFacts, Mirror};
use kube::ResourceExt;
pub use listing::Rewinds;
use listing::Watched;
use tokio::sync::Notify;

use crate::{api::remediation::Remediation, mirror::labels::FlagLabels};

mod entry;
mod listing;
mod look;
pub mod reflector;
pub mod restored;
pub mod summary;

/// The objects of one cluster, by name.
type Group = BTreeMap<Box<str>, Arc<Mirror>>;

/// The objects of one namespace, by cluster: no watch goes over those of others. In order, so that the same events always
/// lead to the same writes, one after the other.
type Namespace = BTreeMap<Arc<str>, Group>;

/// The cluster of objects whose spec cannot be read. They are kept so that their names are taken.
const UNREADABLE: &str = "";

/// What tells of a mirror.
#[derive(Clone, Copy)]
enum Source {
    /// The list that began as this epoch.
    List(u32),
    /// An event of a watch.
    Event,
    /// The answer to a write.
    Answer,
}

impl Source {
    /// Whether it replaces `known` by facts of `resource_version`. A list is a consistent read: what was known before it
    /// began is of no account, whatever its version; etcd may have been restored.
    fn replaces(self, known: &Mirror, resource_version: u64) -> bool {
        let newer = known.resource_version <= resource_version;
        match self {
            Self::List(epoch) => known.answered < epoch || newer,
            Self::Event | Self::Answer => newer,
        }
    }

    /// The epochs in which a watch last showed the mirror and an answer last told of it, once this has told of it `now`.
    fn stamps(self, known: Option<&Mirror>, now: u32) -> (u32, u32) {
        let (epoch, answered) = known.map_or((0, 0), |known| (known.epoch, known.answered));
        match self {
            Self::List(epoch) => (epoch, answered),
            Self::Event => (now, answered),
            Self::Answer => (epoch, now),
        }
    }
}

/// What could be read before and cannot now, or the other way round, is one object of one name: of the two, the one that
/// `source` tells gives way where this says so, else the other does.
fn stays(groups: &mut Namespace, name: &str, told: &Mirror, source: Source) -> bool {
    let unreadable = *told.cluster == *UNREADABLE;
    for (cluster, group) in groups {
        match (unreadable, **cluster == *UNREADABLE) {
            // Those that cannot be read are the first, by their empty name.
            (false, false) => break,
            (true, true) => continue,
            _ => {}
        }
        match group.get(name) {
            Some(known) if !source.replaces(known, told.resource_version) => return true,
            Some(_) => drop(group.remove(name)),
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
    /// The labels that every mirror gets: the others than those and the operator's own are no facts.
    labels: FlagLabels,
    epoch: u32,
    /// The watches, by their namespaces (all: empty).
    watched: HashMap<Box<str>, Watched>,
    /// How many watches there are to be.
    expected: usize,
    /// How often versions went backwards.
    rewinds: u64,
    /// Lists that have ended.
    lists: u64,
    /// Those of them that followed a way backwards.
    restores: u64,
}

impl Inner {
    /// Takes in what `source` tells, unless what is known is newer. Says whether it is an older version than a consistent
    /// read can show: versions went backwards.
    fn take(&mut self, mut object: Remediation, source: Source) -> bool {
        let (Some(namespace), name) = (object.namespace(), object.name_any()) else {
            return false;
        };
        let Some(mut mirror) = Mirror::of(&mut object, &mut self.names, &self.labels) else {
            return false;
        };
        let (seen, now) = (self.seen(&namespace), self.epoch);
        let groups = self
            .namespaces
            .entry(namespace.into_boxed_str())
            .or_default();
        if stays(groups, &name, &mirror, source) {
            return false;
        }
        let group = groups.entry(mirror.cluster.clone()).or_default();
        let mut back = false;
        match group.get_mut(name.as_str()) {
            Some(known) => {
                let (epoch, answered) = source.stamps(Some(known), now);
                if source.replaces(known, mirror.resource_version) {
                    back = known.resource_version > mirror.resource_version;
                    (mirror.epoch, mirror.answered) = (epoch, answered);
                    *known = Arc::new(mirror);
                } else {
                    let known = Arc::make_mut(known);
                    (known.epoch, known.answered) = (epoch, answered);
                }
            }
            // The watch was past this write when its answer came: what it does not show was deleted since.
            None if matches!(source, Source::Answer) && mirror.resource_version <= seen => {}
            None => {
                (mirror.epoch, mirror.answered) = source.stamps(None, now);
                group.insert(name.into_boxed_str(), Arc::new(mirror));
            }
        }
        back
    }

    fn group(&self, namespace: &str, cluster: &str) -> Option<&Group> {
        self.namespaces.get(namespace)?.get(cluster)
    }

    fn remove(&mut self, namespace: &str, cluster: &str, name: &str, resource_version: u64) {
        let groups = self.namespaces.get_mut(namespace);
        let group = groups.and_then(|groups| groups.get_mut(cluster));
        if let Some(group) = group
            && group
                .get(name)
                .is_some_and(|known| known.resource_version <= resource_version)
        {
            group.remove(name);
            if group.is_empty() {
                self.sweep();
            }
        }
    }

    /// Keeps of `namespace` (all: `None`) what is `wanted`.
    fn retain(&mut self, namespace: Option<&str>, mut wanted: impl FnMut(&Mirror) -> bool) {
        for (of, groups) in &mut self.namespaces {
            if namespace.is_none_or(|namespace| namespace == &**of) {
                for group in groups.values_mut() {
                    group.retain(|_, mirror| wanted(mirror));
                }
            }
        }
        self.sweep();
    }

    /// Drops groups and namespaces that hold nothing.
    fn sweep(&mut self) {
        self.namespaces.retain(|_, groups| {
            groups.retain(|_, group| !group.is_empty());
            !groups.is_empty()
        });
    }
}

/// The index of all mirrors in reach, by namespace and name. Cheap to clone.
#[derive(Clone)]
pub struct Index {
    inner: Arc<Mutex<Inner>>,
    /// Told when a listing has ended or is wanted or what is kept changes; wakes in the order of waiting, so that the simulation repeats
    /// itself.
    changed: Arc<Notify>,
}

impl Index {
    /// An empty index that is ready once `watches` watches have ended their first listing.
    #[must_use]
    pub fn new(watches: usize) -> Self {
        let index = Self {
            inner: Arc::default(),
            changed: Arc::default(),
        };
        index.lock().expected = watches;
        index
    }

    /// The same, where every mirror gets these `labels`.
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

    /// Takes in an object that the list of `watched` (all namespaces: `None`) shows that began as `epoch`. It replaces what is
    /// known, be that newer or of another uid, unless the answer to a write told that since the list began.
    pub fn list(&self, watched: Option<&str>, epoch: u32, object: Remediation) {
        let mut inner = self.lock();
        let resource_version = version(&object);
        let back = inner.take(object, Source::List(epoch));
        inner.lists(watched, resource_version, back);
    }

    /// Takes in an object that an event of the watch on `watched` (all namespaces: `None`) shows; one older than what is known
    /// changes nothing.
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

    /// Takes in the answer to a write; one older than what is known, or deleted since, changes nothing.
    pub fn apply(&self, object: Remediation) {
        self.lock().take(object, Source::Answer);
    }

    /// Forgets a mirror whose deletion the watch on `watched` shows, unless a newer one has its name.
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

    /// Forgets a mirror of `cluster` that was deleted at `resource_version`, unless a newer one has its name.
    pub fn removed(&self, namespace: &str, cluster: &str, name: &str, resource_version: u64) {
        let mut inner = self.lock();
        inner.remove(namespace, cluster, name, resource_version);
    }

    /// The facts of the object of this name, of whichever cluster, a mirror or not.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Mirror>> {
        let inner = self.lock();
        let mut groups = inner.namespaces.get(namespace)?.values();
        groups.find_map(|group| group.get(name)).cloned()
    }

    /// The facts of one mirror of `cluster`; quicker than [`get`](Self::get) where there are many clusters.
    #[must_use]
    pub fn mirror(&self, namespace: &str, cluster: &str, name: &str) -> Option<Arc<Mirror>> {
        let inner = self.lock();
        let found = inner.group(namespace, cluster)?.get(name);
        found.filter(|mirror| !mirror.foreign).cloned()
    }

    /// Notes that nothing is to be done about the facts `confirmed` when the plan's inputs have the digest `inputs`. Forgotten
    /// with these facts.
    pub fn confirm(&self, namespace: &str, name: &str, confirmed: Arc<Mirror>, inputs: u64) {
        let (cluster, version) = (confirmed.cluster.clone(), confirmed.resource_version);
        // Else they would have to be copied.
        drop(confirmed);
        let mut inner = self.lock();
        let groups = inner.namespaces.get_mut(namespace);
        let group = groups.and_then(|groups| groups.get_mut(&cluster));
        if let Some(mirror) = group.and_then(|group| group.get_mut(name))
            && mirror.resource_version == version
        {
            Arc::make_mut(mirror).confirms = inputs;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        // A panic under the lock leaves whole entries only: what is there stays usable.
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
