//! Every reason of the operator: the one-word cause in conditions, Events and metrics.

use strum::{Display, EnumString, IntoStaticStr, VariantArray};

/// A reason. Alerts, health scripts and people depend on these words, so they are defined only here.
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
    /// Finished; the final state is mirrored.
    Final,
    /// Open, but not confirmed by a recent sync.
    Stale,
    /// The Together API returns 404 for its id.
    NotFound,
    /// Missing from two full syncs.
    NotListed,

    // Succeeded and Reconciling of a Remediation.
    /// Awaits approval by a person.
    AwaitingApproval,
    /// Approved, but not started.
    Queued,
    /// The host is being cordoned.
    Quarantining,
    /// The host is cordoned.
    Quarantined,
    /// The remediation is in progress.
    Running,
    /// The Together API returned a state that this version does not recognize.
    UnknownState,
    /// The remediation succeeded.
    Succeeded,
    /// The problem was resolved before the remediation started.
    AutoResolved,
    /// A person rejected or cancelled it.
    Cancelled,
    /// The remediation failed.
    RemediationFailed,
    /// No further change is expected.
    Ended,
    /// No manual intervention is needed for it.
    NotStalled,

    // Ready, Reconciling and Stalled of a ClusterWatch.
    /// In sync with Together.
    Synced,
    /// This generation is not synced yet.
    Progressing,
    /// Syncs are suspended.
    Suspended,
    /// The Secret does not exist.
    SecretNotFound,
    /// The Secret contains no usable API key.
    SecretInvalid,
    /// The Together API rejected the API key (401).
    Unauthorized,
    /// The API key lacks access (403).
    Forbidden,
    /// The Together API has no such cluster (404).
    ClusterNotFound,
    /// The Together API has no such instance (404).
    InstanceNotFound,
    /// The Together API rejected the request (400).
    BadRequest,
    /// An older `ClusterWatch` in the namespace covers the same instances.
    OverlappingClusterWatch,
    /// The Together API is rate-limiting the API key (429).
    RateLimited,
    /// The Together API is unreachable or returns errors.
    Unavailable,
    /// The response is not one of the Together API.
    InvalidResponse,
    /// The list from the Together API is incomplete.
    IncompleteListing,
    /// Kubernetes rejected the operator's writes, or they failed.
    WriteFailed,
    /// A bug in the operator.
    InternalError,

    // Only AttentionRequired of a ClusterWatch.
    /// A person must act.
    AttentionRequired,
    /// No person must act.
    NothingToDo,

    // Only metrics.
    /// The Secret contains an API key.
    Found,

    // Only Events.
    /// The mode changed.
    ModeChanged,
    /// Ready again.
    Recovered,
    /// Many open remediations are missing at once.
    MassDisappearance,
    /// An item of the list cannot be mirrored completely.
    ItemsLeftOut,
    /// The operator uses another query format than the API's reference page documents.
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
