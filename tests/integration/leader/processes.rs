//! Replicas as processes of their own: killed, and stopped for longer than the Lease. Each test waits for a Lease to run
//! out, which takes its 15 s.

use rustix::process::Signal;
use testbed::simulator::Simulator;

use super::{api, in_the_middle_of_writes, lease, stage};
use crate::{
    fixture::{CLUSTER, Fixture},
    process::Process,
    truth::assert_mirrors,
};

/// A replica with an API of its own.
async fn start(fixture: &Fixture, flags: &[&str]) -> (Simulator, Process) {
    let simulator = api(fixture).await;
    let account = fixture.account().await;
    let (kubeconfig, url) = (account.kubeconfig(), simulator.url());
    let process = Process::start(kubeconfig, &url, &fixture.namespace, flags);
    (simulator, process)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_followed_once_its_lease_has_run_out() {
    let fixture = stage("killed", 10).await;
    let (_api, first) = start(&fixture, &[]).await;
    fixture.synced_watch(|_| {}).await;
    let (api, _second) = start(&fixture, &[]).await;
    let versions = fixture.versions().await;
    let held = lease(&fixture).await;
    first.signal(Signal::KILL);
    first.ended().await;
    fixture.sync("training").await;
    assert_eq!(fixture.versions().await, versions, "no spurious write");
    assert!(api.counters().listings >= 1);
    let taken = lease(&fixture).await;
    assert_ne!(taken.holder_identity, held.holder_identity);
    assert_eq!(taken.lease_transitions, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_stopped_in_the_middle_of_writes_wakes_up_and_changes_nothing() {
    let fixture = stage("stopped", 40).await;
    let slow = ["--kube-qps", "4", "--kube-burst", "1"];
    let (_api, first) = start(&fixture, &slow).await;
    fixture.watch("training", |_| {}).await;
    in_the_middle_of_writes(&fixture).await;
    first.signal(Signal::STOP);
    let written = fixture.versions().await.len();
    assert!(written < 40, "it was in the middle of its writes");

    let (api, _second) = start(&fixture, &[]).await;
    for truth in api.truth(CLUSTER) {
        api.enter(CLUSTER, &truth.id, "SUCCEEDED");
    }
    fixture.ready("training", "Synced").await;
    let truth = api.truth(CLUSTER);
    assert_mirrors(&fixture.all().await, &truth);
    let versions = fixture.versions().await;

    first.signal(Signal::CONT);
    let (status, log) = first.ended().await;
    assert_eq!(status.code(), Some(1), "{log}");
    let last = log.lines().last().unwrap_or_default();
    assert!(last.contains("lost leadership"), "{log}");
    assert_eq!(fixture.versions().await, versions);
    assert_mirrors(&fixture.all().await, &truth);
}
