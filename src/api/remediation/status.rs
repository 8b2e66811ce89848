//! The status of a `Remediation`: what the API returned, and how current that is. [`limits`] bounds the lengths of
//! texts and lists.

#![expect(
    clippy::doc_markdown,
    reason = "`kubectl explain` shows these texts as they are"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{conditions, limits, schema};

/// The remediation as the Together API returned it, and how current that is. A field is absent if the API has no value
/// for it or the ClusterWatch omits it. Long texts are truncated.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemediationStatus {
    /// The metadata.generation that this status was computed for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// Human-readable name of the node: instanceName, otherwise instanceId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub node: Option<String>,

    /// When the remediation entered this state, by the API's times: createTime, reviewTime, startTime or endTime,
    /// depending on the state, otherwise updateTime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub state_since: Option<String>,

    /// Progress of the remediation. The API's reference page documents PENDING_APPROVAL, PENDING, RUNNING, SUCCEEDED,
    /// FAILED, CANCELLED and AUTO_RESOLVED. Other values are possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub state: Option<String>,

    /// The action taken on the node, without the prefix REMEDIATION_MODE_, for example VM_ONLY. May change while the
    /// remediation awaits approval. Other values are possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub mode: Option<String>,

    /// Who requested the remediation, without the prefix REMEDIATION_TRIGGER_: MANUAL for a person, AUTOMATED for the
    /// system. Other values are possible.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub trigger: Option<String>,

    /// Whether the remediation may still change: it is not finished, and the API still knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,

    /// Id of the node in the Together API, where nodes are called instances.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ID))]
    pub instance_id: Option<String>,

    /// Display name of the node, if the API provides it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub instance_name: Option<String>,

    /// Why the remediation was requested.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TEXT))]
    pub reason: Option<String>,

    /// Id of the active health check run that led to the remediation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ID))]
    pub active_health_check_run_id: Option<String>,

    /// Id of the passive health check event that led to the remediation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ID))]
    pub passive_health_check_event_id: Option<String>,

    /// Who requested the remediation, as named in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub requested_by: Option<String>,

    /// Creation time of the remediation, exactly as in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub create_time: Option<String>,

    /// Who approved or rejected the remediation, as named in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub reviewed_by: Option<String>,

    /// Time of the approval or rejection, exactly as in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub review_time: Option<String>,

    /// Comment of the reviewer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TEXT))]
    pub review_comment: Option<String>,

    /// Start time, exactly as in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub start_time: Option<String>,

    /// End time, exactly as in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub end_time: Option<String>,

    /// Why the remediation failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TEXT))]
    pub error_message: Option<String>,

    /// Time of the last change in the API, exactly as in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub update_time: Option<String>,

    /// Alerts that led to the remediation, if the API provides them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::LINKED_ALERTS), extend("x-kubernetes-list-type" = "atomic"))]
    pub linked_alerts: Vec<LinkedAlert>,

    /// Synced, Succeeded, Reconciling and Stalled.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "conditions::readable"
    )]
    #[schemars(schema_with = "schema::conditions")]
    pub conditions: Vec<Condition>,

    /// The most recent changes of state, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::TRANSITIONS), extend("x-kubernetes-list-type" = "atomic"))]
    pub transitions: Vec<Transition>,
}

/// One change of state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// Previous state. Absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub from: Option<String>,

    /// New state.
    #[schemars(length(max = limits::ENUM))]
    pub to: String,

    /// Time of the change, exactly as in the API: createTime, reviewTime, startTime or endTime, depending on the state,
    /// otherwise updateTime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub time: Option<String>,

    /// When the operator observed the change (RFC 3339, UTC).
    #[schemars(length(max = limits::TIME))]
    pub observed_time: String,

    /// Whether the operator inferred this change instead of observing it. If a remediation passes through several
    /// states between two syncs, the API's times show which.
    pub inferred: bool,
}

/// An alert that led to a remediation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkedAlert {
    /// Name of the alert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub name: Option<String>,

    /// Severity, as named in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub severity: Option<String>,

    /// Title of the alert, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TITLE))]
    pub title: Option<String>,

    /// Short summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TITLE))]
    pub summary: Option<String>,

    /// What was observed, in one or two sentences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DESCRIPTION))]
    pub description: Option<String>,

    /// Time when the alert began, exactly as in the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub started_at: Option<String>,

    /// Time when the alert ended, exactly as in the API. Absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub resolved_at: Option<String>,

    /// GPU errors counted by the alert, by Xid code.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::XIDS), extend("x-kubernetes-list-type" = "atomic"))]
    pub xids: Vec<Xid>,

    /// Why Slurm does not use the node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TITLE))]
    pub slurm_reason: Option<String>,
}

/// A kind of GPU error that the NVIDIA driver reported.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Xid {
    /// NVIDIA's number of the error, for example 79.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,

    /// NVIDIA's name of the error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub mnemonic: Option<String>,

    /// How often the error was reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    #[test]
    fn an_empty_status_writes_nothing_and_reads_back() {
        let status = RemediationStatus::default();
        assert_eq!(serde_json::to_value(&status).unwrap(), json!({}));
        assert_eq!(
            serde_json::from_value::<RemediationStatus>(json!({})).unwrap(),
            status
        );
    }

    #[test]
    fn a_full_status_reads_back_field_by_field() {
        let full = json!({
            "observedGeneration": 1, "node": "n", "stateSince": "ss", "state": "RUNNING", "mode": "VM_ONLY", "trigger": "MANUAL",
            "open": true, "instanceId": "i", "instanceName": "in", "reason": "r",
            "activeHealthCheckRunId": "a", "passiveHealthCheckEventId": "p", "requestedBy": "rb",
            "createTime": "ct", "reviewedBy": "vb", "reviewTime": "rt", "reviewComment": "rc",
            "startTime": "st", "endTime": "et", "errorMessage": "em", "updateTime": "ut",
            "linkedAlerts": [{
                "name": "n", "severity": "CRITICAL", "title": "t", "summary": "su", "description": "d",
                "startedAt": "s", "resolvedAt": "e", "slurmReason": "sr",
                "xids": [{"code": 79, "mnemonic": "m", "count": 2}],
            }],
            "conditions": [{
                "type": "Synced", "status": "True", "reason": "Listed", "message": "",
                "lastTransitionTime": "2026-11-23T10:00:00Z", "observedGeneration": 1,
            }],
            "transitions": [{
                "from": "PENDING", "to": "RUNNING", "time": "t", "observedTime": "o", "inferred": false,
            }],
        });
        let status: RemediationStatus = serde_json::from_value(full.clone()).unwrap();
        assert_eq!(serde_json::to_value(&status).unwrap(), full);
    }
}
