//! A `ClusterWatch` that goes from one shard to another.

use serde_json::json;

use super::{SECOND, Shard, clusters, give, watch_of};
use crate::{
    fixture::{CLUSTER, until},
    steps::holds,
};

#[tokio::test(flavor = "multi_thread")]
async fn one_that_moves_while_it_is_synced_ends_up_right_with_its_new_shard() {
    let fixture = clusters("moves", 60).await;
    let slow = ["--kube-qps", "10", "--kube-burst", "1"];
    let a = Shard::start(&fixture, "a", &slow).await;
    let b = Shard::start(&fixture, "b", &["--kube-qps", "0"]).await;
    b.leads(&fixture).await;
    watch_of(&fixture, "training", CLUSTER, "").await;
    holds(
        "some mirrors",
        async || fixture.all().await.len(),
        |some| *some >= 5,
    )
    .await;
    give(&fixture, "training", json!("b")).await;
    // The new shard may not have seen the last writes of the old one yet: those mirrors are tried again soon.
    until("it has synced", || async {
        if b.replica.clock.sleepers() >= 2 {
            b.replica.clock.advance(SECOND);
        }
        match (b.calls(), fixture.all().await.len()) {
            (1.., 60) => Ok(()),
            seen => Err(format!("{seen:?}")),
        }
    })
    .await;
    b.sync(&fixture, "training").await;
    fixture.ready("training", "Synced").await;
    fixture.agrees().await;
    assert!(a.written().len() < 60, "it was in the middle of its writes");
    let (calls, writes) = (a.calls(), a.proxy.writes().len());
    for _ in 0..3 {
        b.sync(&fixture, "training").await;
    }
    let since = a.proxy.writes().split_off(writes);
    let strange = |plural: &str| since.iter().any(|write| write.asked.writes_to(plural));
    assert!(!strange("remediations") && !strange("clusterwatches"));
    assert_eq!(a.calls(), calls, "the old shard asks no more");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_moves_there_and_back_keeps_its_mirrors_and_their_history() {
    let fixture = clusters("there-and-back", 5).await;
    let (a, b) = (
        Shard::start(&fixture, "a", &[]).await,
        Shard::start(&fixture, "b", &[]).await,
    );
    b.leads(&fixture).await;
    watch_of(&fixture, "training", CLUSTER, "").await;
    fixture.ready("training", "Synced").await;
    let id = fixture.truth().remove(0).id;
    let before = fixture.versions().await;
    let uid = fixture.mirror(&id).await.metadata.uid;

    give(&fixture, "training", json!("b")).await;
    holds(
        "its new shard has synced it",
        async || b.calls(),
        |found| *found > 0,
    )
    .await;
    b.sync(&fixture, "training").await;
    assert_eq!(fixture.versions().await, before, "nothing changed");
    for simulator in [&a.replica.simulator, &b.replica.simulator] {
        simulator.enter(CLUSTER, &id, "RUNNING");
    }
    b.sync(&fixture, "training").await;

    fixture.mirror_enters(&id, "RUNNING").await;

    give(&fixture, "training", json!(null)).await;
    a.replica.simulator.enter(CLUSTER, &id, "SUCCEEDED");
    // It waits for the turn that it would have had, had it stayed.
    until("it has ended", || async {
        if a.replica.clock.sleepers() >= 3 {
            a.replica.clock.advance(SECOND);
        }
        let state = fixture.mirror(&id).await.status.unwrap().state;
        match state.as_deref() {
            Some("SUCCEEDED") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
    let mirror = fixture.mirror(&id).await;
    assert_eq!(mirror.metadata.uid, uid, "it is the same object");
    let history = mirror.status.unwrap().transitions;
    let states: Vec<_> = history.iter().map(|hop| hop.to.as_str()).collect();
    assert!(states.ends_with(&["RUNNING", "SUCCEEDED"]), "{states:?}");
}
