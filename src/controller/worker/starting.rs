//! The time before the first sync.

use std::time::Duration;

use super::Worker;
use crate::{clock::MonoTime, controller::spread::Entry, k8s::api::KubeApi, together::Service};

impl<C: KubeApi, T: Service> Worker<C, T> {
    /// Starts no sync before `starts_at`, unless one is requested; `entry` is on the roll of all synced
    /// `ClusterWatches`.
    #[must_use]
    pub fn starting(mut self, starts_at: MonoTime, entry: Entry) -> Self {
        (self.schedule.starts_at, self.schedule.entry) = (starts_at, entry);
        self
    }

    /// Waits until the first sync may start.
    pub(super) async fn await_turn(&mut self) {
        let (clock, turn) = (
            self.env.clock.clone(),
            self.schedule.cadence.active_interval,
        );
        let pace = &self.sync_state.throttle;
        let first = pace.first_poll(clock.elapsed(), turn, self.schedule.edited);
        let until = first.max(self.schedule.starts_at);
        self.sync_state.observer.heartbeat.rest_until(until);
        loop {
            tokio::select! {
                biased;
                () = clock.sleep_until(until) => break,
                () = self.schedule.requests.wait(&*clock, first) => break,
                // A restore of etcd may have brought back mirrors with other owner references.
                () = self.env.index.listed_after(self.store_seen.surveyed) => {}
            }
            self.adopt_late_ones(false).await;
        }
        self.sync_state.observer.heartbeat.touch();
    }

    /// How long to wait if all `ClusterWatches` would sync at once, as after a restore of etcd.
    pub(super) fn turn(&self) -> Duration {
        let interval = self.schedule.cadence.current(self.something_open());
        self.schedule.entry.place().wait(interval)
    }
}
