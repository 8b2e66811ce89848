//! Replicas as processes of their own: killed, and stopped for longer than the Lease. Each test waits for a Lease to run
//! out, which takes its 15 s.

use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use testbed::simulator::Simulator;
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    task::JoinHandle,
};

use super::{api, in_the_middle_of_writes, lease, stage};
use crate::{
    fixture::{CLUSTER, Fixture},
    program::PROGRAM,
    truth::assert_mirrors,
};

struct Process {
    simulator: Simulator,
    child: Child,
    log: JoinHandle<String>,
}

impl Process {
    /// Starts one with `flags`. Without a flag the Lease is in its kubeconfig's namespace: the test's.
    async fn start(fixture: &Fixture, flags: &[&str]) -> Self {
        let simulator = api(fixture).await;
        let account = fixture
            .control_plane
            .operator_account(&fixture.namespace)
            .await
            .unwrap();
        let mut child = Command::new(PROGRAM)
            .args(["run", "--allow-http", "--api-url", &simulator.url()])
            .args(["--namespace", &fixture.namespace])
            .args(["--admin-addr", "127.0.0.1:0"])
            .args(flags)
            .env("KUBECONFIG", account.kubeconfig())
            .env_remove("POD_NAMESPACE")
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = tokio::spawn(async move {
            let mut log = String::new();
            stderr.read_to_string(&mut log).await.unwrap();
            log
        });
        Self {
            simulator,
            child,
            log,
        }
    }

    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// How it ended, and what it said.
    async fn ended(mut self) -> (ExitStatus, String) {
        (self.child.wait().await.unwrap(), self.log.await.unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_leader_is_followed_once_its_lease_has_run_out() {
    let fixture = stage("killed", 10).await;
    let first = Process::start(&fixture, &[]).await;
    fixture.synced_watch(|_| {}).await;
    let second = Process::start(&fixture, &[]).await;
    let versions = fixture.versions().await;
    let held = lease(&fixture).await;
    first.signal(Signal::KILL);
    first.ended().await;
    fixture.sync("training").await;
    assert_eq!(fixture.versions().await, versions, "no spurious write");
    assert!(second.simulator.counters().listings >= 1);
    let taken = lease(&fixture).await;
    assert_ne!(taken.holder_identity, held.holder_identity);
    assert_eq!(taken.lease_transitions, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_was_stopped_in_the_middle_of_writes_wakes_up_and_changes_nothing() {
    let fixture = stage("stopped", 40).await;
    let slow = ["--kube-qps", "4", "--kube-burst", "1"];
    let first = Process::start(&fixture, &slow).await;
    fixture.watch("training", |_| {}).await;
    in_the_middle_of_writes(&fixture).await;
    first.signal(Signal::STOP);
    let written = fixture.versions().await.len();
    assert!(written < 40, "it was in the middle of its writes");

    let second = Process::start(&fixture, &[]).await;
    for truth in second.simulator.truth(CLUSTER) {
        second.simulator.enter(CLUSTER, &truth.id, "SUCCEEDED");
    }
    fixture.ready("training", "Synced").await;
    let truth = second.simulator.truth(CLUSTER);
    assert_mirrors(&fixture.all().await, &truth);
    let versions = fixture.versions().await;

    first.signal(Signal::CONT);
    let (status, log) = first.ended().await;
    assert_eq!(status.code(), Some(1), "{log}");
    let last = log.lines().last().unwrap_or_default();
    assert!(last.contains("leadership is lost"), "{log}");
    assert_eq!(fixture.versions().await, versions);
    assert_mirrors(&fixture.all().await, &truth);
}
