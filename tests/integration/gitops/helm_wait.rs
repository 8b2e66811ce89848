//! `helm install --wait` of Helm 4, which waits by the real kstatus.

use std::fs;

use testbed::tools::Helm as Version;

use super::examples::watch_for;
use crate::{chart::helm::Helm, fixture::Fixture};

const CHART: &str = "{apiVersion: v2, name: watches, version: 0.1.0}";

/// Installs a chart that holds the example's watch; what Helm prints, or what it complains of.
async fn install(helm: Helm, fixture: &Fixture, timeout: &str) -> Result<String, String> {
    let chart = tempfile::tempdir().unwrap();
    fs::create_dir(chart.path().join("templates")).unwrap();
    fs::write(chart.path().join("Chart.yaml"), CHART).unwrap();
    let template = chart.path().join("templates/watch.yaml");
    fs::write(template, watch_for(fixture)).unwrap();
    let helm = helm.with(fixture.control_plane.kubeconfig());
    let line = ["install", "watches", chart.path().to_str().unwrap()];
    let namespace = ["--namespace", &fixture.namespace];
    let how = ["--wait", "--timeout", timeout];
    helm.run(&[&line[..], &namespace, &how].concat()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_the_watch_is_synced() {
    let Some(helm) = Helm::new(Version::V4) else {
        return;
    };
    let fixture = Fixture::new("helm-wait").await;
    fixture.put([1]);
    install(helm, &fixture, "60s").await.unwrap();
    assert_eq!(fixture.all().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_an_operator_that_is_not_there() {
    let Some(helm) = Helm::new(Version::V4) else {
        return;
    };
    let fixture = Fixture::idle("helm-waits").await;
    let error = install(helm, &fixture, "5s").await.unwrap_err();
    let expected = "status: InProgress, message: Waiting for the operator";
    assert!(error.contains(expected), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_fails_at_once_where_somebody_must_act() {
    let Some(helm) = Helm::new(Version::V4) else {
        return;
    };
    let fixture = Fixture::new("helm-fails").await;
    let data = [("api-key", "revoked")];
    fixture.put_secret(&data, "Opaque").await;
    let error = install(helm, &fixture, "60s").await.unwrap_err();
    assert!(error.contains("status: Failed, message: "), "{error}");
    assert!(
        !error.contains("deadline"),
        "it ran into its timeout: {error}"
    );
}
