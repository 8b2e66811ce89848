//! A roll-out where there is room for the replicas that run, and for none more.

use k8s_openapi::api::{apps::v1::ReplicaSet, core::v1::ResourceQuota};
use kube::{
    Api, ResourceExt,
    api::{ListParams, PostParams},
};
use serde_json::json;
use testbed::tools::Helm as Version;

use super::stage::{RELEASE, Stage};
use crate::fixture::until;

async fn newest(stage: &Stage, namespace: &str) -> Option<ReplicaSet> {
    let sets: Api<ReplicaSet> = Api::namespaced(stage.client.clone(), namespace);
    let number = |set: &ReplicaSet| {
        let revision = set.annotations().get("deployment.kubernetes.io/revision");
        revision.and_then(|text| text.parse::<u64>().ok())
    };
    let all = sets.list(&ListParams::default()).await.unwrap().items;
    all.into_iter().max_by_key(number)
}

/// Waits until the newest roll-out has so many pods.
pub(super) async fn pods_of_the_newest(stage: &Stage, namespace: &str, replicas: i32) {
    until("the newest roll-out has its pods", async || {
        let set = newest(stage, namespace).await;
        let status = set.and_then(|set| set.status).ok_or("there is none")?;
        if status.replicas >= replicas {
            Ok(())
        } else {
            Err(format!("{status:?}"))
        }
    })
    .await;
}

/// Waits until pods of the newest roll-out are refused, and returns the reason.
pub(super) async fn refusal(stage: &Stage, namespace: &str) -> String {
    until("a pod is refused", async || {
        let set = newest(stage, namespace).await;
        let status = set.and_then(|set| set.status).ok_or("there is none")?;
        let conditions = status.conditions.unwrap_or_default();
        let refused = conditions
            .into_iter()
            .find(|one| one.type_ == "ReplicaFailure");
        refused
            .and_then(|one| one.message)
            .ok_or("none is".to_owned())
    })
    .await
}

async fn quota(stage: &Stage, namespace: &str) {
    let quotas: Api<ResourceQuota> = Api::namespaced(stage.client.clone(), namespace);
    let quota = json!({"metadata": {"name": "two"}, "spec": {"hard": {"pods": "2"}}});
    let quota: ResourceQuota = serde_json::from_value(quota).unwrap();
    quotas.create(&PostParams::default(), &quota).await.unwrap();
    until("the quota is counted", async || {
        let status = quotas.get("two").await.unwrap().status.unwrap_or_default();
        status.hard.map(|_| ()).ok_or("not yet".to_owned())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quota_of_the_replicas_alone_does_not_block_it() {
    let Some(stage) = Stage::begin(Version::V4).await else {
        return;
    };
    let namespace = stage.restricted("quota").await;
    quota(&stage, &namespace).await;
    stage.install(RELEASE, &namespace, &[]).await;
    pods_of_the_newest(&stage, &namespace, 2).await;
    let changed = ["--set", "podAnnotations.a=b"];
    stage.install(RELEASE, &namespace, &changed).await;
    pods_of_the_newest(&stage, &namespace, 1).await;
    let set = newest(&stage, &namespace).await.unwrap();
    let pod = set.spec.unwrap().template.unwrap().metadata.unwrap();
    assert_eq!(pod.annotations.unwrap()["a"], "b", "of the new roll-out");

    // As a chart with Kubernetes's own strategy would be: one more pod than there is room for.
    let surge = r#"--set-json=strategy={"rollingUpdate":{"maxSurge":1,"maxUnavailable":0}}"#;
    stage
        .install(RELEASE, &namespace, &[surge, "--set", "podAnnotations.a=c"])
        .await;
    let reason = refusal(&stage, &namespace).await;
    assert!(reason.contains("exceeded quota"), "{reason}");
    stage.uninstall(RELEASE, &namespace).await;
}
