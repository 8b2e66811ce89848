//! Two replicas with election, by a clock that is moved by hand: an API server that is away for longer than the Lease ends a
//! leader by design, and how long a restore takes is the machine's.

use std::time::{Duration, Instant};

use kube::ResourceExt;
use testbed::{control_plane::ControlPlane, simulator::Simulator};

use super::story;
use crate::{
    fixture::{Fixture, until},
    leader::{LEASE, leases, replica::Replica, stage_on},
};

/// activeInterval, interval and fullResyncInterval of its watches.
const PACE: [&str; 3] = ["10s", "10s", "60s"];
/// Past the renewal of the Lease that is due.
const STEP: Duration = Duration::from_millis(2200);
/// Of the machine's time, between two steps.
const PAUSE: Duration = Duration::from_millis(500);
/// Renewals that are waited for: less than the Lease can do without.
const TRIES: u32 = 4;
/// How long one may take of the machine's time.
const RENEWAL: Duration = Duration::from_secs(10);

pub(super) struct Elected {
    fixture: Fixture,
    leader: Replica,
    standby: Replica,
}

impl Elected {
    pub(super) async fn start(control_plane: &ControlPlane) -> Self {
        let fixture = stage_on(control_plane, "elected", 0).await;
        let leader = Replica::start(&fixture, &[]).await;
        until("it leads", || async {
            let lease = leases(&fixture).get_opt(LEASE).await.unwrap();
            lease.map(drop).ok_or_else(|| "not yet".to_owned())
        })
        .await;
        let standby = Replica::start(&fixture, &[]).await;
        for api in [&leader.simulator, &standby.simulator] {
            story::history(api);
        }
        Self {
            fixture,
            leader,
            standby,
        }
    }

    fn apis(&self) -> [&Simulator; 2] {
        [&self.leader.simulator, &self.standby.simulator]
    }

    /// Until the snapshot.
    pub(super) async fn begin(&self) {
        story::watches(&self.fixture, PACE).await;
        self.synced(&["training", "leaving"]).await;
    }

    /// Until the restore.
    pub(super) async fn go_on(&self) {
        story::change(&self.fixture, &self.apis(), PACE).await;
        self.synced(&["training", "coming"]).await;
        story::pass(&self.fixture).await;
    }

    async fn synced(&self, names: &[&str]) {
        self.right_again(names).await.unwrap();
    }

    /// After the restore: how long it took by the replicas' clock, or what is still wrong after the bound.
    pub(super) async fn recovers(&self) -> Result<Duration, String> {
        let names = ["training", "leaving"];
        let took = self.right_again(&names).await?;
        story::change_again(&self.fixture, &self.apis()).await;
        self.right_again(&names).await?;
        match self.standby.simulator.counters().calls() {
            0 => Ok(took),
            calls => Err(format!("the standby made {calls} calls")),
        }
    }

    /// Lets time pass until all is right and each of `names` is synced.
    async fn right_again(&self, names: &[&str]) -> Result<Duration, String> {
        let (begun, mut passed) = (Instant::now(), Duration::ZERO);
        loop {
            match story::synced(&self.fixture, &self.leader.simulator, names).await {
                Ok(()) => return Ok(passed),
                // Watches are begun again by the machine's time, not by the clock that is moved here.
                Err(last) if begun.elapsed() > story::BOUND => return Err(last),
                Err(_) => {}
            }
            self.pass().await?;
            passed += STEP;
            // So that the machine keeps up with the clock.
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// A little time, and the renewal that is due in it. One that meets a connection that the restore has cut is tried again
    /// after as much time.
    async fn pass(&self) -> Result<(), String> {
        let before = self.version().await;
        for _ in 0..TRIES {
            for replica in [&self.leader, &self.standby] {
                replica.simulator.advance(STEP);
                replica.clock.advance(STEP);
            }
            let begun = Instant::now();
            while begun.elapsed() < RENEWAL {
                if self.version().await != before {
                    return Ok(());
                }
                tokio::time::sleep(Duration::from_millis(25)).await;
            }
        }
        let ended = self.leader.has_ended();
        Err(format!("the leader renews no more; it has ended: {ended}"))
    }

    async fn version(&self) -> Option<String> {
        let lease = leases(&self.fixture).get(LEASE).await.unwrap();
        lease.resource_version()
    }
}
