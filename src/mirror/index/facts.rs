//! The facts of one mirror.

use std::{collections::HashSet, sync::Arc};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use kube::ResourceExt;

use crate::{
    api::remediation::{Remediation, Transition},
    mirror::{desired::Synced, digest, labels, name::object_name, time},
};

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
    /// The sync of the watch in which the watch last showed it; 0: it never did.
    pub(super) epoch: u32,
    /// The sync of the watch in which the answer to a write last told of it.
    pub(super) answered: u32,
}

impl Mirror {
    /// The facts of `object`; `None` where it has no uid or resourceVersion, which no stored object lacks.
    pub(super) fn of(object: &mut Remediation, names: &mut Names) -> Option<Self> {
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
            answered: 0,
        })
    }

    /// Whether it is open and shows something that could be taken for the truth: not one that says itself that it is not, nor
    /// one that still waits for its first status.
    #[must_use]
    pub fn may_mislead(&self) -> bool {
        let empty = self.synced == Synced::Pending && self.state.is_empty();
        self.open && !empty && !matches!(self.synced, Synced::Stale | Synced::Forbidden)
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
pub(super) struct Names(pub(super) HashSet<Arc<str>>);

impl Names {
    /// Names kept before those that nobody uses any more are dropped.
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
