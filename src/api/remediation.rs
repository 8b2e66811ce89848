//! The `Remediation` kind: the mirror of one remediation in the Together API.
//!
//! [`limits`] bounds the lengths of texts and lists; the schema carries each bound.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct into a function"
)]

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{limits, rules};

mod status;

pub use status::{LinkedAlert, RemediationStatus, Transition, Xid};

/// Identifies the mirrored remediation. The operator writes it once.
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
    doc = "Read-only mirror of one remediation of a Together GPU cluster. Writing or deleting it does not affect the remediation: use Together's tools to approve, reject or cancel it.",
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
    /// Id of the cluster in the Together API. Must not be empty. Immutable.
    #[schemars(length(max = limits::ID))]
    #[x_kube(
        validation = rules::not_empty("set the cluster's id in the Together API"),
        validation = rules::immutable("a Remediation always mirrors the same remediation")
    )]
    pub cluster_id: String,

    /// Id of the remediation in the Together API. Must not be empty. Immutable.
    #[schemars(length(max = limits::ID))]
    #[x_kube(
        validation = rules::not_empty("set the remediation's id in the Together API"),
        validation = rules::immutable("a Remediation always mirrors the same remediation")
    )]
    pub id: String,
}
