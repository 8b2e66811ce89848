//! An operator without election, as a process of its own under the machine's clocks.

use std::time::{Duration, Instant};

use kube::api::ListParams;
use rustix::process::Signal;
use testbed::control_plane::ControlPlane;

use super::story;
use crate::{
    fixture::{Fixture, until},
    process::Process,
};

/// activeInterval, interval and fullResyncInterval of its watches.
const PACE: [&str; 3] = ["5s", "5s", "20s"];
/// Between two looks.
const LOOK: Duration = Duration::from_millis(500);

pub(super) struct Alone {
    fixture: Fixture,
    process: Process,
}

impl Alone {
    pub(super) async fn start(control_plane: &ControlPlane) -> Self {
        let fixture = Fixture::idle_on(control_plane, "alone").await;
        story::history(&fixture.simulator);
        fixture.simulator.run_clock(1);
        let account = fixture.account().await;
        let flags = ["--leader-elect=false", "--min-interval", "1s"];
        let url = fixture.simulator.url();
        let process = Process::start(account.kubeconfig(), &url, &fixture.namespace, &flags);
        Self { fixture, process }
    }

    /// Until the snapshot.
    pub(super) async fn begin(&mut self) {
        story::watches(&self.fixture, PACE).await;
        self.synced(&["training", "leaving"]).await;
    }

    /// Until the restore.
    pub(super) async fn go_on(&mut self) {
        let before = story::uid(&self.fixture).await;
        story::change(&self.fixture, &[&self.fixture.simulator], PACE).await;
        until("the mirror is recreated", || async {
            match story::uid(&self.fixture).await {
                Some(uid) if Some(&uid) != before.as_ref() => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
        self.synced(&["training", "coming"]).await;
        story::pass(&self.fixture).await;
    }

    pub(super) fn sleep(&self) {
        self.process.signal(Signal::STOP);
    }

    /// Once the API server serves both kinds out of its cache: then it takes up watches at versions that are still to come.
    pub(super) async fn wake(&self) {
        let cached = ListParams::default().match_any();
        until("both kinds are cached", || async {
            let mirrors = self.fixture.mirrors().list(&cached).await;
            let watches = self.fixture.watches().list(&cached).await;
            let both = mirrors.map(drop).and(watches.map(drop));
            both.map_err(|error| error.to_string())
        })
        .await;
        self.process.signal(Signal::CONT);
    }

    async fn synced(&self, names: &[&str]) {
        until("the mirrors are the truth", || async {
            story::synced(&self.fixture, &self.fixture.simulator, names).await
        })
        .await;
    }

    /// After the restore: how long it took, or what is still wrong after the bound.
    pub(super) async fn recovers(mut self) -> Result<Duration, String> {
        let took = self.right_again().await?;
        story::change_again(&self.fixture, &[&self.fixture.simulator]).await;
        self.right_again().await?;
        Ok(took)
    }

    async fn right_again(&mut self) -> Result<Duration, String> {
        let begun = Instant::now();
        loop {
            let (fixture, names) = (&self.fixture, ["training", "leaving"]);
            let found = story::synced(fixture, &fixture.simulator, &names).await;
            if self.process.has_ended() {
                return Err("it ended".to_owned());
            }
            match found {
                Ok(()) => return Ok(begun.elapsed()),
                Err(last) if begun.elapsed() > story::BOUND => return Err(last),
                Err(_) => tokio::time::sleep(LOOK).await,
            }
        }
    }
}
