//! What the operator remembers of each mirror: a digest and a few facts, never the object.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use kube::ResourceExt;
use tokio::sync::watch;

use super::{desired::Synced, digest, labels, name::object_name, time};
use crate::api::remediation::{Remediation, Transition};

/// The conditions of a mirror, in the order of [`Mirror::conditions`].
pub const CONDITIONS: [&str; 4] = ["Synced", "Succeeded", "Reconciling", "Stalled"];

/// What is remembered of one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConditionFact {
    /// `True`, `False`, `Unknown`, or empty where the object lacks it.
    pub status: &'static str,
    /// Its last transition.
    pub since: Timestamp,
}

/// The facts of one mirror.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The object's uid.
    pub uid: Box<str>,
    /// The newest resourceVersion seen or written.
    pub resource_version: u64,
    /// The object's generation.
    pub generation: i64,
    /// Its cluster's id.
    pub cluster: Arc<str>,
    /// The remediation's id.
    pub id: Box<str>,
    /// Its name is not the one of this cluster and id: somebody else made it, and it is no mirror.
    pub foreign: bool,
    /// Its instance's id; empty where unknown.
    pub instance: Arc<str>,
    /// The machine's name for people; empty where unknown.
    pub node: Arc<str>,
    /// The mode as mirrored; empty where unknown.
    pub mode: Arc<str>,
    /// The state as mirrored; empty before the first status.
    pub state: Arc<str>,
    /// Whether it may still change.
    pub open: bool,
    /// How it stands to the API.
    pub synced: Synced,
    /// Digest of the status.
    pub content: u64,
    /// Digest of the labels and owner references.
    pub metadata: u64,
    /// The API's `update_time`, where it reads as one.
    pub updated: Option<Timestamp>,
    /// The API's `create_time`, where it reads as one.
    pub created: Option<Timestamp>,
    /// When it ended: `end_time`, else `update_time`; only where it is final.
    pub finished: Option<Timestamp>,
    /// Facts of its conditions, in the order of [`CONDITIONS`].
    pub conditions: [ConditionFact; 4],
    /// The history of an open one; that of a finished one stays in the cluster.
    pub history: Option<Box<[Transition]>>,
    /// The sync of the watch in which it was last seen or written.
    epoch: u32,
}

impl Mirror {
    /// The facts of `object`; `None` where it has no uid or resourceVersion, which no stored object lacks.
    fn of(object: &mut Remediation, names: &mut Names) -> Option<Self> {
        let uid = object.uid()?.into_boxed_str();
        let resource_version = object.resource_version()?.parse().ok()?;
        let metadata = labels::digest(object.metadata.labels.as_ref(), object.owner_references());
        let label = object.labels().get(labels::INSTANCE_ID).cloned();
        let status = object.status.take().unwrap_or_default();
        let content = digest::digest(&status);
        let open = status.open.unwrap_or(true);
        let finished = if open {
            None
        } else {
            time::ended(status.end_time.as_deref(), status.update_time.as_deref())
        };
        Some(Self {
            uid,
            resource_version,
            generation: object.metadata.generation.unwrap_or(1),
            cluster: names.keep(&object.spec.cluster_id),
            id: object.spec.id.as_str().into(),
            foreign: object_name(&object.spec.cluster_id, &object.spec.id) != object.name_any(),
            instance: names.keep(
                status
                    .instance_id
                    .as_deref()
                    .or(label.as_deref())
                    .unwrap_or_default(),
            ),
            node: names.keep(status.node.as_deref().unwrap_or_default()),
            mode: names.keep(status.mode.as_deref().unwrap_or_default()),
            state: names.keep(status.state.as_deref().unwrap_or_default()),
            open,
            synced: status
                .conditions
                .iter()
                .find(|c| c.type_ == "Synced")
                .map_or(Synced::Pending, |c| Synced::from_reason(&c.reason)),
            content,
            metadata,
            updated: time::read(status.update_time.as_deref()),
            created: time::read(status.create_time.as_deref()),
            finished,
            conditions: CONDITIONS.map(|type_| fact(&status.conditions, type_)),
            history: open.then(|| status.transitions.into_boxed_slice()),
            epoch: 0,
        })
    }
}

fn fact(conditions: &[Condition], type_: &str) -> ConditionFact {
    let found = conditions.iter().find(|condition| condition.type_ == type_);
    ConditionFact {
        status: match found.map(|condition| condition.status.as_str()) {
            Some("True") => "True",
            Some("False") => "False",
            Some("Unknown") => "Unknown",
            _ => "",
        },
        since: found.map_or(Timestamp::UNIX_EPOCH, |condition| {
            condition.last_transition_time.0
        }),
    }
}

/// Strings that many mirrors share, kept once.
#[derive(Default)]
struct Names(HashSet<Arc<str>>);

impl Names {
    /// Names kept before those that nobody uses any more are dropped.
    const SWEEP: usize = 4096;

    fn keep(&mut self, name: &str) -> Arc<str> {
        if let Some(kept) = self.0.get(name) {
            return kept.clone();
        }
        if self.0.len() >= Self::SWEEP && self.0.len().is_power_of_two() {
            self.0.retain(|name| Arc::strong_count(name) > 1);
        }
        let name: Arc<str> = name.into();
        self.0.insert(name.clone());
        name
    }
}

#[derive(Default)]
struct Inner {
    namespaces: HashMap<Box<str>, HashMap<Box<str>, Arc<Mirror>>>,
    names: Names,
    epoch: u32,
}

impl Inner {
    fn mirrors(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
    ) -> impl Iterator<Item = (&str, &Arc<Mirror>)> {
        let mirrors = self.namespaces.get(namespace).into_iter().flatten();
        let named = mirrors.map(|(name, mirror)| (&**name, mirror));
        named.filter(move |(_, mirror)| {
            !mirror.foreign
                && &*mirror.cluster == cluster
                && instance.is_none_or(|wanted| &*mirror.instance == wanted)
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
    /// Watches whose first listing has not ended.
    pending: Arc<watch::Sender<usize>>,
}

impl Index {
    /// An empty index that is ready once `watches` watches have ended their first listing.
    #[must_use]
    pub fn new(watches: usize) -> Self {
        Self {
            inner: Arc::default(),
            pending: Arc::new(watch::Sender::new(watches)),
        }
    }

    /// Forgets everything; ready again once `watches` watches have ended their first listing.
    pub fn forget(&self, watches: usize) {
        self.lock().namespaces.clear();
        self.pending.send_replace(watches);
    }

    /// Waits until every watch has ended its first listing: before that, nothing may be planned.
    pub async fn ready(&self) {
        // The sender lives as long as `self`, so this cannot fail.
        let _ = self
            .pending
            .subscribe()
            .wait_for(|pending| *pending == 0)
            .await;
    }

    /// Whether every watch has ended its first listing.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        *self.pending.borrow() == 0
    }

    /// Begins a listing of `namespace` (all: `None`); what it does not show is dropped by [`end`](Self::end).
    #[must_use]
    pub fn begin(&self) -> u32 {
        let mut inner = self.lock();
        inner.epoch += 1;
        inner.epoch
    }

    /// Ends the listing that began as `epoch`: mirrors of `namespace` that it did not show, and that were not written
    /// meanwhile, are forgotten.
    pub fn end(&self, epoch: u32, namespace: Option<&str>, first: bool) {
        {
            let mut inner = self.lock();
            for (name, mirrors) in &mut inner.namespaces {
                if namespace.is_none_or(|namespace| namespace == &**name) {
                    mirrors.retain(|_, mirror| mirror.epoch >= epoch);
                }
            }
            inner.namespaces.retain(|_, mirrors| !mirrors.is_empty());
        }
        if first {
            self.pending
                .send_modify(|pending| *pending = pending.saturating_sub(1));
        }
    }

    /// Takes in an object from the watch or from the answer to a write; one older than what is known is ignored.
    pub fn apply(&self, mut object: Remediation) {
        let (Some(namespace), name) = (object.namespace(), object.name_any()) else {
            return;
        };
        let mut inner = self.lock();
        let Inner {
            namespaces,
            names,
            epoch,
        } = &mut *inner;
        let Some(mut mirror) = Mirror::of(&mut object, names) else {
            return;
        };
        mirror.epoch = *epoch;
        let mirrors = namespaces.entry(namespace.into_boxed_str()).or_default();
        match mirrors.get_mut(name.as_str()) {
            Some(known) if known.resource_version > mirror.resource_version => {
                Arc::make_mut(known).epoch = *epoch;
            }
            Some(known) => *known = Arc::new(mirror),
            None => {
                mirrors.insert(name.into_boxed_str(), Arc::new(mirror));
            }
        }
    }

    /// Forgets a mirror that was deleted at `resource_version`, unless a newer one has its name.
    pub fn removed(&self, namespace: &str, name: &str, resource_version: u64) {
        let mut inner = self.lock();
        if let Some(mirrors) = inner.namespaces.get_mut(namespace) {
            if mirrors
                .get(name)
                .is_some_and(|known| known.resource_version <= resource_version)
            {
                mirrors.remove(name);
            }
            if mirrors.is_empty() {
                inner.namespaces.remove(namespace);
            }
        }
    }

    /// The facts of one mirror.
    #[must_use]
    pub fn get(&self, namespace: &str, name: &str) -> Option<Arc<Mirror>> {
        self.lock().namespaces.get(namespace)?.get(name).cloned()
    }

    /// All mirrors of `cluster` in `namespace`, with their names; of one instance only where `instance` is given. Foreign
    /// objects are none.
    #[must_use]
    pub fn mirrors(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
    ) -> Vec<(Box<str>, Arc<Mirror>)> {
        let inner = self.lock();
        let mirrors = inner.mirrors(namespace, cluster, instance);
        mirrors.map(copied).collect()
    }

    /// Those of [`mirrors`](Self::mirrors) that are open.
    #[must_use]
    pub fn open(
        &self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
    ) -> Vec<(Box<str>, Arc<Mirror>)> {
        let inner = self.lock();
        let mirrors = inner.mirrors(namespace, cluster, instance);
        mirrors
            .filter(|(_, mirror)| mirror.open)
            .map(copied)
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
