//! The operator as a process of its own whose time of day libfaketime sets; the machine's own clocks stay as they are. A
//! second replica keeps the right time and stands by.

use std::{
    fs,
    path::{Path, PathBuf},
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use testbed::tools::Tool;
use tokio::process::Command;

use super::{agrees, kept, nonsense, play};
use crate::{
    fixture::{Fixture, until},
    leader::{LEASE, leases, stage},
    process::Process,
    program::PROGRAM,
};

/// Polls that must come after each jump.
const POLLS: u64 = 3;

/// What the process takes for the time of day.
struct Wall(TempDir);

impl Wall {
    fn new() -> Self {
        let wall = Self(TempDir::new().unwrap());
        wall.set(SignedDuration::ZERO);
        wall
    }

    fn file(&self) -> PathBuf {
        self.0.path().join("time")
    }

    /// Written atomically, so that a reader never sees half of it.
    fn set(&self, by: SignedDuration) {
        let new = self.0.path().join("new");
        fs::write(&new, format!("{:+}", by.as_secs())).unwrap();
        fs::rename(new, self.file()).unwrap();
    }
}

/// An elected operator under `wall`.
async fn start(fixture: &Fixture, library: &Path, wall: &Wall) -> Process {
    let account = fixture.account().await;
    let mut command = Command::new(PROGRAM);
    command
        .args(["run", "--allow-http", "--api-url", &fixture.simulator.url()])
        .args(["--namespace", &fixture.namespace])
        .args(["--lease-namespace", &fixture.namespace])
        .args(["--admin-addr", "127.0.0.1:0", "--min-interval", "1s"])
        .env("LD_PRELOAD", library)
        .env("FAKETIME_TIMESTAMP_FILE", wall.file())
        .envs([("FAKETIME_NO_CACHE", "1"), ("NO_FAKE_STAT", "1")])
        .envs([("FAKETIME_DONT_FAKE_MONOTONIC", "1")]);
    Process::spawn(command, account.kubeconfig(), &fixture.namespace)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_whose_time_of_day_is_set_goes_on_and_keeps_its_lease() {
    let Some(library) = Tool::Libfaketime.find_or_note() else {
        return;
    };
    let fixture = stage("faketime", 0).await;
    fixture.simulator.run_clock(1);
    play(&fixture);
    let wall = Wall::new();
    let mut process = start(&fixture, &library, &wall).await;
    fixture
        .synced_watch(|spec| {
            spec.retention = Some(kept());
            (spec.interval, spec.active_interval) = (Some("5s".to_owned()), Some("5s".to_owned()));
            spec.full_resync_interval = Some("5s".to_owned());
        })
        .await;
    let holder = || async {
        leases(&fixture)
            .get(LEASE)
            .await
            .unwrap()
            .spec
            .unwrap()
            .holder_identity
    };
    let leader = holder().await;
    let mut standby = Process::of(&fixture, &[]).await;
    standby.wait_for_log("standing by").await;
    let before = fixture.versions().await;
    for hours in [-1, 72, -72, 1, 0] {
        let by = SignedDuration::from_hours(hours);
        let listings = fixture.simulator.counters().listings;
        wall.set(by);
        until(&format!("it goes on, {by:#} off"), || async {
            let polls = fixture.simulator.counters().listings - listings;
            let watch = fixture.watches().get("training").await.unwrap();
            let wrong = nonsense(&watch.status.unwrap(), Timestamp::now() + by);
            match wrong {
                None if polls >= POLLS => Ok(()),
                wrong => Err(format!("{polls} polls; {wrong:?}")),
            }
        })
        .await;
        assert_eq!(fixture.versions().await, before, "{by:#} off");
    }
    agrees(&fixture).await;
    assert!(!process.has_ended() && !standby.has_ended());
    assert_eq!(holder().await, leader);
}
