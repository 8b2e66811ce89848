//! The API server is gone for minutes: ended and started again, or stopped in its tracks. The minutes are those of the
//! clock that is moved by hand.

use std::time::Duration;

use together_remediation_operator::clock::Clock;

use crate::{
    admin::{alive, probed},
    fixture::Fixture,
    setup::own_control_plane,
    steps::holds,
};

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_was_away_finds_everything_resumed() {
    let control_plane = own_control_plane().await;
    let fixture = Fixture::on(&control_plane, "away").await;
    let ids = fixture.put(0..20);
    fixture.enter(&ids[0], "RUNNING");
    let watch = fixture.synced_watch(|_| {}).await;
    let before = fixture.versions().await;
    let listings = fixture.simulator.counters().listings;

    control_plane.kill_api_server().await.unwrap();
    // A poll fails as soon as it wants to read the key; that it has ended shows in its waiting again.
    let waiting = |expected: usize| {
        let clock = fixture.clock.clone();
        async move {
            holds(
                "the watch waits",
                async || clock.sleepers(),
                |sleepers| *sleepers == expected,
            )
            .await;
        }
    };
    for _ in 0..16 {
        waiting(1 + fixture.lookouts).await;
        fixture.clock.advance(Duration::from_secs(30));
    }
    waiting(1 + fixture.lookouts).await;
    probed(&fixture, "/readyz", 503, "does not respond").await;
    assert_eq!(fixture.probe("/livez").await, alive());
    let now = fixture.clock.now().to_string();
    let stale_after = watch.status.unwrap().stale_after.unwrap();
    assert!(stale_after < now, "a reader sees that nothing is fresh");

    fixture.restart_api_server().await;
    assert_eq!(fixture.versions().await, before);
    probed(&fixture, "/readyz", 200, "ok").await;
    fixture.sync("training").await;
    assert_eq!(fixture.versions().await, before, "no spurious write");
    assert_eq!(
        fixture.simulator.counters().listings,
        listings + 1,
        "it went on and did not restart"
    );
    fixture.ready("training", "Synced").await;

    // The watches go on too: what is deleted or edited by hand is put right.
    fixture.enter(&ids[0], "SUCCEEDED");
    fixture.delete_mirror(&ids[1]).await;
    fixture
        .sync_until("training", "the mirrors are whole", |mirrors| {
            mirrors.len() == 20
        })
        .await;
    fixture.agrees().await;
    fixture.writes_no_more().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_stood_still_gets_what_was_meant_for_it() {
    let control_plane = own_control_plane().await;
    let fixture = Fixture::on(&control_plane, "frozen").await;
    let ids = fixture.put(0..20);
    fixture.synced_watch(|_| {}).await;

    for id in &ids {
        fixture.enter(id, "RUNNING");
    }
    control_plane.freeze_api_server().await.unwrap();
    fixture.clock.advance(super::POLL);
    // The poll waits for the key. What it had sent is answered when the server goes on.
    probed(&fixture, "/readyz", 503, "does not respond").await;
    assert_eq!(fixture.probe("/livez").await, alive());
    control_plane.thaw_api_server().await.unwrap();
    fixture.sync("training").await;
    fixture.wait_until_idle().await;
    fixture.agrees().await;
    fixture.assert_each_state_once().await;
    // Kubernetes watches that were silent meanwhile still work: an edit of a ClusterWatch takes effect.
    fixture.suspend(true).await;
    fixture.edit_seen("training").await;
    probed(&fixture, "/readyz", 200, "ok").await;
}
