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
        10,
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
    for _ in 0..10 {
        fixture.pass(Duration::from_secs(20)).await;
    }
    fixture.stop().await;
    fixture.start(&[]).await;
    fixture.sync("training").await;
    assert_eq!(
        fixture.versions().await,
        versions,
        "ten idle polls and a restart change nothing"
    );
    let idle = control_plane.requests().await.unwrap().since(&before);
    assert_eq!(all_writes(&idle), 0);
    setup::say(&format!(
        "ten idle polls and a restart: {} writes, {} resourceVersions unchanged",
        all_writes(&idle),
        versions.len(),
    ));
}
