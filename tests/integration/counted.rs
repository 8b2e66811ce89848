//! What a first mirror, idle polls and a restart cost, counted by the API server of a control plane of its own.

use std::time::{Duration, Instant};

use testbed::control_plane::RequestCounts;

use crate::{
    fixture::Fixture,
    setup::{self, own_control_plane},
};

const REMEDIATIONS: u32 = 1_000;
/// Remediations a page of the API, and mirrors a page of the API server when the operator starts.
const PAGE: u32 = 100;
/// Between two checks for a restore of etcd: each is a list of one mirror, at most one of them for each begun 15 s.
const RESTORE_CHECK: Duration = Duration::from_secs(15);

/// Writes to mirrors, by verb and subresource.
fn writes(counts: &RequestCounts, verb: &str, subresource: &str) -> u64 {
    counts.count(|kind| {
        kind.resource == "remediations" && kind.verb == verb && kind.subresource == subresource
    })
}

fn all_writes(counts: &RequestCounts) -> u64 {
    counts.count(|kind| {
        kind.resource == "remediations" && !["GET", "LIST", "WATCH"].contains(&kind.verb.as_str())
    })
}

/// Requests for `resource`, by verb, subresources too.
fn asked(counts: &RequestCounts, verb: &str, resource: &str) -> u64 {
    counts.count(|kind| kind.resource == resource && kind.verb == verb)
}

/// The most checks for a restore that fit between `since` and now.
fn restore_checks(since: Instant) -> u64 {
    since.elapsed().as_secs() / RESTORE_CHECK.as_secs() + 1
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_mirror_costs_two_writes_each_and_nothing_after_that() {
    let control_plane = own_control_plane().await;
    let mut fixture = Fixture::on(&control_plane, "counted").await;
    fixture.put(0..REMEDIATIONS);
    let before = control_plane.requests().await.unwrap();
    fixture.synced_watch(|_| {}).await;
    let first = control_plane.requests().await.unwrap().since(&before);
    assert_eq!(writes(&first, "POST", ""), u64::from(REMEDIATIONS));
    assert_eq!(writes(&first, "PUT", "status"), u64::from(REMEDIATIONS));
    assert_eq!(all_writes(&first), 2 * u64::from(REMEDIATIONS));
    assert_eq!(
        fixture.simulator.counters().pages,
        u64::from(REMEDIATIONS.div_ceil(PAGE)),
        "as many calls as pages"
    );
    fixture.agrees().await;
    setup::print_line(&format!(
        "first mirror of {REMEDIATIONS}: {} calls to the API, {} POST, {} PUT of the status, {} writes in all",
        fixture.calls(),
        writes(&first, "POST", ""),
        writes(&first, "PUT", "status"),
        all_writes(&first),
    ));

    let versions = fixture.versions().await;
    let (since, before) = (Instant::now(), control_plane.requests().await.unwrap());
    let pages = u64::from(REMEDIATIONS.div_ceil(PAGE));
    let listed = || fixture.simulator.counters().pages;
    let listed_before = listed();
    for _ in 0..10 {
        fixture.pass(Duration::from_secs(20)).await;
    }
    // One more, so that the last one has ended.
    fixture.sync("training").await;
    let polls = (listed() - listed_before) / pages;
    assert!(polls >= 11, "{polls} polls");
    assert_eq!(fixture.calls(), listed(), "pages alone are asked for");
    let idle = control_plane.requests().await.unwrap().since(&before);
    assert_eq!(all_writes(&idle), 0);
    assert_eq!(
        asked(&idle, "GET", "remediations"),
        0,
        "nothing is read back"
    );
    let (checks, most) = (asked(&idle, "LIST", "remediations"), restore_checks(since));
    assert!(
        checks <= most,
        "mirrors are not listed again: {checks} lists, at most {most} checks for a restore"
    );
    assert_eq!(
        asked(&idle, "GET", "secrets"),
        polls,
        "one look at the key a poll"
    );
    let status_updates = asked(&idle, "PUT", "clusterwatches");
    assert!(
        status_updates <= 2,
        "{status_updates}: a heartbeat and an echo in 200 s"
    );

    let (since, before) = (Instant::now(), control_plane.requests().await.unwrap());
    fixture.stop().await;
    fixture.start(&[]).await;
    fixture.sync("training").await;
    let restart = control_plane.requests().await.unwrap().since(&before);
    assert_eq!(all_writes(&restart), 0);
    assert_eq!(asked(&restart, "GET", "remediations"), 0);
    let lists = asked(&restart, "LIST", "remediations");
    assert!(
        (pages..=pages + restore_checks(since)).contains(&lists),
        "each mirror is listed once: {lists} lists"
    );
    assert_eq!(
        fixture.versions().await,
        versions,
        "idle polls and a restart change nothing"
    );
    setup::print_line(&format!(
        "{polls} idle polls: {} GET of the Secret, {status_updates} PUT of the watch's status, \
         {checks} checks for a restore, no other request; \
         a restart: {lists} LIST of mirrors; {} resourceVersions unchanged",
        asked(&idle, "GET", "secrets"),
        versions.len(),
    ));
}
