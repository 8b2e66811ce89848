//! What a running operator answers to its probes, over HTTP.

use std::time::Duration;

use kube::ResourceExt;
use testbed::{
    control_plane::{ControlPlane, RequestCounts},
    simulator::{Fault, Times},
};
use together_remediation_operator::api;

use crate::{
    conditions::assert_contains,
    fixture::{Fixture, until},
    setup,
};

const OUTAGE: Fault = Fault::status(503);

/// Probes until the answer is `status` with `part` in its line.
pub(crate) async fn probed(fixture: &Fixture, path: &str, status: u16, part: &str) -> String {
    until(&format!("{path} {status} {part}"), || async {
        let (found, line) = fixture.probe(path).await;
        if found == status && line.contains(part) {
            Ok(line)
        } else {
            Err(format!("{found} {line}"))
        }
    })
    .await
}

pub(crate) fn alive() -> (u16, String) {
    (200, "ok\n".to_owned())
}

/// All that was changed of the project's own kinds.
pub(crate) fn writes(counts: &RequestCounts) -> u64 {
    counts.count(|kind| {
        ["remediations", "clusterwatches"].contains(&kind.resource.as_str())
            && !["GET", "LIST", "WATCH"].contains(&kind.verb.as_str())
    })
}

/// The definitions without `status.activeHealthCheckRunId` of a Remediation.
pub(crate) fn older_definitions() -> String {
    let documents = api::crds().into_iter().map(|crd| {
        let mut crd = serde_json::to_value(&crd).unwrap();
        if crd["spec"]["names"]["kind"] == "Remediation" {
            let removed = crd
                .pointer_mut("/spec/versions/0/schema/openAPIV3Schema/properties/status/properties")
                .and_then(|fields| {
                    fields
                        .as_object_mut()
                        .unwrap()
                        .remove("activeHealthCheckRunId")
                });
            assert!(removed.is_some());
        }
        format!("---\n{crd}\n")
    });
    documents.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn definitions_that_are_missing_or_older_are_waited_for_and_nothing_is_written() {
    let control_plane = ControlPlane::start().await.unwrap();
    let fixture = Fixture::on(&control_plane, "definitions").await;
    fixture.put(0..20);
    let line = probed(&fixture, "/readyz", 503, "not installed").await;
    assert_contains(
        &line,
        &["ClusterWatch and Remediation", "kubectl apply -f crds/"],
    );
    assert_eq!(fixture.probe("/livez").await, alive());

    control_plane.apply(&older_definitions()).await.unwrap();
    let watch = fixture.watch("training", |_| {}).await;
    let line = probed(&fixture, "/readyz", 503, "older").await;
    assert_contains(
        &line,
        &["Remediation status.activeHealthCheckRunId", "helm upgrade"],
    );
    let before = control_plane.requests().await.unwrap();
    // Long enough for a first sync, were it begun.
    for _ in 0..100 {
        assert_eq!(fixture.probe("/readyz").await, (503, line.clone()));
        tokio::time::sleep(Duration::from_millis(25)).await;
    }
    let after = control_plane.requests().await.unwrap();
    assert_eq!(writes(&after.since(&before)), 0);
    assert_eq!(fixture.simulator.counters().listings, 0);
    let same = fixture.watches().get("training").await.unwrap();
    assert_eq!(same.resource_version(), watch.resource_version());
    assert_eq!(fixture.probe("/livez").await, alive());

    setup::install(&control_plane).await;
    probed(&fixture, "/readyz", 200, "ok").await;
    fixture.ready("training", "Synced").await;
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_mirrors_is_ready_and_alive() {
    let fixture = Fixture::mirroring("probes", [1]).await;
    assert_eq!(fixture.probe("/readyz").await, alive());
    assert_eq!(fixture.probe("/livez").await, alive());
    assert_eq!(fixture.probe("/else").await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_that_is_down_for_long_is_no_reason_to_die() {
    let fixture = Fixture::new("alive").await;
    fixture.synced_watch(|_| {}).await;
    fixture.simulator.fault(OUTAGE, Times::UntilCleared);
    for _ in 0..10 {
        let risen = fixture.simulator.counters().risen(&OUTAGE);
        fixture.advance(Duration::from_secs(70)).await;
        fixture.rises(&OUTAGE, risen).await;
        assert_eq!(fixture.probe("/livez").await, alive());
    }
    assert_eq!(fixture.probe("/readyz").await, alive());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_hangs_is_noticed_and_forgotten_with_its_watch() {
    let fixture = Fixture::new("hang").await;
    fixture.synced_watch(|_| {}).await;
    fixture.simulator.fault(Fault::Hang, Times::UntilCleared);
    fixture.advance(Duration::from_secs(70)).await;
    fixture.rises(&Fault::Hang, 0).await;
    assert_eq!(fixture.probe("/livez").await, alive());
    fixture.clock.advance(Duration::from_secs(400));
    let (status, line) = fixture.probe("/livez").await;
    assert_eq!(status, 503);
    assert_eq!(
        line,
        format!(
            "stalled ClusterWatches: 1; the longest is {}/training, with no progress for 400 s\n",
            fixture.namespace
        )
    );
    fixture.delete_watch("training").await;
    probed(&fixture, "/livez", 200, "ok").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_due_poll_that_never_begins_is_noticed() {
    let fixture = Fixture::new("overdue").await;
    fixture.synced_watch(|_| {}).await;
    fixture.clock.freeze_sleepers();
    fixture.advance(Duration::from_secs(350)).await;
    assert_eq!(fixture.probe("/livez").await, alive(), "overdue for less");
    fixture.clock.advance(Duration::from_secs(70));
    probed(&fixture, "/livez", 503, "/training").await;
}
