//! Mirrors that remain after their watch is deleted: no operator confirms them, and the open ones become stale.

use std::time::Duration;

use kube::ResourceExt;
use testbed::simulator::Remediation as Truth;
use together_remediation_operator::api::{cluster_watch::DeletionPolicy, remediation::Remediation};

use crate::fixture::{CLUSTER, Fixture, mirror_condition};

/// Between two searches for such mirrors.
const ROUND: Duration = Duration::from_secs(60);

/// Which operator writes a mirror, according to its label.
fn writer(mirror: &Remediation) -> Option<&str> {
    let label = mirror.labels().get("compute.together.ai/cluster-watch");
    label.map(String::as_str)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_mirror_without_a_watch_becomes_stale_until_a_new_watch_takes_it_over() {
    let fixture = Fixture::new("orphans").await;
    let (open, ended) = (Truth::numbered(CLUSTER, 1), Truth::numbered(CLUSTER, 2));
    for truth in [&open, &ended] {
        fixture.simulator.put(truth.clone());
    }
    fixture.enter(&open.id, "RUNNING");
    fixture.enter(&ended.id, "SUCCEEDED");
    fixture
        .synced_watch(|spec| spec.deletion_policy = DeletionPolicy::Retain)
        .await;
    fixture.turn(ROUND).await;
    fixture.turn(ROUND).await;
    let looked_after = fixture.mirror(&open.id).await;
    assert_eq!(mirror_condition(&looked_after, "Synced")[1], "Listed");

    fixture.delete_watch("training").await;
    fixture.unwatched().await;
    let last = fixture.simulator.counters().listings;
    fixture.turn(ROUND).await;
    fixture.turn(ROUND).await;
    let orphan = fixture.mirror_is(&open.id, "Stale").await;
    assert_eq!(mirror_condition(&orphan, "Synced")[0], "Unknown");
    assert_eq!(writer(&orphan), Some("training"), "its last writer");
    assert_eq!(
        orphan.status.unwrap().state.as_deref(),
        Some("RUNNING"),
        "what was last seen stays"
    );
    let final_one = fixture.mirror(&ended.id).await;
    assert_eq!(mirror_condition(&final_one, "Synced")[1], "Final");
    assert_eq!(
        fixture.simulator.counters().listings,
        last,
        "no operator calls the API"
    );

    fixture.watch("next", |_| {}).await;
    fixture.ready("next", "Synced").await;
    let mirror = fixture.mirror(&open.id).await;
    assert_eq!(mirror_condition(&mirror, "Synced")[1], "Listed");
    assert_eq!(writer(&mirror), Some("next"));
    fixture.agrees().await;
}
