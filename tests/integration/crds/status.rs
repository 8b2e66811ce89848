//! The status of both kinds: there from the first moment, the operator's alone, bounded, tolerant.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::api::{DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};
use together_remediation_operator::api::{
    limits,
    remediation::{LinkedAlert, Remediation, RemediationStatus, Transition, Xid},
};

use super::objects::{Objects, causes, remediation, watch};

fn pending(main_condition: &str) -> Value {
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind, "status": status, "reason": "Pending", "message": "Waiting for the operator. If this persists, check that it is running and watches this namespace",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        })
    };
    json!({ "conditions": [condition(main_condition, "Unknown"), condition("Reconciling", "True")] })
}

fn with_status(mut object: DynamicObject, status: &Value) -> DynamicObject {
    object.data["status"] = status.clone();
    object
}

/// With a remediation, as it was created.
async fn created() -> (Objects, DynamicObject) {
    let objects = Objects::new().await;
    let new = remediation("r", &json!({ "clusterId": "c", "id": "r" }));
    let created = objects.create(&new).await;
    (objects, created)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_object_has_the_waiting_status_whatever_its_creator_wrote() {
    let objects = Objects::new().await;
    let status = json!({ "conditions": [], "observedGeneration": 7 });
    let new = with_status(watch(&json!({})), &status);
    let created = objects.create(&new).await;
    assert_eq!(created.data["status"], pending("Ready"));
    let new = with_status(
        remediation("r", &json!({ "clusterId": "c", "id": "r" })),
        &status,
    );
    let created = objects.create(&new).await;
    assert_eq!(created.data["status"], pending("Synced"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_status_write_replaces_the_default() {
    let (objects, new) = created().await;
    let status = json!({ "conditions": [{
        "type": "Synced", "status": "True", "reason": "Listed", "message": "",
        "lastTransitionTime": "2026-11-23T10:00:00Z", "observedGeneration": 1,
    }] });
    assert_eq!(
        objects.write(&new, &status).await.unwrap().data["status"],
        status
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_of_the_spec_leaves_the_status_and_a_status_write_the_spec() {
    let (objects, _) = created().await;
    let both = json!({ "spec": { "id": "x" }, "status": { "state": "RUNNING" } });
    let params = PatchParams::default();
    let written = objects
        .remediations
        .patch_status("r", &params, &Patch::Merge(both))
        .await
        .unwrap();
    assert_eq!(
        (
            &written.data["spec"]["id"],
            &written.data["status"]["state"]
        ),
        (&json!("r"), &json!("RUNNING"))
    );
    assert_eq!(written.metadata.generation, Some(1));
    let edit = json!({ "status": { "state": "FAILED" } });
    let edited = objects
        .remediations
        .patch("r", &params, &Patch::Merge(edit))
        .await
        .unwrap();
    assert_eq!(edited.data["status"]["state"], "RUNNING");
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_one_condition_of_each_type() {
    let (objects, new) = created().await;
    let condition = json!({
        "type": "Synced", "status": "True", "reason": "Listed", "message": "",
        "lastTransitionTime": "2026-11-23T10:00:00Z",
    });
    let refused = objects
        .write(&new, &json!({ "conditions": [condition, condition] }))
        .await;
    let [(field, cause)] = &causes(refused)[..] else {
        panic!("not one cause")
    };
    assert_eq!(field, "status.conditions[1]");
    // Kubernetes 1.32 has a Go type between the two.
    assert!(cause.starts_with("Duplicate value: "), "{cause}");
    assert!(cause.ends_with(r#"{"type":"Synced"}"#), "{cause}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_odd_time_or_an_unknown_state_does_not_block_a_write() {
    let (objects, new) = created().await;
    let status = json!({ "createTime": "yesterday", "state": "NOT_YET INVENTED", "mode": "ü", "trigger": "" });
    let written = objects.write(&new, &status).await.unwrap();
    assert_eq!(written.data["status"]["createTime"], "yesterday");
}

#[tokio::test(flavor = "multi_thread")]
async fn null_is_the_same_as_absent() {
    let objects = Objects::new().await;
    let nulls = json!({ "interval": null, "query": null, "states": null, "instanceId": null });
    let created = objects.create(&watch(&nulls)).await;
    let expected = json!({
        "clusterId": "c", "apiKeySecretRef": { "name": "together", "key": "api-key" },
        "suspend": false, "deletionPolicy": "Delete",
    });
    assert_eq!(created.data["spec"], expected);
}

/// Lengths are counted in characters, so what is cut to `limits` is accepted however many bytes it has.
#[tokio::test(flavor = "multi_thread")]
async fn a_status_with_every_field_at_its_limit_is_written_and_reads_back() {
    let (objects, new) = created().await;
    let full = full_status();
    let written = objects
        .write(&new, &serde_json::to_value(&full).unwrap())
        .await
        .unwrap();
    let read: Remediation = written.try_parse().unwrap();
    assert_eq!(read.status, Some(full));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_character_more_is_refused() {
    let (objects, new) = created().await;
    let refused = objects
        .write(
            &new,
            &json!({ "reason": "𝄞".repeat(limits::TEXT as usize + 1) }),
        )
        .await;
    let (field, message) = causes(refused).remove(0);
    assert!(
        field == "status.reason" && message.starts_with("Too long"),
        "{field}: {message}"
    );
}

fn full_status() -> RemediationStatus {
    let text = |length: u32| Some("𝄞".repeat(length as usize));
    let repeated = |length: u32| "𝄞".repeat(length as usize);
    let xid = Xid {
        code: Some(i64::MIN),
        mnemonic: text(limits::ENUM),
        count: Some(i64::MAX),
    };
    let alert = LinkedAlert {
        name: text(limits::NAME),
        severity: text(limits::ENUM),
        title: text(limits::TITLE),
        summary: text(limits::TITLE),
        description: text(limits::DESCRIPTION),
        started_at: text(limits::TIME),
        resolved_at: text(limits::TIME),
        xids: vec![xid; limits::XIDS as usize],
        slurm_reason: text(limits::TITLE),
    };
    let transition = Transition {
        from: text(limits::ENUM),
        to: repeated(limits::ENUM),
        time: text(limits::TIME),
        observed_time: repeated(limits::TIME),
        inferred: true,
    };
    let condition = |number: u32| Condition {
        type_: format!("{number}{}", repeated(limits::CONDITION_TYPE - 1)),
        status: "Unknown".to_owned(),
        reason: repeated(limits::CONDITION_REASON),
        message: repeated(limits::CONDITION_MESSAGE),
        last_transition_time: serde_json::from_value(json!("2026-11-23T10:00:00Z")).unwrap(),
        observed_generation: Some(i64::MAX),
    };
    RemediationStatus {
        observed_generation: Some(i64::MAX),
        node: text(limits::NAME),
        state_since: text(limits::TIME),
        state: text(limits::ENUM),
        mode: text(limits::ENUM),
        trigger: text(limits::ENUM),
        open: Some(true),
        instance_id: text(limits::ID),
        instance_name: text(limits::NAME),
        reason: text(limits::TEXT),
        active_health_check_run_id: text(limits::ID),
        passive_health_check_event_id: text(limits::ID),
        requested_by: text(limits::NAME),
        create_time: text(limits::TIME),
        reviewed_by: text(limits::NAME),
        review_time: text(limits::TIME),
        review_comment: text(limits::TEXT),
        start_time: text(limits::TIME),
        end_time: text(limits::TIME),
        error_message: text(limits::TEXT),
        update_time: text(limits::TIME),
        linked_alerts: vec![alert; limits::LINKED_ALERTS as usize],
        conditions: (0..limits::CONDITIONS).map(condition).collect(),
        transitions: vec![transition; limits::TRANSITIONS as usize],
    }
}
