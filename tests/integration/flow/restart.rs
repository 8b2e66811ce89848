//! An operator that ends and starts again finds everything as it left it, and finishes what it left unfinished.

use std::time::Duration;

use kube::{ResourceExt, api::PostParams};
use testbed::simulator::{PAGE_STATES, Remediation as Truth};
use together_remediation_operator::api::remediation::{Remediation, RemediationSpec};

use crate::{
    fixture::{CLUSTER, Fixture, mirror_condition},
    truth::assert_mirrors,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_writes_nothing_until_the_heartbeat() {
    let mut fixture = Fixture::new("restart").await;
    for number in 0..40 {
        let truth = Truth::numbered(CLUSTER, number);
        let state = PAGE_STATES[number as usize % PAGE_STATES.len()];
        fixture.simulator.put(truth.clone());
        fixture.enter(&truth.id, state);
    }
    fixture.synced_watch(|_| {}).await;
    let mirrors = fixture.versions().await;
    let watch = fixture.watches().get("training").await.unwrap();
    let listings = fixture.simulator.counters().listings;

    fixture.stop().await;
    fixture.start(&[]).await;
    fixture.wait_until_idle().await;
    assert_eq!(fixture.simulator.counters().listings, listings + 1);
    assert_eq!(fixture.versions().await, mirrors);
    let restarted = fixture.watches().get("training").await.unwrap();
    assert_eq!(restarted.resource_version(), watch.resource_version());

    fixture.turn(Duration::from_secs(299)).await;
    let idle = fixture.watches().get("training").await.unwrap();
    assert_eq!(idle.resource_version(), watch.resource_version());
    fixture.turn(Duration::from_secs(20)).await;
    let beat = fixture.watches().get("training").await.unwrap();
    assert_ne!(
        beat.resource_version(),
        watch.resource_version(),
        "the heartbeat"
    );
    assert_eq!(fixture.versions().await, mirrors);
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_restarts_after_each_sync_shows_no_missing_one_as_listed() {
    let mut fixture = Fixture::mirroring("loop", 0..2).await;
    let [gone, there] = [0, 1].map(|number| Truth::numbered(CLUSTER, number).id);
    fixture.stop().await;
    fixture.forget(&gone);
    for _ in 0..2 {
        fixture.start(&[]).await;
        fixture.wait_until_idle().await;
        assert_eq!(fixture.reason(&gone).await, "Stale");
        assert_eq!(fixture.reason(&there).await, "Listed");
        fixture.stop().await;
    }
    fixture.start(&[]).await;
    fixture.wait_until_idle().await;
    fixture.sync("training").await;
    assert_eq!(fixture.reason(&gone).await, "NotFound");
    fixture.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_left_without_its_status_is_finished() {
    let mut fixture = Fixture::new("half").await;
    let watch = fixture.synced_watch(|_| {}).await;
    fixture.stop().await;
    let truth = fixture.put_new(7);
    let spec = RemediationSpec {
        cluster_id: CLUSTER.to_owned(),
        id: truth.id.clone(),
    };
    let half = fixture
        .mirrors()
        .create(&PostParams::default(), &Remediation::new(&truth.id, spec))
        .await
        .unwrap();
    assert_eq!(mirror_condition(&half, "Synced"), ["Unknown", "Pending"]);

    fixture.start(&[]).await;
    fixture.wait_until_idle().await;
    let whole = fixture.mirror(&truth.id).await;
    assert_eq!(whole.uid(), half.uid(), "the same object");
    assert_eq!(mirror_condition(&whole, "Synced"), ["True", "Listed"]);
    assert_eq!(whole.owner_references()[0].uid, watch.uid().unwrap());
    assert_eq!(whole.status.as_ref().unwrap().transitions.len(), 1);
    assert_mirrors(&[whole], &fixture.truth());
}
