//! What the operator remembers of each mirror: a digest and a few facts, never the object.

use std::{
    collections::{BTreeMap, HashMap},
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::ResourceExt;
use tokio::sync::Notify;

use crate::api::remediation::Remediation;
use facts::Names;
pub use facts::{ConditionFacts, Mirror};
use share::Shares;
pub use share::{Clusters, Share};

mod facts;
mod kept;
mod share;

/// The objects of one cluster, by name.
type Group = BTreeMap<Box<str>, Arc<Mirror>>;

/// The objects of one namespace, by cluster: no watch goes over those of others. In order, so that the same events always
/// lead to the same writes, one after the other.
type Namespace = BTreeMap<Arc<str>, Group>;

#[derive(Default)]
struct Inner {
    /// By namespace.
    namespaces: HashMap<Box<str>, Namespace>,
    names: Names,
    epoch: u32,
    /// The newest resourceVersion that each watch has shown, by its namespace (all: empty).
    seen: HashMap<Box<str>, u64>,
    /// What is kept; `None`: everything.
    shares: Option<Shares>,
    /// Watches whose first listing has not ended.
    pending: usize,
}

impl Inner {
    /// Up to which resourceVersion the watch on `namespace` has shown all there is.
    fn seen(&self, namespace: &str) -> u64 {
        let seen = ["", namespace].map(|watched| self.seen.get(watched));
        seen.into_iter().flatten().copied().max().unwrap_or(0)
    }

    /// The watch on `watched` has come to `resource_version`.
    fn see(&mut self, watched: Option<&str>, resource_version: u64) {
        let seen = self.seen.entry(watched.unwrap_or_default().into());
        let seen = seen.or_default();
        *seen = resource_version.max(*seen);
    }

    fn keeps(&mut self, namespace: &str, cluster: &str) -> bool {
        let shares = self.shares.as_mut();
        shares.is_none_or(|shares| shares.keeps(namespace, cluster))
    }

    /// Takes in what is not older than what is known; `epoch`: of the watch's sync, where the watch shows it.
    fn take(&mut self, mut object: Remediation, epoch: Option<u32>) {
        let (Some(namespace), name) = (object.namespace(), object.name_any()) else {
            return;
        };
        if !self.keeps(&namespace, &object.spec.cluster_id) {
            return;
        }
        let Some(mut mirror) = Mirror::of(&mut object, &mut self.names) else {
            return;
        };
        let seen = self.seen(&namespace);
        let answered = epoch.is_none().then_some(self.epoch);
        let groups = self
            .namespaces
            .entry(namespace.into_boxed_str())
            .or_default();
        let group = groups.entry(mirror.cluster.clone()).or_default();
        match group.get_mut(name.as_str()) {
            Some(known) => {
                let epoch = epoch.unwrap_or(known.epoch);
                let answered = answered.unwrap_or(known.answered);
                if known.resource_version > mirror.resource_version {
                    let known = Arc::make_mut(known);
                    (known.epoch, known.answered) = (epoch, answered);
                } else {
                    (mirror.epoch, mirror.answered) = (epoch, answered);
                    *known = Arc::new(mirror);
                }
            }
            // The watch was past this write when its answer came: what it does not show was deleted since.
            None if epoch.is_none() && mirror.resource_version <= seen => {}
            None => {
                (mirror.epoch, mirror.answered) = (epoch.unwrap_or(0), answered.unwrap_or(0));
                group.insert(name.into_boxed_str(), Arc::new(mirror));
            }
        }
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

    fn mirrors(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
    ) -> impl Iterator<Item = (&str, &Arc<Mirror>)> {
        let group = self.group(namespace, cluster).into_iter().flatten();
        let named = group.map(|(name, mirror)| (&**name, mirror));
        named.filter(move |(_, mirror)| {
            !mirror.foreign && instance.is_none_or(|wanted| &*mirror.instance == wanted)
        })
    }
}

fn copied((name, mirror): (&str, &Arc<Mirror>)) -> (Box<str>, Arc<Mirror>) {
    (name.into(), mirror.clone())
}

/// The index of all mirrors in reach, by namespace and name. Cheap to clone.
#[derive(Clone)]
pub struct Index {
    inner: Arc<Mutex<Inner>>,
    /// Told when a listing has ended or what is kept changes; wakes in the order of waiting, so that the simulation repeats
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
        index.lock().pending = watches;
        index
    }

    /// Forgets everything; ready again once `watches` watches have ended their first listing.
    pub fn forget(&self, watches: usize) {
        let mut inner = self.lock();
        inner.namespaces.clear();
        inner.shares = inner.shares.take().map(|_| Shares::default());
        inner.pending = watches;
    }

    /// Waits until every watch has ended its first listing: before that, nothing may be planned.
    pub async fn ready(&self) {
        self.until(|inner| inner.pending == 0).await;
    }

    /// Waits until what is kept and listed is as `wanted`.
    async fn until(&self, mut wanted: impl FnMut(&mut Inner) -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if wanted(&mut self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Whether every watch has ended its first listing.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().pending == 0
    }

    /// A listing of `namespace` (all: `None`) begins; what it does not show is dropped by [`end`](Self::end).
    #[must_use]
    pub fn begin(&self, namespace: Option<&str>) -> u32 {
        let mut inner = self.lock();
        if let Some(shares) = &mut inner.shares {
            shares.begin(namespace.unwrap_or_default());
        }
        inner.epoch += 1;
        inner.epoch
    }

    /// Ends the listing of `namespace` (all: `None`) that began as `epoch`: its mirrors that it did not show are forgotten,
    /// but those that the answer to a write has told of since it began and that are newer than all it showed.
    pub fn end(&self, epoch: u32, namespace: Option<&str>, first: bool) {
        {
            let mut inner = self.lock();
            let inner = &mut *inner;
            inner.pending = inner.pending.saturating_sub(usize::from(first));
            let seen = inner.seen.get(namespace.unwrap_or_default());
            let seen = seen.copied().unwrap_or(0);
            inner.retain(namespace, |mirror| {
                mirror.epoch >= epoch || mirror.answered >= epoch && mirror.resource_version > seen
            });
            if let Some(shares) = &mut inner.shares {
                shares.end(namespace.unwrap_or_default());
            }
        }
        self.changed.notify_waiters();
    }

    /// Takes in an object that the watch on `watched` (all namespaces: `None`) shows; one older than what is known changes
    /// nothing.
    pub fn show(&self, watched: Option<&str>, object: Remediation) {
        let mut inner = self.lock();
        inner.see(watched, version(&object));
        let epoch = inner.epoch;
        inner.take(object, Some(epoch));
    }

    /// Takes in the answer to a write; one older than what is known, or deleted since, changes nothing.
    pub fn apply(&self, object: Remediation) {
        self.lock().take(object, None);
    }

    /// Forgets a mirror whose deletion the watch on `watched` shows, unless a newer one has its name.
    pub fn hide(&self, watched: Option<&str>, object: &Remediation) {
        let (version, namespace) = (version(object), object.namespace().unwrap_or_default());
        let mut inner = self.lock();
        inner.see(watched, version);
        let cluster = &object.spec.cluster_id;
        inner.remove(&namespace, cluster, &object.name_any(), version);
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

    /// Looks at all mirrors of `cluster` in `namespace`, with their names; of one instance only where `instance` is given.
    /// Foreign objects are none. Nobody else sees the index meanwhile.
    pub fn survey<R>(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
        look: impl for<'a> FnOnce(&mut dyn Iterator<Item = (&'a str, &'a Mirror)>) -> R,
    ) -> R {
        let inner = self.lock();
        let mirrors = inner.mirrors(namespace, cluster, instance);
        look(&mut mirrors.map(|(name, mirror)| (name, &**mirror)))
    }

    /// Those mirrors of `cluster` in `namespace` that are `wanted`, with their names; of one instance only where `instance`
    /// is given. Foreign objects are none.
    #[must_use]
    pub fn mirrors(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
        wanted: impl Fn(&Mirror) -> bool,
    ) -> Vec<(Box<str>, Arc<Mirror>)> {
        let inner = self.lock();
        let mirrors = inner.mirrors(namespace, cluster, instance);
        mirrors
            .filter(|(_, mirror)| wanted(mirror))
            .map(copied)
            .collect()
    }

    /// Those of [`mirrors`](Self::mirrors) that are open.
    #[must_use]
    pub fn open(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
    ) -> Vec<(Box<str>, Arc<Mirror>)> {
        self.mirrors(namespace, cluster, instance, |mirror| mirror.open)
    }

    /// All open mirrors of `namespace` (all: `None`), with their namespaces and names.
    #[must_use]
    pub fn all_open(&self, namespace: Option<&str>) -> Vec<(Box<str>, Box<str>, Arc<Mirror>)> {
        let inner = self.lock();
        let namespaces = inner.namespaces.iter();
        namespaces
            .filter(|(of, _)| namespace.is_none_or(|namespace| namespace == &***of))
            .flat_map(|(of, groups)| {
                let mirrors = groups.values().flatten();
                let open = mirrors.filter(|(_, mirror)| mirror.open && !mirror.foreign);
                open.map(|(name, mirror)| (of.clone(), name.clone(), mirror.clone()))
            })
            .collect()
    }

    /// Whether any of [`mirrors`](Self::mirrors) is open.
    #[must_use]
    pub fn any_open(&self, namespace: &str, cluster: &str, instance: Option<&str>) -> bool {
        let inner = self.lock();
        let mut mirrors = inner.mirrors(namespace, cluster, instance);
        mirrors.any(|(_, mirror)| mirror.open)
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
