//! What cannot be changed once an object is there.

use kube::api::{DeleteParams, DynamicObject, Patch, PatchParams};
use serde_json::{Value, json};

use super::objects::{Objects, assert_refused, remediation, watch};

const INSTANCE: &str = "cannot be changed: create another ClusterWatch for other instances";

async fn changed(
    api: &kube::Api<DynamicObject>,
    name: &str,
    spec: Value,
) -> kube::Result<DynamicObject> {
    let dry_run = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    api.patch(name, &dry_run, &Patch::Merge(json!({ "spec": spec })))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_stays_with_its_cluster_and_may_change_everything_else() {
    let objects = Objects::new().await;
    let everything_else = json!({
        "states": ["RUNNING"], "interval": "60s", "activeInterval": "15s", "fullResyncInterval": "10m",
        "query": { "pageSize": 100, "orderBy": "create_time desc" },
        "apiKeySecretRef": { "name": "other", "key": "other" },
        "suspend": true, "omit": ["reason"], "deletionPolicy": "Retain",
        "retention": { "ttlAfterFinished": "720h", "maxFinishedPerInstance": 20 },
    });
    objects.create(&watch(&json!({}))).await;
    changed(&objects.watches, "w", everything_else)
        .await
        .unwrap();
    let refused = changed(&objects.watches, "w", json!({ "clusterId": "d" })).await;
    let message = "cannot be changed: create another ClusterWatch for another cluster";
    assert_refused(refused, "spec.clusterId", message);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_all_instances_stays_one_in_either_spelling() {
    let objects = Objects::new().await;
    for spec in [json!({}), json!({ "instanceId": "-" })] {
        objects.create(&watch(&spec)).await;
        for same in [json!({ "instanceId": "-" }), json!({ "instanceId": null })] {
            changed(&objects.watches, "w", same).await.unwrap();
        }
        let refused = changed(&objects.watches, "w", json!({ "instanceId": "i" })).await;
        assert_refused(refused, "spec.instanceId", INSTANCE);
        objects
            .watches
            .delete("w", &DeleteParams::default())
            .await
            .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_of_one_instance_stays_with_it() {
    let objects = Objects::new().await;
    let one = watch(&json!({ "instanceId": "i" }));
    objects.create(&one).await;
    changed(&objects.watches, "w", json!({ "instanceId": "i" }))
        .await
        .unwrap();
    for other in [json!("j"), json!("-"), json!(null)] {
        let refused = changed(&objects.watches, "w", json!({ "instanceId": other })).await;
        assert_refused(refused, "spec.instanceId", INSTANCE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remediation_stays_the_mirror_of_one() {
    let objects = Objects::new().await;
    let spec = json!({ "clusterId": "c", "id": "r" });
    objects.create(&remediation("r", &spec)).await;
    for field in ["clusterId", "id"] {
        let refused = changed(&objects.remediations, "r", json!({ field: "x" })).await;
        let message = "cannot be changed: a Remediation always mirrors the same remediation";
        assert_refused(refused, &format!("spec.{field}"), message);
    }
}
