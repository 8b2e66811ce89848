//! The index entry of one mirror.

use std::{collections::HashSet, sync::Arc};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use kube::ResourceExt;

use crate::{
    api::{
        remediation::{Remediation, RemediationStatus, Transition},
        timestamp,
    },
    mirror::{
        digest,
        end::End,
        labels::{self, FlagLabels},
        name::object_name,
        status::Synced,
    },
    together::wire::state::is_final,
};

/// The conditions of a mirror.
const CONDITIONS: [&str; 4] = ["Synced", "Succeeded", "Reconciling", "Stalled"];

/// The conditions, in the order of `CONDITIONS`. Packed, because there is one for every mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionFacts {
    /// Indexes into [`STATUSES`].
    statuses: [u8; 4],
    /// Transition times in Unix seconds: the API server stores no fractions.
    since: [i64; 4],
}

/// The possible statuses of a condition; the first one means that the condition is missing.
const STATUSES: [&str; 4] = ["", "True", "False", "Unknown"];

impl ConditionFacts {
    fn of(conditions: &[Condition]) -> Self {
        let mut facts = Self {
            statuses: [0; 4],
            since: [0; 4],
        };
        for (at, type_) in CONDITIONS.into_iter().enumerate() {
            if let Some(found) = conditions.iter().find(|c| c.type_ == type_) {
                facts.since[at] = timestamp::to_second(found.last_transition_time.0).as_second();
                let known = (0_u8..).zip(STATUSES).find(|(_, s)| *s == found.status);
                facts.statuses[at] = known.map_or(0, |(place, _)| place);
            }
        }
        facts
    }

    /// The transition time of the condition of this type, if it had this status.
    #[must_use]
    pub fn since(&self, type_: &str, status: &str) -> Option<Timestamp> {
        let at = CONDITIONS.iter().position(|known| *known == type_)?;
        let known = STATUSES.get(usize::from(self.statuses[at]))?;
        let since = Timestamp::from_second(self.since[at]).ok();
        since.filter(|_| *known == status)
    }
}

/// The index entry of one mirror.
#[derive(Clone, Debug)]
pub struct Mirror {
    /// The object's uid.
    pub uid: Box<str>,
    /// The newest resourceVersion observed or written.
    pub resource_version: u64,
    /// The object's generation.
    pub generation: i64,
    /// The cluster's id.
    pub cluster: Arc<str>,
    /// The remediation's id.
    pub id: Box<str>,
    /// Whether its name differs from the one for this cluster and id: then another client created it, and it is not a
    /// mirror.
    pub foreign: bool,
    /// The instance's id; empty if unknown.
    pub instance: Arc<str>,
    /// The node's human-readable name; empty if unknown.
    pub node: Arc<str>,
    /// The mirrored mode; empty if unknown.
    pub mode: Arc<str>,
    /// The mirrored state; empty before the first status.
    pub state: Arc<str>,
    /// Whether the remediation may still change.
    pub open: bool,
    /// How current it is.
    pub synced: Synced,
    /// Whether its status is unreadable, so that it is unknown what people see. Then it counts as open until the API
    /// says otherwise.
    pub unread: bool,
    /// Digest of the status.
    pub content: u64,
    /// Digest of the labels that the operator sets, and of the owner references.
    pub metadata: u64,
    /// Digest of the plan's inputs for which no change was needed; 0 if there are none.
    pub(super) confirms: u64,
    /// The API's `update_time`, if valid.
    pub updated: Option<Timestamp>,
    /// The API's `create_time`, if valid.
    pub created: Option<Timestamp>,
    /// When it ended: `end_time`, otherwise `update_time`; only if it is finished.
    pub finished: Option<Timestamp>,
    /// Its conditions.
    pub conditions: ConditionFacts,
    /// The history of an open remediation. That of a finished one is only in the cluster.
    pub history: Option<Box<[Transition]>>,
    /// The epoch in which the watch last showed it; 0 if it never did.
    pub(super) epoch: u32,
    /// The epoch in which the response to a write last showed it.
    pub(super) answered: u32,
}

impl Mirror {
    /// Whether no change was needed for this entry when the plan's inputs had this digest. See [`Index::confirm`].
    ///
    /// [`Index::confirm`]: super::Index::confirm
    #[must_use]
    pub fn confirms(&self, inputs: u64) -> bool {
        self.confirms != 0 && self.confirms == inputs
    }

    /// The entry for `object`; `None` if it has no uid or resourceVersion, which every stored object has.
    pub(super) fn of(
        object: &mut Remediation,
        names: &mut Names,
        flags: &FlagLabels,
    ) -> Option<Self> {
        let uid = object.uid()?.into_boxed_str();
        let resource_version = object.metadata.resource_version.as_deref();
        let resource_version = resource_version?.parse().ok()?;
        let labels = object.metadata.labels.as_ref();
        let metadata = labels::digest(labels, flags, object.owner_references());
        // Borrowed, because every object is read when the operator starts.
        let label = labels.and_then(|labels| labels.get(labels::INSTANCE_ID));
        // The schema has a default, so a status without conditions exists but is unreadable.
        let is_absent = object.status.is_none();
        let status = object.status.take().unwrap_or_default();
        let content = digest::digest(&status);
        let synced = status.conditions.iter().find(|c| c.type_ == "Synced");
        let synced = synced.map_or(Synced::Pending, |c| Synced::from_reason(&c.reason));
        let unread = is_absent || has_lost_its_mark(&status, synced);
        let open = unread || status.open.unwrap_or(true);
        let finished = if open {
            None
        } else {
            timestamp::ended(status.end_time.as_deref(), status.update_time.as_deref())
        };
        Some(Self {
            uid,
            resource_version,
            generation: object.metadata.generation.unwrap_or(1),
            cluster: names.keep(&object.spec.cluster_id),
            id: object.spec.id.as_str().into(),
            foreign: object_name(&object.spec.cluster_id, &object.spec.id)
                != object.metadata.name.as_deref().unwrap_or_default(),
            instance: names.keep(
                status
                    .instance_id
                    .as_deref()
                    .or(label.map(String::as_str))
                    .unwrap_or_default(),
            ),
            node: names.keep(status.node.as_deref().unwrap_or_default()),
            mode: names.keep(status.mode.as_deref().unwrap_or_default()),
            state: names.keep(status.state.as_deref().unwrap_or_default()),
            open,
            synced,
            unread,
            content,
            metadata,
            confirms: 0,
            updated: timestamp::read(status.update_time.as_deref()),
            created: timestamp::read(status.create_time.as_deref()),
            finished,
            conditions: ConditionFacts::of(&status.conditions),
            history: open.then(|| status.transitions.into_boxed_slice()),
            epoch: 0,
            answered: 0,
        })
    }

    /// When it ended, if known; `None` while it is open.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        if self.open {
            return None;
        }
        if !self.synced.is_gone() {
            return self.finished.map(End::Told);
        }
        // The mark may have changed only these two conditions. A remediation that was forbidden before was not Synced
        // either. A time that is not set says nothing, whatever the other one is.
        let since = |type_| self.conditions.since(type_, "False");
        let synced = since("Synced").filter(timestamp::is_set)?;
        let marked = since("Stalled").map_or(synced, |stalled| stalled.max(synced));
        Some(End::Seen(marked))
    }

    /// Whether it is open and could be mistaken for current: it is not marked, and it does not wait for its first
    /// status.
    #[must_use]
    pub fn needs_stale_mark(&self) -> bool {
        let empty = self.synced == Synced::Pending && self.state.is_empty() && !self.unread;
        self.open && !empty && !matches!(self.synced, Synced::Stale | Synced::Forbidden)
    }
}

/// Whether the remediation was gone, and the condition that said so is unreadable: it is not open, and no state ends it.
/// Without its mark it could be mistaken for one that ended long ago.
fn has_lost_its_mark(status: &RemediationStatus, synced: Synced) -> bool {
    let state = status.state.as_deref().unwrap_or_default();
    let is_marked = !matches!(synced, Synced::Pending | Synced::Stale | Synced::Forbidden);
    status.open == Some(false) && !is_marked && !is_final(state)
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
