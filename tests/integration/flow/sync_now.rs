//! `requestedAt` asks for a sync, and nothing else that is written on a watch does.

use std::time::Duration;

use serde_json::json;

use crate::fixture::Fixture;

/// Waits until the operator has taken in all that happened to the watches so far: a watch created after that is
/// acknowledged.
async fn everything_is_noticed(fixture: &Fixture) {
    fixture
        .watch("marker", |spec| {
            spec.suspend = true;
            "another".clone_into(&mut spec.cluster_id);
        })
        .await;
    fixture.edit_seen("marker").await;
    fixture.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_new_value_is_one_full_listing_and_echoed() {
    let fixture = Fixture::new("sync-now").await;
    let truth = fixture.put_new(1);
    fixture.synced_watch(|_| {}).await;
    for state in ["PENDING", "RUNNING", "SUCCEEDED"] {
        let before = fixture.simulator.counters();
        fixture.enter(&truth.id, state);
        fixture.sync("training").await;
        let after = fixture.simulator.counters();
        assert_eq!(after.listings, before.listings + 1);
        assert!(
            !after.recent.back().unwrap().query.contains("state="),
            "everything is listed"
        );
        fixture.agrees().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_very_long_value_is_one_sync_too() {
    let fixture = Fixture::mirroring("long-value", [1]).await;
    let value = "2026-11-23T10:00:00Z ".repeat(20);
    fixture.request("training", &value).await;
    fixture
        .watch_where("training", "as much as fits is echoed", |status, _| {
            status.last_handled_reconcile_at.as_deref() == Some(&value[..253])
        })
        .await;
    let before = fixture.simulator.counters().listings;
    fixture.turn(Duration::from_secs(20)).await;
    let after = fixture.simulator.counters();
    assert_eq!(after.listings, before + 1);
    assert!(
        after.recent.back().unwrap().query.contains("state="),
        "only open ones are listed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn other_annotations_and_the_operators_own_writes_cause_no_poll() {
    let fixture = Fixture::mirroring("quiet", [1]).await;
    fixture.sync("training").await;
    fixture.wait_until_idle().await;
    let before = fixture.calls();
    for number in 0..5 {
        let note = json!({"metadata": {
            "annotations": {"note": number.to_string(), "compute.together.ai/other": number.to_string()},
            "labels": {"team": number.to_string()},
        }});
        fixture.patch_watch("training", note).await;
    }
    everything_is_noticed(&fixture).await;
    assert_eq!(fixture.calls(), before);
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn taking_the_request_away_asks_for_nothing_new() {
    let fixture = Fixture::mirroring("taken-away", [1]).await;
    let echo = fixture
        .sync("training")
        .await
        .status
        .unwrap()
        .last_handled_reconcile_at;
    let nothing = json!({"metadata": {"annotations": {"compute.together.ai/requestedAt": null}}});
    fixture.wait_until_idle().await;
    let before = fixture.calls();
    fixture.patch_watch("training", nothing).await;
    everything_is_noticed(&fixture).await;
    assert_eq!(fixture.calls(), before);
    fixture.turn(Duration::from_secs(20)).await;
    let after = fixture.simulator.counters();
    assert!(
        after.recent.back().unwrap().query.contains("state="),
        "only open ones are listed"
    );
    let watch = fixture.watches().get("training").await.unwrap();
    assert_eq!(watch.status.unwrap().last_handled_reconcile_at, echo);
}
