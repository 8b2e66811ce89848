//! The fields that a `ClusterWatch` can leave out of its mirrors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::schema;

/// A field of a Remediation's status that can be left out.
#[derive(
    Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = schema::closed)]
pub enum OmitField {
    /// Who asked for the repair.
    RequestedBy,
    /// Who approved or rejected it.
    ReviewedBy,
    /// What the reviewer wrote.
    ReviewComment,
    /// Why the repair was asked for.
    Reason,
    /// Why it failed.
    ErrorMessage,
    /// The alerts that led to it.
    LinkedAlerts,
    /// The active health check that led to it.
    ActiveHealthCheckRunId,
    /// The passive health check that led to it.
    PassiveHealthCheckEventId,
    /// One that a newer version of this program knows, as it is written. It omits nothing here.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

impl OmitField {
    /// How many fields can be left out.
    pub(super) const COUNT: u32 = 8;
}
