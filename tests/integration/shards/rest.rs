//! Mirrors that no watch has: one shard looks after them.

use std::time::Duration;

use serde_json::json;

use super::{Shard, clusters, give, watch_of};
use crate::{
    fixture::{CLUSTER, mirror_condition, until},
    steps::becomes,
};

/// Between two looks for such mirrors.
const LOOK: Duration = Duration::from_secs(300);

#[tokio::test(flavor = "multi_thread")]
async fn what_no_watch_has_is_marked_by_one_shard_and_what_has_moved_by_none() {
    let fixture = clusters("rest", 2).await;
    // Time runs here faster than any Lease is renewed.
    let alone = ["--leader-elect=false"];
    let a = Shard::start(&fixture, "a", &alone).await;
    let b = Shard::start(&fixture, "b", &alone).await;
    watch_of(&fixture, "kept", CLUSTER, "b").await;
    let retain = json!({"spec": {"deletionPolicy": "Retain"}});
    fixture.patch_watch("kept", retain).await;
    fixture.ready("kept", "Synced").await;
    // Between the shards: none takes it, and yet the mirrors have a ClusterWatch.
    give(&fixture, "kept", json!("c")).await;
    becomes("no shard syncs it", 0, async || b.replica.clock.sleepers()).await;
    let id = fixture.truth().remove(0).id;
    for _ in 0..3 {
        a.replica.rests().await;
        a.replica.clock.advance(LOOK);
    }
    a.replica.rests().await;
    assert_eq!(fixture.reason(&id).await, "Listed");
    assert!(a.written().is_empty());

    fixture.delete_watch("kept").await;
    let by_b = b.proxy.writes().len();
    until("they are marked stale", || async {
        a.replica.rests().await;
        a.replica.clock.advance(LOOK);
        b.replica.clock.advance(LOOK);
        match a.written().len() {
            2 => Ok(()),
            few => Err(format!("{few}")),
        }
    })
    .await;
    let mirror = fixture.mirror(&id).await;
    assert_eq!(mirror_condition(&mirror, "Synced")[1], "Stale");
    let since = b.proxy.writes().split_off(by_b);
    assert!(
        !since
            .iter()
            .any(|write| write.asked.writes_to("remediations"))
    );
}
