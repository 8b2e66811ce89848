//! Does a mirror match the API? Its own reading of the contract, with none of the operator's code.

use crate::simulator::{LinkedAlert, Remediation};
use serde_json::{Map, Value, json};

/// What the operator adds on its own and this comparison reads by itself.
const ADDED: [&str; 3] = ["observedGeneration", "conditions", "transitions"];

/// All differences between a remediation and the mirror that `watch` writes of it, each in one line.
pub(super) fn differences(truth: &Remediation, mirror: &Value, watch: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut differ = |what: &str, expected: &Value, actual: &Value| {
        if expected != actual {
            found.push(format!("{what} is {actual}, the API says {expected}"));
        }
    };
    differ(
        "metadata.name",
        &json!(truth.id),
        &mirror["metadata"]["name"],
    );
    let labels = &mirror["metadata"]["labels"];
    let label = |name: &str| &labels[format!("compute.together.ai/{name}")];
    differ(
        "its cluster label",
        &json!(truth.cluster_id),
        label("cluster-id"),
    );
    differ(
        "its instance label",
        &json!(truth.instance_id),
        label("instance-id"),
    );
    let writer = &watch["metadata"]["name"];
    differ("its writer's label", writer, label("cluster-watch"));
    differ(
        "its manager's label",
        &json!("together-remediation-operator"),
        &labels["app.kubernetes.io/managed-by"],
    );
    let spec = json!({"clusterId": truth.cluster_id, "id": truth.id});
    differ("spec", &spec, &mirror["spec"]);
    let (expected, actual) = (status(truth), content(mirror));
    for field in expected
        .keys()
        .chain(actual.keys().filter(|f| !expected.contains_key(*f)))
    {
        let none = &Value::Null;
        let (expected, actual) = (expected.get(field), actual.get(field));
        let name = format!("status.{field}");
        differ(&name, expected.unwrap_or(none), actual.unwrap_or(none));
    }
    let (succeeded, synced) = verdicts(truth);
    differ(
        "Succeeded",
        &json!(succeeded),
        condition(mirror, "Succeeded", "status"),
    );
    differ(
        "Synced",
        &json!("True"),
        condition(mirror, "Synced", "status"),
    );
    differ(
        "the reason of Synced",
        &json!(synced),
        condition(mirror, "Synced", "reason"),
    );
    if let Some(last) = mirror["status"]["transitions"]
        .as_array()
        .and_then(|all| all.last())
    {
        differ(
            "the last transition's end",
            &json!(truth.state),
            &last["to"],
        );
    }
    found
}

/// What is wrong with a mirror whose remediation the API no longer has.
pub(super) fn gone(mirror: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let reason = condition(mirror, "Synced", "reason");
    if reason != "NotFound" && reason != "NotListed" {
        found.push(format!(
            "it left the API, but the reason of Synced is {reason}"
        ));
    }
    if mirror["status"]["open"] != false {
        found.push("it left the API, but status.open is not false".to_owned());
    }
    found
}

/// What a mirror shows of its remediation.
pub(super) fn content(mirror: &Value) -> Map<String, Value> {
    let mut content = mirror["status"].as_object().cloned().unwrap_or_default();
    content.retain(|field, _| !ADDED.contains(&field.as_str()));
    content
}

/// Whether nothing of the API was ever filled in: the operator that created the mirror died before that.
pub(super) fn is_empty(mirror: &Value) -> bool {
    content(mirror).keys().all(|field| field == "open")
}

/// Whether `content` is all of `truth` and nothing else; `gone`: but for `open`.
pub(super) fn shows(content: &Map<String, Value>, truth: &Remediation, gone: bool) -> bool {
    let mut expected = status(truth);
    if gone {
        expected.insert("open".to_owned(), json!(false));
    }
    *content == expected
}

/// A field of one condition; null where there is none.
pub(super) fn condition<'a>(object: &'a Value, kind: &str, field: &str) -> &'a Value {
    const NONE: &Value = &Value::Null;
    object["status"]["conditions"]
        .as_array()
        .and_then(|all| all.iter().find(|condition| condition["type"] == kind))
        .map_or(NONE, |condition| &condition[field])
}

/// The statuses of Succeeded and the reason of Synced that the state asks for.
fn verdicts(truth: &Remediation) -> (&'static str, &'static str) {
    match truth.state.as_str() {
        "SUCCEEDED" | "AUTO_RESOLVED" => ("True", "Final"),
        "FAILED" | "CANCELLED" => ("False", "Final"),
        _ => ("Unknown", "Listed"),
    }
}

/// The status that the contract asks for, as far as the API decides it.
pub(super) fn status(truth: &Remediation) -> Map<String, Value> {
    let node = truth.instance_name.as_ref().unwrap_or(&truth.instance_id);
    let short = |value: &str, prefix: &str| value.strip_prefix(prefix).unwrap_or(value).to_owned();
    let alerts: Vec<Value> = truth.linked_alerts.iter().map(alert).collect();
    let all = [
        ("node", json!(node)),
        ("stateSince", json!(truth.state_since())),
        ("state", json!(truth.state)),
        ("mode", json!(short(&truth.mode, "REMEDIATION_MODE_"))),
        (
            "trigger",
            json!(short(&truth.trigger, "REMEDIATION_TRIGGER_")),
        ),
        ("open", json!(!truth.is_final())),
        ("instanceId", json!(truth.instance_id)),
        ("instanceName", json!(truth.instance_name)),
        ("reason", json!(truth.reason)),
        (
            "activeHealthCheckRunId",
            json!(truth.active_health_check_run_id),
        ),
        (
            "passiveHealthCheckEventId",
            json!(truth.passive_health_check_event_id),
        ),
        ("requestedBy", json!(truth.requested_by)),
        ("createTime", json!(truth.create_time)),
        ("reviewedBy", json!(truth.reviewed_by)),
        ("reviewTime", json!(truth.review_time)),
        ("reviewComment", json!(truth.review_comment)),
        ("startTime", json!(truth.start_time)),
        ("endTime", json!(truth.end_time)),
        ("errorMessage", json!(truth.error_message)),
        ("updateTime", json!(truth.update_time)),
        (
            "linkedAlerts",
            if alerts.is_empty() {
                Value::Null
            } else {
                json!(alerts)
            },
        ),
    ];
    let there = all.into_iter().filter(|(_, value)| !value.is_null());
    there
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}

fn alert(alert: &LinkedAlert) -> Value {
    let words = &alert.annotation;
    let xids = words.xid.iter().flat_map(|xid| &xid.events).map(
        |event| json!({"code": event.xid_code, "mnemonic": event.mnemonic, "count": event.count}),
    );
    let xids: Vec<Value> = xids.collect();
    let slurm = words.slurm_node_unavailable.as_ref();
    let mut mirrored = json!({
        "name": alert.alert_name,
        "severity": alert.severity,
        "title": words.title,
        "summary": words.summary_line,
        "description": words.description,
        "startedAt": alert.started_at,
        "resolvedAt": alert.resolved_at,
        "xids": xids,
        "slurmReason": slurm.map(|slurm| &slurm.reason),
    });
    if let Some(fields) = mirrored.as_object_mut() {
        fields.retain(|_, value| ![json!(null), json!(""), json!([])].contains(value));
    }
    mirrored
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    /// Written by hand from the contract.
    fn mirror() -> Value {
        json!({
            "metadata": {
                "name": "9f0c2a1e-0000-4000-8000-000000000001",
                "labels": {
                    "compute.together.ai/cluster-id": "c-1",
                    "compute.together.ai/instance-id": "i-1",
                    "compute.together.ai/cluster-watch": "training",
                    "app.kubernetes.io/managed-by": "together-remediation-operator",
                },
            },
            "spec": {"clusterId": "c-1", "id": "9f0c2a1e-0000-4000-8000-000000000001"},
            "status": {
                "observedGeneration": 1,
                "node": "gpu-dp-17",
                "stateSince": "2026-11-23T10:09:00Z",
                "state": "FAILED",
                "mode": "REBOOT_VM",
                "trigger": "AUTOMATED",
                "open": false,
                "instanceId": "i-1",
                "instanceName": "gpu-dp-17",
                "reason": "GPU 3 fell off the bus (XID 79)",
                "requestedBy": "Together Health Checker",
                "createTime": "2026-11-23T10:00:00Z",
                "endTime": "2026-11-23T10:09:00Z",
                "updateTime": "2026-11-23T10:09:00Z",
                "errorMessage": "no spare host",
                "linkedAlerts": [{
                    "name": "GpuXidError",
                    "severity": "PHC_SEVERITY_CRITICAL",
                    "title": "GPU lost",
                    "description": "GPU 3 is lost",
                    "startedAt": "2026-11-23T09:59:00Z",
                    "xids": [{"code": 79, "mnemonic": "GPU_LOST", "count": 2}],
                    "slurmReason": "not responding",
                }],
                "conditions": [
                    {"type": "Synced", "status": "True", "reason": "Final"},
                    {"type": "Succeeded", "status": "False", "reason": "RemediationFailed"},
                ],
                "transitions": [{"from": "RUNNING", "to": "FAILED"}],
            },
        })
    }

    fn alert() -> LinkedAlert {
        serde_json::from_value(json!({
            "passive_health_check_alert_id": "a-1",
            "alert_name": "GpuXidError",
            "cluster_id": "c-1",
            "severity": "PHC_SEVERITY_CRITICAL",
            "started_at": "2026-11-23T09:59:00Z",
            "target_vm": "gpu-dp-17",
            "annotation": {
                "title": "GPU lost",
                "description": "GPU 3 is lost",
                "summary_line": "",
                "xid": {"events": [{"xid_code": 79, "mnemonic": "GPU_LOST", "count": 2}]},
                "slurm_node_unavailable": {"reason": "not responding"},
            },
        }))
        .unwrap()
    }

    fn found(mirror: &Value) -> Vec<String> {
        differences(&truth(), mirror, &json!({"metadata": {"name": "training"}}))
    }

    fn truth() -> Remediation {
        Remediation {
            state: "FAILED".into(),
            mode: "REMEDIATION_MODE_REBOOT_VM".into(),
            instance_name: Some("gpu-dp-17".into()),
            end_time: Some("2026-11-23T10:09:00Z".into()),
            update_time: Some("2026-11-23T10:09:00Z".into()),
            error_message: Some("no spare host".into()),
            linked_alerts: vec![alert()],
            ..Remediation::new("c-1", "i-1", "9f0c2a1e-0000-4000-8000-000000000001")
        }
    }

    #[test]
    fn a_true_mirror_has_no_differences() {
        assert_eq!(found(&mirror()), Vec::<String>::new());
    }

    #[test]
    fn each_field_that_is_wrong_missing_or_superfluous_is_reported() {
        let fields = mirror()["status"].as_object().unwrap().clone();
        for field in fields
            .keys()
            .filter(|field| !ADDED.contains(&field.as_str()))
        {
            let mut wrong = mirror();
            wrong["status"][field] = json!("something else");
            assert_eq!(found(&wrong).len(), 1, "{field} wrong");
            wrong["status"].as_object_mut().unwrap().remove(field);
            assert_eq!(found(&wrong).len(), 1, "{field} missing");
        }
        let mut more = mirror();
        more["status"]["startTime"] = json!("2026-11-23T10:01:00Z");
        assert_eq!(
            found(&more),
            ["status.startTime is \"2026-11-23T10:01:00Z\", the API says null"]
        );
    }

    #[test]
    fn names_labels_spec_conditions_and_transitions_count_too() {
        for (pointer, value) in [
            ("/metadata/name", json!("other")),
            (
                "/metadata/labels/compute.together.ai~1instance-id",
                json!("i-2"),
            ),
            (
                "/metadata/labels/compute.together.ai~1cluster-watch",
                json!("another"),
            ),
            (
                "/metadata/labels/app.kubernetes.io~1managed-by",
                json!("Helm"),
            ),
            ("/spec/clusterId", json!("c-2")),
            ("/status/conditions/0/status", json!("Unknown")),
            ("/status/conditions/0/reason", json!("Listed")),
            ("/status/conditions/1/status", json!("True")),
            ("/status/transitions/0/to", json!("RUNNING")),
        ] {
            let mut wrong = mirror();
            *wrong.pointer_mut(pointer).unwrap() = value;
            assert_eq!(found(&wrong).len(), 1, "{pointer}");
        }
    }

    #[test]
    fn one_that_left_the_api_must_be_marked_so() {
        let mut mirror = mirror();
        assert_eq!(gone(&mirror).len(), 1);
        mirror["status"]["conditions"][0] =
            json!({"type": "Synced", "status": "False", "reason": "NotFound"});
        assert_eq!(gone(&mirror), Vec::<String>::new());
        mirror["status"]["open"] = json!(true);
        assert_eq!(gone(&mirror).len(), 1);
    }
}
