//! Every reason of the program: what conditions, Events and metrics give as the cause, in one word for programs.

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A reason. Alerts, health scripts and people key on these words, so that none is written anywhere else.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Display,
    EnumString,
    IntoStaticStr,
    VariantArray,
)]
pub enum Reason {
    /// Not yet processed by an operator.
    Pending,

    // Synced of a Remediation.
    /// Matches the API as of the `ClusterWatch`'s last sync.
    Listed,
    /// Finished, and written with its final state.
    Final,
    /// Open, and not confirmed for too long.
    Stale,
    /// The API answers 404 for its id.
    NotFound,
    /// Missing from complete listings.
    NotListed,

    // Succeeded and Reconciling of a Remediation.
    /// It waits for a person.
    AwaitingApproval,
    /// Approved, and not begun.
    Queued,
    /// Its host is being cordoned.
    Quarantining,
    /// Its host is cordoned.
    Quarantined,
    /// The repair is under way.
    Running,
    /// The API says a state that this version does not know.
    UnknownState,
    /// The repair succeeded.
    Succeeded,
    /// The problem went away before the repair began.
    AutoResolved,
    /// A person rejected or cancelled it.
    Cancelled,
    /// The repair failed.
    RemediationFailed,
    /// Nothing more is expected of it.
    Ended,
    /// No person has to act for it.
    NotStalled,

    // Ready, Reconciling and Stalled of a ClusterWatch.
    /// In sync with Together.
    Synced,
    /// This generation is not synced yet.
    Progressing,
    /// Polling is switched off.
    Suspended,
    /// No Secret of that name.
    SecretNotFound,
    /// The Secret holds no usable API key.
    SecretInvalid,
    /// The Together API does not accept the key (401).
    Unauthorized,
    /// The Together API does not allow it (403).
    Forbidden,
    /// The Together API knows no such cluster (404).
    ClusterNotFound,
    /// The Together API knows no such instance (404).
    InstanceNotFound,
    /// The Together API rejects the query (400).
    BadRequest,
    /// An older `ClusterWatch` of the namespace covers the same instances.
    OverlappingClusterWatch,
    /// The Together API limits the rate of calls (429).
    RateLimited,
    /// The Together API gives no usable answer.
    Unavailable,
    /// What answers is not the Together API.
    InvalidResponse,
    /// A listing does not come to a proper end.
    IncompleteListing,
    /// Kubernetes rejects or fails the operator's writes.
    WriteFailed,
    /// A bug of the operator.
    InternalError,

    // AttentionRequired of a ClusterWatch.
    /// A person must look at something.
    AttentionRequired,
    /// No person has to look at anything.
    NothingToDo,

    // Metrics alone.
    /// The Secret holds an API key.
    Found,

    // Events alone.
    /// Another mode than before.
    ModeChanged,
    /// Ready again.
    Recovered,
    /// Many open remediations are missing at once.
    MassDisappearance,
    /// Something in the listing cannot be mirrored as it is.
    ItemsLeftOut,
    /// The Together API is queried in another way than its reference page has it.
    DialectFallback,
}

impl Reason {
    /// The word.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
