//! The index entry of one mirror.

mod epochs;
mod lifecycle;
mod times;

use std::{collections::HashSet, sync::Arc};

use kube::ResourceExt;

pub(super) use self::epochs::Epochs;
pub use self::{
    lifecycle::Lifecycle,
    times::{ConditionFacts, Times},
};
use crate::{
    api::remediation::{Remediation, RemediationStatus, Transition},
    mirror::{
        digest,
        end::End,
        labels::{self, FlagLabels},
        name::object_name,
    },
};

/// The index entry of one mirror. There is one for each of up to 100,000 mirrors, so its size matters.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The stored object.
    pub object: StoredObject,
    /// Whether its name differs from the one for its cluster and id: then another client created it, and it is not a
    /// mirror.
    pub foreign: bool,
    /// The remediation that it mirrors.
    pub subject: Subject,
    /// The mirrored mode; empty if unknown.
    pub mode: Arc<str>,
    /// The mirrored state; empty before the first status.
    pub state: Arc<str>,
    /// Whether it may still change, and how current it is.
    pub lifecycle: Lifecycle,
    /// When what happened.
    pub times: Times,
    /// The history of an open remediation. That of a finished one is only in the cluster.
    pub history: Option<Box<[Transition]>>,
    /// What it is compared by.
    pub digests: Digests,
    /// When it was last shown.
    pub(super) epochs: Epochs,
}

/// The object in which a mirror is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredObject {
    /// Its uid.
    pub uid: Box<str>,
    /// Its newest resourceVersion observed or written.
    pub resource_version: u64,
    /// Its generation.
    pub generation: i64,
}

impl StoredObject {
    /// That of `object`; `None` if it has no uid or resourceVersion, which every stored object has.
    fn of(object: &Remediation) -> Option<Self> {
        let resource_version = object.metadata.resource_version.as_deref();
        Some(Self {
            uid: object.uid()?.into_boxed_str(),
            resource_version: resource_version?.parse().ok()?,
            generation: object.metadata.generation.unwrap_or(1),
        })
    }

    /// Whether this `resource_version` is at least as new.
    pub(super) fn is_reached_by(&self, resource_version: u64) -> bool {
        self.resource_version <= resource_version
    }
}

/// The remediation that a mirror shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// The cluster's id.
    pub cluster: Arc<str>,
    /// The remediation's id.
    pub id: Box<str>,
    /// The instance's id; empty if unknown.
    pub instance: Arc<str>,
    /// The node's human-readable name; empty if unknown.
    pub node: Arc<str>,
}

impl Subject {
    /// Whether it is the remediation of this `cluster` and `id`.
    #[must_use]
    pub fn is(&self, cluster: &str, id: &str) -> bool {
        *self.cluster == *cluster && *self.id == *id
    }

    /// The instance's id, if known.
    #[must_use]
    pub fn known_instance(&self) -> Option<&str> {
        Some(&*self.instance).filter(|instance| !instance.is_empty())
    }

    /// The node's human-readable name, if known.
    #[must_use]
    pub fn known_node(&self) -> Option<&str> {
        Some(&*self.node).filter(|node| !node.is_empty())
    }

    /// Whether it concerns this `instance` (`None`: any).
    #[must_use]
    pub fn concerns(&self, instance: Option<&str>) -> bool {
        instance.is_none_or(|wanted| &*self.instance == wanted)
    }
}

/// What a mirror is compared by, instead of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digests {
    /// Digest of the status.
    pub content: u64,
    /// Digest of the labels that the operator sets, and of the owner references.
    pub metadata: u64,
    /// Digest of the plan's inputs for which no change was needed; 0 if there are none.
    unchanged_inputs: u64,
}

impl Digests {
    const fn of(content: u64, metadata: u64) -> Self {
        Self {
            content,
            metadata,
            unchanged_inputs: 0,
        }
    }

    /// Whether `status` is the one that is stored.
    #[must_use]
    pub fn has_content(&self, status: &RemediationStatus) -> bool {
        digest::digest(status) == self.content
    }

    /// Records that no change was needed when the plan's inputs had the digest `inputs`.
    pub(super) fn confirm(&mut self, inputs: u64) {
        self.unchanged_inputs = inputs;
    }

    /// Whether no change was needed when the plan's inputs had the digest `inputs`.
    fn confirms(&self, inputs: u64) -> bool {
        self.unchanged_inputs != 0 && self.unchanged_inputs == inputs
    }
}

impl Mirror {
    /// Whether no change was needed for this entry when the plan's inputs had this digest. See [`Index::confirm`].
    ///
    /// [`Index::confirm`]: super::Index::confirm
    #[must_use]
    pub fn confirms(&self, inputs: u64) -> bool {
        self.digests.confirms(inputs)
    }

    /// The entry for `object`; `None` if it has no uid or resourceVersion, which every stored object has.
    pub(super) fn of(
        object: &mut Remediation,
        names: &mut Names,
        flags: &FlagLabels,
    ) -> Option<Self> {
        let stored = StoredObject::of(object)?;
        let labels = object.metadata.labels.as_ref();
        let metadata = labels::digest(labels, flags, object.owner_references());
        // Borrowed, because every object is read when the operator starts.
        let label = labels.and_then(|labels| labels.get(labels::INSTANCE_ID));
        let status = object.status.take();
        let lifecycle = Lifecycle::of(status.as_ref());
        let status = status.unwrap_or_default();
        let (cluster, id) = (&object.spec.cluster_id, &object.spec.id);
        let name = object.metadata.name.as_deref().unwrap_or_default();
        let instance = status.instance_id.as_deref();
        let instance = instance.or(label.map(String::as_str)).unwrap_or_default();
        Some(Self {
            object: stored,
            foreign: object_name(cluster, id) != name,
            subject: Subject {
                cluster: names.keep(cluster),
                id: id.as_str().into(),
                instance: names.keep(instance),
                node: names.keep(status.node.as_deref().unwrap_or_default()),
            },
            mode: names.keep(status.mode.as_deref().unwrap_or_default()),
            state: names.keep(status.state.as_deref().unwrap_or_default()),
            lifecycle,
            times: Times::of(&status, lifecycle.open),
            digests: Digests::of(digest::digest(&status), metadata),
            history: (lifecycle.open).then(|| status.transitions.into_boxed_slice()),
            epochs: Epochs::default(),
        })
    }

    /// When it ended, if known; `None` while it is open.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.times.end(self.lifecycle)
    }

    /// Whether it is open and could be mistaken for current: it is not marked, and it does not wait for its first
    /// status.
    #[must_use]
    pub fn needs_stale_mark(&self) -> bool {
        self.lifecycle.needs_stale_mark(!self.state.is_empty())
    }
}

/// Strings that many mirrors share, stored once.
#[derive(Default)]
pub(super) struct Names(pub(super) HashSet<Arc<str>>);

impl Names {
    /// This many new names trigger the removal of unused ones.
    pub(super) const SWEEP: usize = 4096;

    pub(super) fn keep(&mut self, name: &str) -> Arc<str> {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_entry_takes_no_more_than_296_bytes() {
        assert!(size_of::<Mirror>() <= 296, "{}", size_of::<Mirror>());
    }

    #[test]
    fn what_is_unknown_is_empty_and_an_instance_concerns_itself_alone() {
        let subject = |instance: &str, node: &str| Subject {
            cluster: "c".into(),
            id: "r".into(),
            instance: instance.into(),
            node: node.into(),
        };
        let known = subject("i", "n");
        assert!(known.is("c", "r") && !known.is("c", "i") && !known.is("r", "r"));
        assert_eq!(known.known_instance(), Some("i"));
        assert_eq!(known.known_node(), Some("n"));
        assert!(known.concerns(None) && known.concerns(Some("i")) && !known.concerns(Some("j")));
        let unknown = subject("", "");
        assert_eq!(unknown.known_instance(), None);
        assert_eq!(unknown.known_node(), None);
    }

    #[test]
    fn nothing_is_confirmed_before_the_first_comparison() {
        let mut digests = Digests::of(1, 2);
        assert!(!digests.confirms(0) && !digests.confirms(3));
        digests.confirm(3);
        assert!(digests.confirms(3) && !digests.confirms(4));
    }
}
