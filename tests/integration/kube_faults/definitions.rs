//! Definitions that go away while the operator runs, or are replaced by older ones. A control plane of its own for each:
//! all others need them.

use std::collections::BTreeSet;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, ResourceExt, api::DeleteParams};
use testbed::{control_plane::ControlPlane, simulator::Remediation as Truth};

use crate::{
    admin::{alive, older_definitions, probed, writes},
    fixture::{CLUSTER, Fixture},
    setup::{self, own_control_plane},
    steps::{becomes, gone},
};

/// A synced watch of `remediations`, the first of which runs.
async fn synced(control_plane: &ControlPlane, name: &str) -> (Fixture, String) {
    let fixture = Fixture::on(control_plane, name).await;
    let ids = fixture.put(0..20);
    fixture.enter(&ids[0], "RUNNING");
    fixture.synced_watch(|_| {}).await;
    (fixture, ids[0].clone())
}

async fn remove(fixture: &Fixture, plurals: &[&str]) {
    let definitions: Api<CustomResourceDefinition> = Api::all(fixture.client.clone());
    for plural in plurals {
        let name = format!("{plural}.compute.together.ai");
        definitions
            .delete(&name, &DeleteParams::default())
            .await
            .unwrap();
        gone(&definitions, &name).await;
    }
}

async fn uids(fixture: &Fixture) -> BTreeSet<String> {
    let all = fixture.all().await;
    all.iter().map(|mirror| mirror.uid().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_definition_of_mirrors_goes_away_and_comes_back() {
    let (fixture, id) = synced(&own_control_plane().await, "no-mirrors").await;
    let before = uids(&fixture).await;
    remove(&fixture, &["remediations"]).await;
    let line = probed(&fixture, "/readyz", 503, "CRDs not installed: Remediation.").await;
    assert!(line.contains("kubectl apply -f crds/"), "{line}");
    assert_eq!(fixture.probe("/livez").await, alive());
    becomes("no poll is scheduled", 0, async || fixture.clock.sleepers()).await;
    let (asked, counted) = (
        fixture.calls(),
        fixture.control_plane.requests().await.unwrap(),
    );
    fixture.clock.advance(super::POLL);
    fixture.enter(&id, "SUCCEEDED");
    // The line is the same for as long as it is so.
    for _ in 0..40 {
        assert_eq!(fixture.probe("/readyz").await, (503, line.clone()));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    let since = fixture.control_plane.requests().await.unwrap();
    assert_eq!(writes(&since.since(&counted)), 0);
    assert_eq!(fixture.calls(), asked);

    setup::install(&fixture.control_plane).await;
    probed(&fixture, "/readyz", 200, "ok").await;
    becomes("everything is mirrored", 20, async || {
        fixture.all().await.len()
    })
    .await;
    fixture.wait_until_idle().await;
    fixture.ready("training", "Synced").await;
    fixture.agrees().await;
    assert!(uids(&fixture).await.is_disjoint(&before));
    // The index knows the new ones by their uids and resourceVersions: else the fence would refuse this.
    let other = Truth::numbered(CLUSTER, 1).id;
    fixture.enter(&other, "RUNNING");
    fixture.sync("training").await;
    fixture.agrees().await;
    fixture.writes_no_more().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn both_definitions_go_away_and_come_back() {
    let (fixture, _) = synced(&own_control_plane().await, "no-kinds").await;
    remove(&fixture, &["clusterwatches", "remediations"]).await;
    probed(&fixture, "/readyz", 503, "ClusterWatch and Remediation").await;
    let asked = fixture.calls();
    fixture.clock.advance(super::POLL);
    setup::install(&fixture.control_plane).await;
    probed(&fixture, "/readyz", 200, "ok").await;
    assert_eq!(fixture.calls(), asked, "no watch, no calls");
    fixture.unwatched().await;
    fixture.synced_watch(|_| {}).await;
    fixture.agrees().await;
    fixture.writes_no_more().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_that_get_older_end_all_writing_until_they_are_replaced() {
    let (fixture, id) = synced(&own_control_plane().await, "older").await;
    fixture
        .control_plane
        .apply(&older_definitions())
        .await
        .unwrap();
    let line = probed(&fixture, "/readyz", 503, "older than the operator").await;
    assert!(line.contains("status.activeHealthCheckRunId"), "{line}");
    let before = fixture.versions().await;
    fixture.enter(&id, "SUCCEEDED");
    fixture.clock.advance(super::POLL);
    for _ in 0..40 {
        assert_eq!(fixture.probe("/readyz").await, (503, line.clone()));
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(fixture.versions().await, before);
    setup::install(&fixture.control_plane).await;
    probed(&fixture, "/readyz", 200, "ok").await;
    fixture.mirror_enters(&id, "SUCCEEDED").await;
    fixture.wait_until_idle().await;
    fixture.agrees().await;
    fixture.writes_no_more().await;
}
