//! The cluster refuses writes: by quota, by admission, for want of rights.

use std::time::Duration;

use k8s_openapi::api::{
    admissionregistration::v1::ValidatingAdmissionPolicyBinding, core::v1::ResourceQuota,
    rbac::v1::ClusterRole,
};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams},
};
use serde_json::json;

use crate::{
    conditions::{IN_SYNC, assert_contains, condition, condition_status},
    fixture::{Fixture, mirror_condition, until},
    setup::own_control_plane,
};

/// No more than five mirrors.
const QUOTA: &str = r#"
apiVersion: v1
kind: ResourceQuota
metadata: {name: few, namespace: $NAMESPACE}
spec: {hard: {count/remediations.compute.together.ai: "$HARD"}}
"#;

/// Lets the namespace have `hard` mirrors, and waits until that is in force. The quota controller learns of a definition
/// within a minute, and looks at a quota when it is made.
pub(super) async fn quota(fixture: &Fixture, hard: u32) {
    let quotas: Api<ResourceQuota> = Api::namespaced(fixture.client.clone(), &fixture.namespace);
    until("the quota is in force", || async {
        let _ = quotas.delete("few", &DeleteParams::default()).await;
        let quota = QUOTA.replace("$HARD", &hard.to_string());
        let quota = quota.replace("$NAMESPACE", &fixture.namespace);
        fixture.control_plane.apply(&quota).await.unwrap();
        tokio::time::sleep(Duration::from_secs(2)).await;
        let status = quotas.get("few").await.unwrap().status.unwrap_or_default();
        match status.hard.filter(|hard| !hard.is_empty()) {
            Some(_) if status.used.is_some_and(|used| !used.is_empty()) => Ok(()),
            _ => Err("Not yet processed by the operator".to_owned()),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_is_reported_by_name_and_existing_mirrors_are_still_updated() {
    let fixture = Fixture::new("quota").await;
    quota(&fixture, 5).await;
    fixture.put(0..40);

    fixture.watch("training", |_| {}).await;
    let watch = fixture.ready_contains("training", "exceeded quota").await;
    assert_eq!(condition(&watch, "Ready").reason, "Progressing");
    let message = fixture.polls_until("WriteFailed").await;
    assert_contains(
        &message,
        &[
            "exceeded quota: few",
            "00000000-0000-4000-8000-",
            "Raise the quota",
        ],
    );
    let watch = fixture.watches().get("training").await.unwrap();
    let standing = ["Ready", "Reconciling", "Stalled"].map(|type_| condition_status(&watch, type_));
    assert_eq!(standing, ["False", "True", "False"]);
    let mirrored = fixture.all().await;
    assert_eq!(mirrored.len(), 5);

    let id = mirrored[0].spec.id.clone();
    fixture.enter(&id, "RUNNING");
    fixture.turn(super::POLL).await;
    let status = fixture.mirror(&id).await.status.unwrap();
    assert_eq!(status.state.as_deref(), Some("RUNNING"));

    quota(&fixture, 100).await;
    assert_eq!(fixture.polls_until("Synced").await, IN_SYNC);
    fixture.agrees().await;
    fixture.writes_no_more().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_admission_denies_delays_no_other_write_and_is_marked_once_allowed() {
    let fixture = Fixture::new("admission").await;
    // The API lists the newest first: these are met before all others.
    let denied = fixture.put(60..160);
    fixture.put(0..60);
    let ids = format!("{denied:?}").replace('"', "'");
    let demand = format!("!(object.spec.id in {ids})");
    fixture.demand(&demand, "not this one", &denied[0]).await;
    fixture.watch("training", |_| {}).await;
    let message = fixture.polls_until("WriteFailed").await;
    assert_contains(&message, &["not this one", "change the admission policy"]);
    assert_eq!(fixture.all().await.len(), 60, "all that may be written");

    let delete = DeleteParams::default();
    let bindings: Api<ValidatingAdmissionPolicyBinding> = Api::all(fixture.client.clone());
    bindings.delete(&fixture.namespace, &delete).await.unwrap();
    fixture.refuses(&denied[0], false).await;
    fixture.polls_until("Synced").await;
    fixture.agrees().await;
    fixture.writes_no_more().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn revoked_rights_are_reported_as_long_as_the_status_may_be_written() {
    let fixture = Fixture::on(&own_control_plane().await, "rights").await;
    let truth = fixture.put_new(1);
    fixture.synced_watch(|_| {}).await;
    let before = fixture.versions().await;

    let name = "together-remediation-operator";
    let roles: Api<ClusterRole> = Api::all(fixture.client.clone());
    let mut role = roles.get(name).await.unwrap();
    let rules = role.rules.as_mut().unwrap();
    rules.retain(|rule| rule.resources.as_deref() != Some(&["remediations/status".to_owned()]));
    role.metadata.managed_fields = None;
    roles
        .replace(name, &PostParams::default(), &role)
        .await
        .unwrap();
    fixture.enter(&truth.id, "RUNNING");
    let message = fixture.polls_until("WriteFailed").await;
    assert_contains(
        &message,
        &[
            "cannot update resource \"remediations/status\"",
            &truth.id,
            "grant the missing permission",
        ],
    );
    assert_eq!(fixture.versions().await, before);

    // All rights are gone: not even that can be reported.
    let nothing = json!({"rules": []});
    roles
        .patch(name, &PatchParams::default(), &Patch::Merge(nothing))
        .await
        .unwrap();
    let last = fixture.watches().get("training").await.unwrap();
    for _ in 0..5 {
        fixture.turn(super::POLL).await;
    }
    let same = fixture.watches().get("training").await.unwrap();
    assert_eq!(same.resource_version(), last.resource_version());
    assert_eq!(fixture.versions().await, before);
    fixture.enter(&truth.id, "SUCCEEDED");
    fixture.put([2]);

    fixture.account().await;
    fixture.polls_until("Synced").await;
    fixture.agrees().await;
    let mirror = fixture.mirror(&truth.id).await;
    assert_eq!(mirror_condition(&mirror, "Synced")[1], "Final");
    fixture.writes_no_more().await;
}
