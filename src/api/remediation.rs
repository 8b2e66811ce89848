//! `Remediation`: the mirror of one remediation of Together's API.
//!
//! Lengths of texts and lists are bounded by [`limits`]; each field's description in the schema names its own.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct into a function"
)]

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{limits, rules};

mod status;

pub use status::{LinkedAlert, RemediationStatus, Transition, Xid};

/// Which remediation is mirrored. Written once, by the operator.
#[derive(
    CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[kube(
    group = "compute.together.ai",
    version = "v1alpha1",
    kind = "Remediation",
    plural = "remediations",
    shortname = "rem",
    category = "together",
    namespaced,
    status = "RemediationStatus",
    derive = "PartialEq",
    doc = "Read-only mirror of one remediation of a Together GPU cluster. Writing or deleting it does nothing to the repair: approve, reject or cancel one with Together's own tools.",
    selectable = ".spec.clusterId",
    selectable = ".status.instanceId",
    selectable = ".status.node",
    selectable = ".status.state",
    selectable = ".status.mode",
    selectable = ".status.trigger",
    selectable = ".status.open"
)]
#[serde(rename_all = "camelCase")]
pub struct RemediationSpec {
    /// Id of the cluster in Together's API. Not empty; cannot be changed.
    #[schemars(length(max = limits::ID))]
    #[x_kube(
        validation = rules::not_empty("write the cluster's id in Together's API"),
        validation = rules::immutable("a Remediation is the mirror of one remediation for ever")
    )]
    pub cluster_id: String,

    /// Id of the remediation in Together's API. Not empty; cannot be changed.
    #[schemars(length(max = limits::ID))]
    #[x_kube(
        validation = rules::not_empty("write the remediation's id in Together's API"),
        validation = rules::immutable("a Remediation is the mirror of one remediation for ever")
    )]
    pub id: String,
}
