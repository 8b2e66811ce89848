//! Only the operator writes mirrors; deleting one, garbage collection and the end of a namespace still work.

use k8s_openapi::api::core::v1::{Namespace, ServiceAccount};
use kube::{
    Api, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, PostParams, PropagationPolicy},
};
use serde_json::json;
use testbed::tools::Helm as Version;
use together_remediation_operator::api::remediation::Remediation;

use super::stage::{RELEASE, Stage, arguments, beside, fast};
use crate::{
    conditions::assert_contains,
    fixture::{CLUSTER, Fixture, until},
    steps::{gone, unfilled},
    truth::assert_mirrors,
};

/// Waits until the policy is in force, with the words that a person reads.
pub(crate) async fn refuses_hand_made(mirrors: &Api<Remediation>) {
    let by_hand = unfilled("by-hand");
    until("what is made by hand is refused", async || {
        match mirrors.create(&PostParams::default(), &by_hand).await {
            Ok(_) => {
                let delete = DeleteParams::default();
                mirrors.delete("by-hand", &delete).await.unwrap();
                Err("it was created".to_owned())
            }
            Err(error) if error.to_string().contains("read-only mirror") => Ok(()),
            Err(error) => Err(error.to_string()),
        }
    })
    .await;
}

async fn policy(stage: &Stage, fixture: &Fixture, home: &str) {
    let values = beside(fixture);
    stage.install(RELEASE, home, &arguments(&values, &[])).await;
    let operator = stage.operator(RELEASE, home).await;
    let mirrors = fixture.mirrors();
    // Before the policy is in force the definitions must serve.
    operator.wait_for_log("leading").await;
    refuses_hand_made(&mirrors).await;

    fixture.watch("training", fast).await;
    fixture.ready("training", "Synced").await;
    let truth = fixture.truth();
    assert_mirrors(&fixture.all().await, &truth);

    let id = truth[0].id.as_str();
    edits_are_refused(&mirrors, id).await;
    another_account_is_refused(stage, fixture, home).await;
    what_is_deleted_is_made_again(fixture, id).await;
    garbage_is_collected(stage, fixture, id).await;
}

async fn edits_are_refused(mirrors: &Api<Remediation>, id: &str) {
    let (how, force) = (PatchParams::default(), PatchParams::apply("hand").force());
    let edits = [
        json!({"metadata": {"labels": {"a": "b"}}}),
        json!({"metadata": {"annotations": {"a": "b"}}}),
        json!({"metadata": {"finalizers": ["hand.test/made"]}}),
        json!({"metadata": {"ownerReferences": []}}),
    ];
    for edit in edits {
        let refused = mirrors.patch(id, &how, &Patch::Merge(&edit)).await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains("delete the mirror"), "{edit}: {refused}");
    }
    let status = json!({"status": {"state": "SUCCEEDED"}});
    let refused = mirrors.patch_status(id, &how, &Patch::Merge(&status)).await;
    assert_contains(&refused.unwrap_err().to_string(), &["read-only mirror"]);
    let applied = json!({
        "apiVersion": "compute.together.ai/v1alpha1", "kind": "Remediation",
        "metadata": {"name": id}, "spec": {"clusterId": CLUSTER, "id": id},
    });
    let refused = mirrors.patch(id, &force, &Patch::Apply(&applied)).await;
    assert!(refused.is_err());
}

/// Another service account that may write by its rights, even of the operator's own namespace.
async fn another_account_is_refused(stage: &Stage, fixture: &Fixture, home: &str) {
    let accounts: Api<ServiceAccount> = Api::namespaced(stage.client.clone(), home);
    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "another"}});
    let account = serde_json::from_value(account).unwrap();
    accounts
        .create(&PostParams::default(), &account)
        .await
        .unwrap();
    let binding = json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding",
        "metadata": {"name": "another", "namespace": &fixture.namespace},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": RELEASE},
        "subjects": [{"kind": "ServiceAccount", "name": "another", "namespace": home}],
    });
    stage
        .control_plane
        .apply(&binding.to_string())
        .await
        .unwrap();
    let another = stage.control_plane.account(home, "another").await.unwrap();
    let another = kube::Client::try_from(another.config()).unwrap();
    refuses_hand_made(&Api::namespaced(another, &fixture.namespace)).await;
}

/// In each way of deleting.
async fn what_is_deleted_is_made_again(fixture: &Fixture, id: &str) {
    let mirrors = fixture.mirrors();
    for propagation in [
        PropagationPolicy::Background,
        PropagationPolicy::Foreground,
        PropagationPolicy::Orphan,
    ] {
        let before = fixture.mirror(id).await.uid();
        let delete = DeleteParams {
            propagation_policy: Some(propagation),
            ..DeleteParams::default()
        };
        mirrors.delete(id, &delete).await.unwrap();
        fixture
            .mirror_where(id, "it is made again", |mirror| {
                mirror.uid() != before && mirror.metadata.deletion_timestamp.is_none()
            })
            .await;
    }
}

/// It takes owner references off and mirrors away, also with their namespace.
async fn garbage_is_collected(stage: &Stage, fixture: &Fixture, id: &str) {
    let orphan = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    fixture.watches().delete("training", &orphan).await.unwrap();
    fixture
        .mirror_where(id, "it has no owner", |mirror| {
            mirror.owner_references().is_empty()
        })
        .await;
    fixture.watch("again", |_| {}).await;
    fixture
        .mirror_where(id, "it is taken over", |mirror| {
            mirror
                .owner_references()
                .iter()
                .any(|owner| owner.name == "again")
        })
        .await;
    let delete = DeleteParams::default();
    fixture.watches().delete("again", &delete).await.unwrap();
    fixture.emptied().await;

    fixture.watch("last", |_| {}).await;
    fixture.ready("last", "Synced").await;
    let namespaces: Api<Namespace> = Api::all(stage.client.clone());
    namespaces
        .delete(&fixture.namespace, &delete)
        .await
        .unwrap();
    gone(&namespaces, &fixture.namespace).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_operator_writes_and_deletion_in_every_form_works() {
    let Some(stage) = Stage::begin(Version::V4).await else {
        return;
    };
    let fixture = stage.fixture("policy").await;
    let home = stage.restricted("home").await;
    policy(&stage, &fixture, &home).await;
    stage.uninstall(RELEASE, &home).await;
}
