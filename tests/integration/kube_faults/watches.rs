//! Watches that are cut, broken in the middle of an event, refused, too old, or silent.

use std::time::Duration;

use testbed::api_proxy::{ApiProxy, Asked, Fault, Which};

use super::behind_a_proxy;
use crate::{
    fixture::Fixture,
    setup::{self, own_control_plane},
    steps::struck,
};

/// By hand, behind the operator's back: one mirror is deleted, one is edited.
async fn by_hand(fixture: &Fixture, ids: &[String]) {
    fixture.delete_mirror(&ids[0]).await;
    fixture.edit(&ids[1]).await;
}

/// All is put right, and so is what comes after.
async fn resumed(fixture: &Fixture, ids: &[String]) {
    fixture.put_right(ids.len()).await;
    fixture.agrees().await;
    fixture.enter(&ids[2], "RUNNING");
    fixture.sync("training").await;
    fixture.agrees().await;
    fixture.writes_no_more().await;
    // The watch on the ClusterWatches is there again, too.
    fixture.suspend(true).await;
    fixture.edit_seen("training").await;
}

async fn mirrored(name: &str) -> (Fixture, ApiProxy, Vec<String>) {
    let (fixture, proxy) = behind_a_proxy(setup::control_plane().await, name).await;
    let ids = fixture.put(0..5);
    fixture.synced_watch(|_| {}).await;
    (fixture, proxy, ids)
}

/// With `fault` at every watch until it has struck some, all the watches cut at first.
async fn watches_fail(name: &str, fault: Fault) {
    let (fixture, proxy, ids) = mirrored(name).await;
    let running = proxy.fault(fault, Which::All, Asked::is_watch);
    assert!(proxy.cut_watches() >= 2);
    by_hand(&fixture, &ids).await;
    struck(&running, 5).await;
    running.end();
    resumed(&fixture, &ids).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_watches_are_cut_is_seen_afterwards() {
    watches_fail("cut", Fault::Break).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_breaks_off_in_the_middle_is_seen_whole_afterwards() {
    watches_fail("half", Fault::CutBody(300)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_are_refused_are_asked_for_again() {
    for (status, retry_after) in [(429, Some(1)), (503, None), (403, None), (410, None)] {
        let fault = Fault::Answer {
            status,
            retry_after,
        };
        watches_fail("refused", fault).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_deleted_unseen_is_polled_no_more() {
    let (fixture, proxy, ids) = mirrored("unseen-end").await;
    let running = proxy.fault(Fault::Break, Which::All, Asked::is_watch);
    assert!(proxy.cut_watches() >= 2);
    fixture.delete_watch("training").await;
    fixture.emptied().await;
    struck(&running, 4).await;
    running.end();
    fixture.unwatched().await;
    assert!(fixture.all().await.is_empty());
    // The index may still hold what was deleted: its own watch comes back in its own time.
    fixture.watch("training", |_| {}).await;
    // It waits for the turn that the old one would have had.
    fixture.edit_takes_effect("training").await;
    fixture.syncs_until_synced().await;
    assert_eq!(fixture.all().await.len(), ids.len());
    fixture.agrees().await;
}

/// A connection that has died without a word. It takes the 40 s after which it counts as dead.
#[tokio::test(flavor = "multi_thread")]
async fn silent_watches_are_restarted() {
    let (fixture, proxy, ids) = mirrored("silent").await;
    let mute = proxy.fault(Fault::MuteBody(0), Which::All, Asked::is_watch);
    let watches = proxy.cut_watches();
    struck(&mute, watches as u64).await;
    mute.end();
    by_hand(&fixture, &ids).await;
    fixture.suspend(true).await;
    fixture.edit_seen("training").await;
    fixture.suspend(false).await;
    fixture.ready("training", "Synced").await;
    resumed(&fixture, &ids).await;
}

/// The same before anything is answered.
#[tokio::test(flavor = "multi_thread")]
async fn watches_that_never_begin_are_restarted() {
    let (fixture, proxy, ids) = mirrored("never-begun").await;
    let hang = proxy.fault(Fault::Hang, Which::All, Asked::is_watch);
    let watches = proxy.cut_watches();
    struck(&hang, watches as u64).await;
    hang.end();
    by_hand(&fixture, &ids).await;
    resumed(&fixture, &ids).await;
}

/// A true 410: the API server that comes back has nothing of what was before.
#[tokio::test(flavor = "multi_thread")]
async fn a_watch_from_too_long_ago_lists_again() {
    let control_plane = own_control_plane().await;
    let (fixture, proxy) = behind_a_proxy(&control_plane, "gone").await;
    let ids = fixture.put(0..5);
    fixture.synced_watch(|_| {}).await;
    let running = proxy.fault(Fault::Break, Which::All, Asked::is_watch);
    assert!(proxy.cut_watches() >= 2);
    by_hand(&fixture, &ids).await;
    control_plane.kill_api_server().await.unwrap();
    fixture.restart_api_server().await;
    // It delays nothing: it counts.
    let lists = proxy.fault(Fault::Delay(Duration::ZERO), Which::All, |asked| {
        !asked.is_write() && !asked.is_watch() && asked.plural() == Some("remediations")
    });
    running.end();
    struck(&lists, 1).await;
    resumed(&fixture, &ids).await;
}
