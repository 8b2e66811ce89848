//! Steps that last for a while.

use std::time::Duration;

use crate::{
    api::cluster_watch::DeletionPolicy,
    simulation::{
        faults::ApiFault,
        judge::cadence,
        sequence::{Sequence, Slot},
        step::Kind,
    },
};

/// How often a `ClusterWatch` is deleted and recreated, and the time in between.
const ROUNDS: u32 = 24;
const APART: Duration = Duration::from_millis(2500);
/// How soon after the start of a fault something new happens.
const SOON: Duration = Duration::from_secs(120);

impl Sequence {
    /// Applies a step that lasts. Returns the time until the next one.
    pub(in crate::simulation) async fn play_at_length(&mut self, kind: Kind) -> Option<Duration> {
        match kind {
            Kind::DeletedAndCreatedAgain => self.recreate().await,
            Kind::Orphaned => self.orphan().await,
            Kind::SecretComesLate => self.bring_secret_late().await,
            Kind::EditRestored => self.restore_an_edit().await,
            Kind::FirstStateOnly => return Some(self.honor_first_state_only().await),
            _ => return None,
        }
        Some(self.pause())
    }

    /// The server honors only the first requested state, and full syncs are rare. Soon a remediation enters another
    /// state.
    async fn honor_first_state_only(&mut self) -> Duration {
        self.put_first(|watch| {
            watch.spec.full_resync_interval = Some("1h".to_owned());
        });
        let left = self.set_long_fault(ApiFault::FirstStateOnly);
        self.pass(SOON).await;
        let instance = self.draw(0..3);
        self.world
            .with(|world, now| world.truth.add("PENDING_APPROVAL", instance, now));
        left.saturating_sub(SOON)
    }

    /// A `ClusterWatch` is deleted and recreated for minutes. That must not cost more lists than leaving it alone.
    async fn recreate(&mut self) {
        self.repair_here();
        let world = self.world.clone();
        let started = self.started;
        let mut listings = 0;
        for round in 0..ROUNDS {
            let watches = world.cluster.watches();
            let name = watches
                .first()
                .and_then(|watch| watch.metadata.name.clone());
            let name = name.unwrap_or_else(|| "first".to_owned());
            self.delete_watch(&name);
            self.pass(APART).await;
            if let Some(mut watch) = watches.into_iter().next() {
                watch.status = None;
                self.put(&name, |new| {
                    new.spec = watch.spec;
                });
            } else {
                self.put(&name, |_| {});
            }
            self.pass(APART).await;
            let count = world.with(|state, _| state.judge.newer.listings.len());
            if round == ROUNDS / 2 - 1 {
                listings = count;
            } else if round == ROUNDS - 1 {
                listings = count - listings;
            }
        }
        let watches = world.cluster.watches();
        let in_turn = watches.iter().map(|watch| {
            let turn = cadence(watch).active_interval.mul_f64(0.95);
            (60.0 / turn.as_secs_f64()) as usize + 1
        });
        let most = in_turn.sum::<usize>() + 2;
        let late = |slot: &Slot| slot.replica.lags.iter().any(|lags| lags.get().seconds > 0);
        let late = self.slots.iter().any(late);
        let calm = started == self.started && self.slots.len() == 1 && !late;
        if calm && listings > most {
            world.with(|state, _| {
                state.violated(|| {
                    format!("{listings} listings in a minute for a watch that is deleted and created again and again, and {most} are the most")
                });
            });
        }
    }

    /// No fault is active in this namespace, its key is valid and its `ClusterWatches` work.
    fn repair_here(&mut self) {
        self.give_key();
        self.world.with(|state, _| {
            state.faults.api = None;
            state.judge.newer.stutters = None;
        });
        for watch in self.world.cluster.watches() {
            let name = watch.metadata.name.unwrap_or_default();
            self.put(&name, |watch| watch.spec.suspend = false);
        }
    }

    /// A `ClusterWatch` is suspended and edited. Its mirrors follow, and etcd is restored to a snapshot that was taken
    /// before they did.
    async fn restore_an_edit(&mut self) {
        self.edit_first(true);
        self.save_etcd();
        let time = self.draw(10..200) as u64;
        self.pass(Duration::from_secs(time)).await;
        let bumped = self.draw(0..2) == 0;
        self.put_snapshot_back(self.saved.len() - 1, bumped);
        let time = self.draw(60..300) as u64;
        self.pass(Duration::from_secs(time)).await;
    }

    /// All `ClusterWatches` are deleted, and their mirrors stay.
    async fn orphan(&mut self) {
        for watch in self.world.cluster.watches() {
            let name = watch.metadata.name.unwrap_or_default();
            self.put(&name, |watch| {
                watch.spec.suspend = false;
                watch.spec.deletion_policy = DeletionPolicy::Retain;
            });
        }
        self.pass(Duration::from_secs(60)).await;
        for watch in self.world.cluster.watches() {
            self.delete_watch(&watch.metadata.name.unwrap_or_default());
        }
        self.world.with(|state, now| state.judge.last.minds = now);
        let time = self.draw(60..1800) as u64;
        self.pass(Duration::from_secs(time)).await;
    }
}
