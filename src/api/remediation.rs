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

pub use status::{LinkedAlert, RemediationStatus, Transition};

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
    printcolumn(
        name = "Node",
        type_ = "string",
        description = "The machine.",
        json_path = ".status.node"
    ),
    printcolumn(
        name = "State",
        type_ = "string",
        description = "How far the repair is, as the API says it.",
        json_path = ".status.state"
    ),
    printcolumn(
        name = "Mode",
        type_ = "string",
        description = "What is done to the machine.",
        json_path = ".status.mode"
    ),
    printcolumn(
        name = "Synced",
        type_ = "string",
        description = "Whether the mirror agrees with the API.",
        json_path = r#".status.conditions[?(@.type=="Synced")].status"#
    ),
    printcolumn(
        name = "Created",
        type_ = "date",
        description = "When the API says that it was created.",
        json_path = ".status.createTime"
    ),
    printcolumn(
        name = "Instance",
        type_ = "string",
        description = "The machine's id in Together's API.",
        json_path = ".status.instanceId",
        priority = 1
    ),
    printcolumn(
        name = "Cluster",
        type_ = "string",
        description = "The cluster's id in Together's API.",
        json_path = ".spec.clusterId",
        priority = 1
    ),
    printcolumn(
        name = "Trigger",
        type_ = "string",
        description = "Whether a person or the system asked for it.",
        json_path = ".status.trigger",
        priority = 1
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        description = "Why it was asked for.",
        json_path = ".status.reason",
        priority = 1
    ),
    printcolumn(
        name = "Requested By",
        type_ = "string",
        description = "Who asked for it.",
        json_path = ".status.requestedBy",
        priority = 1
    ),
    printcolumn(
        name = "Reviewed By",
        type_ = "string",
        description = "Who approved or rejected it.",
        json_path = ".status.reviewedBy",
        priority = 1
    ),
    printcolumn(
        name = "Error",
        type_ = "string",
        description = "Why it failed.",
        json_path = ".status.errorMessage",
        priority = 1
    ),
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
