//! A change of mind in the middle of a long poll: nothing is written a second later.

use std::time::Duration;

use kube::api::{DeleteParams, PropagationPolicy};
use serde_json::json;
use together_remediation_operator::api::cluster_watch::ClusterWatchSpec;

use crate::{
    fixture::{CLUSTER, Fixture},
    steps::{gone, holds, pages_of},
};

/// Far more than are written before the change.
const REMEDIATIONS: u32 = 10_000;

/// A fixture in the middle of a first mirror that takes minutes.
async fn in_the_middle(name: &str) -> Fixture {
    let mut fixture = Fixture::new(name).await;
    fixture.stop().await;
    let slowly = ["--kube-qps", "40", "--kube-burst", "1"];
    fixture.start_with(&[], &slowly).await;
    fixture.put(0..REMEDIATIONS);
    let large = |spec: &mut ClusterWatchSpec| spec.query = Some(pages_of(1000));
    fixture.watch("training", large).await;
    holds(
        "the first mirrors",
        async || fixture.all().await.len(),
        |mirrors| *mirrors > 5,
    )
    .await;
    fixture
}

impl Fixture {
    /// The API forgets all but what has a mirror and some more, so that the rest of the first mirror is short.
    async fn forget_most(&self) {
        let mirrored = self.versions().await;
        for truth in self.simulator.truth(CLUSTER).iter().skip(50) {
            if !mirrored.contains_key(&truth.id) {
                self.simulator.remove(CLUSTER, &truth.id);
            }
        }
    }
}

/// Fails if anything is written from a second after now on.
async fn nothing_more_is_written(fixture: &Fixture) {
    let second = Duration::from_secs(1);
    tokio::time::sleep(second).await;
    let before = fixture.versions().await;
    assert!(before.len() < 1000, "the poll went on");
    // That nothing happens has no end to await.
    tokio::time::sleep(second * 2).await;
    assert_eq!(fixture.versions().await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_suspended_stops_its_writes_and_goes_on_where_it_was() {
    let fixture = in_the_middle("suspend-mid").await;
    fixture.suspend(true).await;
    nothing_more_is_written(&fixture).await;
    assert_eq!(fixture.condition("Ready").await.message, "Suspended");
    fixture.forget_most().await;
    fixture.suspend(false).await;
    fixture.ready("training", "Synced").await;
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_edited_stops_the_writes_of_what_it_was() {
    let fixture = in_the_middle("edit-mid").await;

    fixture.respec(json!({"states": ["FAILED"]})).await;
    nothing_more_is_written(&fixture).await;
    fixture.forget_most().await;
    fixture.respec(json!({"states": null})).await;
    fixture.edit_takes_effect("training").await;
    fixture.ready("training", "Synced").await;
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_deleted_stops_its_writes() {
    let fixture = in_the_middle("delete-mid").await;
    let orphan = DeleteParams {
        propagation_policy: Some(PropagationPolicy::Orphan),
        ..DeleteParams::default()
    };
    fixture.watches().delete("training", &orphan).await.unwrap();
    gone(&fixture.watches(), "training").await;
    nothing_more_is_written(&fixture).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_is_asked_to_stop_stops_its_writes() {
    let mut fixture = in_the_middle("stop-mid").await;
    fixture.stop().await;
    nothing_more_is_written(&fixture).await;
}
