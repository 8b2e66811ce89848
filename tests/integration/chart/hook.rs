//! `helm test`: what its pod runs, and that it is admitted. There is no node: it runs as a process here.

use std::process::Output;

use k8s_openapi::api::core::v1::Pod;
use kube::{Api, api::PostParams};
use serde_json::Value;
use tokio::process::Command;

use super::{
    helm::{Helm, of_kind},
    stage::Stage,
};
use crate::{
    fixture::{Fixture, until},
    program::PROGRAM,
};

async fn pod(helm: &Helm) -> Value {
    let objects = helm.objects(&[]).await;
    let pods = of_kind(&objects, "Pod");
    assert_eq!(pods.len(), 1);
    assert_eq!(pods[0]["metadata"]["annotations"]["helm.sh/hook"], "test");
    pods[0].clone()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_pod_asks_the_service_and_is_no_replica_of_it() {
    for (_, helm) in Helm::both() {
        let objects = helm.objects(&[]).await;
        let service = of_kind(&objects, "Service")[0];
        let pod = pod(&helm).await;
        let name = service["metadata"]["name"].as_str().unwrap();
        let port = &service["spec"]["ports"][0]["port"];
        let url = format!("http://{name}.together-system.svc:{port}/readyz");
        let arguments = &pod["spec"]["containers"][0]["args"];
        assert_eq!(*arguments, serde_json::json!(["check", url]));
        let selector = service["spec"]["selector"].as_object().unwrap();
        let labels = &pod["metadata"]["labels"];
        let selected = selector.iter().all(|(key, value)| labels[key] == *value);
        assert!(!selected, "the Service would send to it");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_pod_is_admitted_under_pod_security_restricted() {
    let Some(stage) = Stage::shared().await else {
        return;
    };
    let namespace = stage.restricted("hook").await;
    let mut pod = pod(&stage.helm).await;
    pod["metadata"]["namespace"] = namespace.as_str().into();
    let pod: Pod = serde_json::from_value(pod).unwrap();
    let pods: Api<Pod> = Api::namespaced(stage.client.clone(), &namespace);
    // Refused also until the namespace has its account.
    until("it is admitted", async || {
        let created = pods.create(&PostParams::default(), &pod).await;
        created.map_err(|error| error.to_string())
    })
    .await;
}

async fn check(url: &str, timeout: &str) -> Output {
    let mut command = Command::new(PROGRAM);
    command.args(["check", url, "--timeout", timeout]);
    command.output().await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_succeeds_once_the_operator_is_ready_and_else_prints_why_not() {
    let mut fixture = Fixture::new("hook").await;
    let url = fixture.admin_url("/readyz");
    let ready = check(&url, "30s").await;
    assert!(ready.status.success(), "{ready:?}");
    assert_eq!(String::from_utf8(ready.stdout).unwrap(), "ok\n");

    let wrong = check(&fixture.admin_url("/nothing"), "1s").await;
    assert_eq!(wrong.status.code(), Some(1));
    let stderr = String::from_utf8(wrong.stderr).unwrap();
    assert!(
        stderr.contains("404") && stderr.lines().count() == 1,
        "{stderr}"
    );

    fixture.stop().await;
    assert_eq!(check(&url, "1s").await.status.code(), Some(1));
}
