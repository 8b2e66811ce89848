//! The status of a `Remediation`: what the API says, and how sure that is. Lengths of texts and lists are bounded
//! by [`limits`].

#![expect(
    clippy::doc_markdown,
    reason = "`kubectl explain` shows these texts as they are"
)]

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{conditions, limits, schema};

/// What the API says of the remediation, and how sure that is. A field is absent where the API has none or the
/// ClusterWatch omits it. Texts that are too long are cut.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RemediationStatus {
    /// The metadata.generation that this status speaks of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,

    /// The machine's best name for people: instanceName, else instanceId.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub node: Option<String>,

    /// Since when it is in this state, by the API's times: createTime, reviewTime, startTime or endTime as the state has
    /// it, else updateTime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub state_since: Option<String>,

    /// How far the repair is. The API's reference page names PENDING_APPROVAL, PENDING, RUNNING, SUCCEEDED,
    /// FAILED, CANCELLED and AUTO_RESOLVED; others may come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub state: Option<String>,

    /// What is done to the machine, without REMEDIATION_MODE_, for instance VM_ONLY. May change while the
    /// remediation waits for approval. New values may come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub mode: Option<String>,

    /// Who asked for it, without REMEDIATION_TRIGGER_: MANUAL is a person, AUTOMATED the system. New values may
    /// come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub trigger: Option<String>,

    /// Whether it may still change: it is not finished, and it is not gone from the API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open: Option<bool>,

    /// Id of the machine in Together's API.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ID))]
    pub instance_id: Option<String>,

    /// Display name of the machine, where the API gives it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub instance_name: Option<String>,

    /// Why the repair was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TEXT))]
    pub reason: Option<String>,

    /// Id of the active health check run that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ID))]
    pub active_health_check_run_id: Option<String>,

    /// Id of the passive health check event that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ID))]
    pub passive_health_check_event_id: Option<String>,

    /// Who asked for it, as the API names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub requested_by: Option<String>,

    /// When it was created, exactly as the API wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub create_time: Option<String>,

    /// Who approved or rejected it, as the API names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub reviewed_by: Option<String>,

    /// When it was approved or rejected, exactly as the API wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub review_time: Option<String>,

    /// What the reviewer wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TEXT))]
    pub review_comment: Option<String>,

    /// When the repair began, exactly as the API wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub start_time: Option<String>,

    /// When it ended, exactly as the API wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub end_time: Option<String>,

    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TEXT))]
    pub error_message: Option<String>,

    /// When the API last changed it, exactly as the API wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub update_time: Option<String>,

    /// The alerts that led to it, where the API gives them.
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

    /// How the state changed, oldest first, the latest ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = limits::TRANSITIONS), extend("x-kubernetes-list-type" = "atomic"))]
    pub transitions: Vec<Transition>,
}

/// One change of state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Transition {
    /// The state before. Absent where none is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub from: Option<String>,

    /// The state after.
    #[schemars(length(max = limits::ENUM))]
    pub to: String,

    /// The API's time that fits, exactly as the API wrote it: reviewTime, startTime, endTime, else updateTime.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub time: Option<String>,

    /// When the operator saw it (RFC 3339, UTC).
    #[schemars(length(max = limits::TIME))]
    pub observed_time: String,

    /// true: not seen as one step. The remediation passed through other states between two syncs; those that the API's times prove are listed.
    pub inferred: bool,
}

/// An alert that led to a remediation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LinkedAlert {
    /// The alert's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::NAME))]
    pub name: Option<String>,

    /// How bad it is, as the API says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub severity: Option<String>,

    /// What it says, in one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TITLE))]
    pub title: Option<String>,

    /// A short form of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TITLE))]
    pub summary: Option<String>,

    /// What was seen, in a sentence or two.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DESCRIPTION))]
    pub description: Option<String>,

    /// When it began, exactly as the API wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub started_at: Option<String>,

    /// When it ended, exactly as the API wrote it. Absent: it has not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::TIME))]
    pub resolved_at: Option<String>,

    /// The GPU errors that it counted, by their codes.
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
    /// NVIDIA's number for it, for instance 79.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<i64>,

    /// NVIDIA's name for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ENUM))]
    pub mnemonic: Option<String>,

    /// How often it was reported.
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
