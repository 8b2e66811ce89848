//! What a first mirror, idle polls and a restart cost, counted by the API server of a control plane of its own.

use std::time::Duration;

use testbed::{
    control_plane::{ControlPlane, RequestCounts},
    simulator::Remediation as Truth,
};

use crate::{
    fixture::{CLUSTER, Fixture},
    setup,
    truth::assert_mirrors,
};

const REMEDIATIONS: u32 = 1_000;
/// Remediations a page of the API, and mirrors a page of the API server when the operator starts.
const PAGE: u32 = 100;

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

#[tokio::test(flavor = "multi_thread")]
async fn a_first_mirror_costs_two_writes_each_and_nothing_after_that() {
    let control_plane: &'static ControlPlane =
        Box::leak(Box::new(ControlPlane::start().await.unwrap()));
    setup::install(control_plane).await;
    let mut fixture = Fixture::on(control_plane, "counted").await;
    for number in 0..REMEDIATIONS {
        fixture.simulator.put(Truth::numbered(CLUSTER, number));
    }
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
    assert_mirrors(&fixture.all().await, &fixture.simulator.truth(CLUSTER));
    setup::say(&format!(
        "first mirror of {REMEDIATIONS}: {} calls to the API, {} POST, {} PUT of the status, {} writes in all",
        fixture.simulator.counters().calls(),
        writes(&first, "POST", ""),
        writes(&first, "PUT", "status"),
        all_writes(&first),
    ));

    let (versions, before) = (
        fixture.versions().await,
        control_plane.requests().await.unwrap(),
    );
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
    assert_eq!(
        fixture.simulator.counters().calls(),
        listed(),
        "pages alone are asked for"
    );
    let idle = control_plane.requests().await.unwrap().since(&before);
    assert_eq!(all_writes(&idle), 0);
    assert_eq!(
        asked(&idle, "GET", "remediations"),
        0,
        "nothing is read back"
    );
    assert_eq!(
        asked(&idle, "LIST", "remediations"),
        0,
        "nothing is listed again"
    );
    assert_eq!(
        asked(&idle, "GET", "secrets"),
        polls,
        "one look at the key a poll"
    );
    let told = asked(&idle, "PUT", "clusterwatches");
    assert!(told <= 2, "{told}: a heartbeat and an echo in 200 s");

    let before = control_plane.requests().await.unwrap();
    fixture.stop().await;
    fixture.start(&[]).await;
    fixture.sync("training").await;
    let restart = control_plane.requests().await.unwrap().since(&before);
    assert_eq!(all_writes(&restart), 0);
    assert_eq!(asked(&restart, "GET", "remediations"), 0);
    assert_eq!(
        asked(&restart, "LIST", "remediations"),
        pages,
        "each mirror once"
    );
    assert_eq!(
        fixture.versions().await,
        versions,
        "idle polls and a restart change nothing"
    );
    setup::say(&format!(
        "{polls} idle polls: {} GET of the Secret, {told} PUT of the watch's status, no other request; \
         a restart: {} LIST of mirrors; {} resourceVersions unchanged",
        asked(&idle, "GET", "secrets"),
        asked(&restart, "LIST", "remediations"),
        versions.len(),
    ));
}
