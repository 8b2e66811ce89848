//! The fields that a `ClusterWatch` can exclude from its mirrors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::schema;

/// A field of a Remediation's status that can be excluded.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::closed)]
pub enum OmitField {
    /// Who requested the remediation.
    RequestedBy,
    /// Who approved or rejected it.
    ReviewedBy,
    /// Comment of the reviewer.
    ReviewComment,
    /// Why the remediation was requested.
    Reason,
    /// Why the remediation failed.
    ErrorMessage,
    /// The alerts that led to it.
    LinkedAlerts,
    /// The active health check that led to it.
    ActiveHealthCheckRunId,
    /// The passive health check that led to it.
    PassiveHealthCheckEventId,
    /// A field that a newer version knows, kept as written. This version excludes nothing for it.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

impl OmitField {
    /// How many fields can be excluded.
    pub(super) const COUNT: u32 = 8;
}
