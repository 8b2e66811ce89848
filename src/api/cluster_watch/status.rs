//! The status of a `ClusterWatch`. Lengths of texts and lists are bounded by [`limits`].

#![expect(
    clippy::doc_markdown,
    reason = "`kubectl explain` shows these texts as they are"
)]

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{conditions, limits, schema};

/// How the mirroring goes. Written by the operator alone.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ClusterWatchStatus {
    /// The metadata.generation that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Ready, Reconciling, Stalled and AttentionRequired.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "conditions::readable"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// When the API was last read to the end (RFC 3339, UTC). Written with other changes, else every five
    /// minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub last_sync_time: Option<String>,

    /// When all remediations were last listed to the end (RFC 3339, UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub last_full_sync_time: Option<String>,

    /// Past this time (RFC 3339, UTC, whole seconds, ending in Z) nothing here can be trusted, unless something
    /// newer was written: the operator may be gone. Absent while suspended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub stale_after: Option<String>,

    /// The metadata.generation whose labels and owner references all mirrors carry. While it is behind
    /// metadata.generation, Reconciling is True: wait before you delete this ClusterWatch, because its deletionPolicy
    /// does not hold for all mirrors yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mirrors_generation: Option<i64>,

    /// The value of the annotation compute.together.ai/requestedAt that was last acted on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::REQUESTED_AT))]
    pub last_handled_reconcile_at: Option<String>,

    /// How many remediations are mirrored, by what is up with them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remediations: Option<RemediationCounts>,

    /// Remediations that a person must look at, longest waiting first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::ATTENTION), extend("x-kubernetes-list-type" = "atomic"))]
    pub attention: Vec<Attention>,
}

/// Numbers of mirrored remediations.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemediationCounts {
    /// All that are mirrored.
    pub total: i64,

    /// Those that may still change.
    pub open: i64,

    /// Those that wait for a person's approval.
    pub awaiting_approval: i64,

    /// Nodes (not remediations) whose latest remediation failed.
    pub failed_nodes: i64,

    /// Number in each state, named as the API names it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schemars(extend("maxProperties" = limits::BY_STATE))]
    pub by_state: BTreeMap<String, i64>,
}

/// A remediation that a person must look at.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Attention {
    /// Name of the Remediation object.
    #[schemars(length(max = limits::NAME))]
    pub name: String,

    /// The machine, as status.node of the Remediation names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub node: Option<String>,

    /// Its state, as the API names it.
    #[schemars(length(max = limits::ENUM))]
    pub state: String,

    /// What is to be done to the machine, without REMEDIATION_MODE_.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub mode: Option<String>,

    /// Since when it is so: the API's time, in UTC to the second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub since: Option<String>,
}
