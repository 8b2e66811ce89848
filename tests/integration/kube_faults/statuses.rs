//! The status of a watch that could not be written is written by the next poll.

use kube::ResourceExt;
use testbed::api_proxy::{Asked, Fault, Which};

use super::behind_a_proxy;
use crate::{conditions::condition, fixture::Fixture, setup, steps::struck};

fn to_watches(asked: &Asked) -> bool {
    asked.writes_to("clusterwatches")
}

async fn version(fixture: &Fixture) -> String {
    let watch = fixture.watches().get("training").await.unwrap();
    watch.resource_version().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_could_not_be_written_is_written_by_the_next_poll() {
    for (name, fault) in [
        ("status-409", Fault::answer(409)),
        ("status-403", Fault::answer(403)),
        ("status-500", Fault::answer(500)),
        ("status-503", Fault::answer(503)),
        ("status-broken", Fault::Break),
        ("status-lost", Fault::LoseAnswer),
    ] {
        let lost = fault == Fault::LoseAnswer;
        let (fixture, proxy) = behind_a_proxy(setup::control_plane().await, name).await;
        let ids = fixture.put(0..2);
        fixture.synced_watch(|_| {}).await;
        fixture.wait_until_idle().await;
        let before = version(&fixture).await;

        let running = proxy.fault(fault, Which::All, to_watches);
        fixture.enter(&ids[0], "RUNNING");
        fixture.turn(super::POLL).await;
        assert!(running.struck() >= 1, "{name}");
        fixture.agrees().await;
        assert_eq!(version(&fixture).await != before, lost, "{name}");
        running.end();
        fixture.turn(super::POLL).await;
        let watch = fixture.watches().get("training").await.unwrap();
        assert_eq!(condition(&watch, "Ready").reason, "Synced", "{name}");
        let counts = watch.status.unwrap().remediations.unwrap();
        assert_eq!(
            (counts.awaiting_approval, counts.by_state["RUNNING"]),
            (1, 1),
            "{name}"
        );
        let after = version(&fixture).await;
        fixture.turn(super::POLL).await;
        assert_eq!(version(&fixture).await, after, "{name}: and only once");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_suspended_watch_reports_it_as_soon_as_it_can() {
    let (fixture, proxy) = behind_a_proxy(setup::control_plane().await, "status-rest").await;
    fixture.put(0..2);
    fixture.synced_watch(|_| {}).await;
    let fault = Fault::answer(500);
    let running = proxy.fault(fault, Which::All, to_watches);
    fixture.suspend(true).await;
    struck(&running, 1).await;
    running.end();
    fixture.turn(super::POLL).await;
    let watch = fixture.watches().get("training").await.unwrap();
    assert_eq!(condition(&watch, "Ready").message, "Suspended");
}

#[tokio::test(flavor = "multi_thread")]
async fn mirroring_goes_on_although_the_first_status_could_not_be_written() {
    let (fixture, proxy) = behind_a_proxy(setup::control_plane().await, "status-first").await;
    fixture.put(0..5);
    let running = proxy.fault(Fault::Break, Which::All, to_watches);
    fixture.watch("training", |_| {}).await;
    struck(&running, 2).await;
    fixture.wait_until_idle().await;
    fixture.agrees().await;
    running.end();
    fixture.polls_until("Synced").await;
    fixture.writes_no_more().await;
}
