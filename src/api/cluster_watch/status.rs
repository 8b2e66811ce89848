//! The status of a `ClusterWatch`. [`limits`] bounds the lengths of texts and lists.

#![expect(
    clippy::doc_markdown,
    reason = "`kubectl explain` shows these texts as they are"
)]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{limits, readable, schema};

/// The result of mirroring. Only the operator writes it.
// What cannot be read counts as absent and is written again: a status of another version must not cost the ClusterWatch.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterWatchStatus {
    /// The metadata.generation that this status was computed for.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "readable::or_absent"
    )]
    pub observed_generation: Option<i64>,

    /// Ready, Reconciling, Stalled and AttentionRequired.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "readable::conditions"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// Time of the last complete list of the Together API (RFC 3339, UTC). Updated with other changes, otherwise every
    /// five minutes.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "readable::or_absent"
    )]
    #[schemars(length(max = limits::TIME))]
    pub last_sync_time: Option<String>,

    /// Time of the last full sync, which lists finished remediations too (RFC 3339, UTC).
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "readable::or_absent"
    )]
    #[schemars(length(max = limits::TIME))]
    pub last_full_sync_time: Option<String>,

    /// If the status is not updated by this time (RFC 3339, UTC, whole seconds, ending in Z), do not trust it: the
    /// operator may be down. Absent while suspended.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "readable::or_absent"
    )]
    #[schemars(length(max = limits::TIME))]
    pub stale_after: Option<String>,

    /// The metadata.generation whose labels and owner references all mirrors carry. While it is lower than
    /// metadata.generation, Reconciling is True. Do not delete this ClusterWatch then, because its deletionPolicy does
    /// not apply to all mirrors yet.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "readable::or_absent"
    )]
    pub mirrors_generation: Option<i64>,

    /// The last value of the annotation compute.together.ai/requestedAt that the operator acted on.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "readable::or_absent"
    )]
    #[schemars(length(max = limits::REQUESTED_AT))]
    pub last_handled_reconcile_at: Option<String>,

    /// Number of mirrored remediations, by status.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "readable::or_absent"
    )]
    pub remediations: Option<RemediationCounts>,

    /// Remediations that need attention from a person, the longest waiting first.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "readable::or_absent"
    )]
    #[schemars(length(max = limits::ATTENTION), extend("x-kubernetes-list-type" = "atomic"))]
    pub attention: Vec<Attention>,
}

/// Numbers of mirrored remediations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemediationCounts {
    /// All mirrored remediations.
    pub total: i64,

    /// Remediations that may still change.
    pub open: i64,

    /// Remediations that await approval.
    pub awaiting_approval: i64,

    /// Nodes (not remediations) whose most recent remediation failed.
    pub failed_nodes: i64,

    /// Number of remediations in each state, named as in the Together API.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = limits::BY_STATE))]
    pub by_state: BTreeMap<String, i64>,
}

/// A remediation that needs attention from a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attention {
    /// Name of the Remediation object.
    #[schemars(length(max = limits::NAME))]
    pub name: String,

    /// The node, as in status.node of the Remediation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub node: Option<String>,

    /// State of the remediation, as named in the Together API.
    #[schemars(length(max = limits::ENUM))]
    pub state: String,

    /// The action to take on the node, without the prefix REMEDIATION_MODE_.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub mode: Option<String>,

    /// When the remediation entered this state, by the API's time (UTC, whole seconds).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub since: Option<String>,
}
