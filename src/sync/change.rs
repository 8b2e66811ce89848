//! A planned change to a mirror, and what came of it.

use std::sync::Arc;

use crate::{
    api::remediation::{RemediationSpec, RemediationStatus},
    mirror::status::Synced,
    store::Mirror,
};

/// One planned write.
#[derive(Clone, Debug)]
pub struct Write {
    /// The mirror's name.
    pub name: Box<str>,
    /// The change.
    pub change: MirrorChange,
}

/// A change to a mirror.
#[derive(Clone, Debug)]
pub enum MirrorChange {
    /// Creates it for this remediation and writes its status.
    Create(Box<RemediationStatus>, RemediationSpec),
    /// Updates its status, and its labels and owner references if `metadata` is set.
    Update {
        /// The index entry that the decision is based on.
        mirror: Arc<Mirror>,
        /// The new status; `None` if only the metadata changes.
        status: Option<Box<RemediationStatus>>,
        /// Whether to update labels and owner references.
        metadata: bool,
    },
    /// Marks it because the API does not list it.
    Mark(Arc<Mirror>, Synced),
    /// Deletes it, because retention no longer keeps it.
    Prune(Arc<Mirror>),
}

/// The result of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    /// A mirror was created.
    Created,
    /// A mirror was changed.
    Updated,
    /// A mirror was deleted.
    Pruned,
    /// Another writer changed the mirror meanwhile. The next sync plans again.
    Conflict,
}
