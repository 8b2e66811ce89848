//! The time before the first sync.

use std::time::Duration;

use super::Task;
use crate::{controller::spread::Entry, k8s::api::KubeApi, together::Service};

impl<C: KubeApi, T: Service> Task<C, T> {
    /// Starts no sync before `starts_at` (monotonic), unless one is requested; `entry` is on the roll of all synced
    /// `ClusterWatches`.
    #[must_use]
    pub fn starting(mut self, starts_at: Duration, entry: Entry) -> Self {
        (self.starts_at, self.entry) = (starts_at, entry);
        self
    }

    /// Waits until the first sync may start.
    pub(super) async fn await_turn(&mut self) {
        let (clock, turn) = (self.env.clock.clone(), self.cadence.active_interval);
        let pace = &self.sync_state.pace;
        let first = pace.first_poll(clock.elapsed(), turn, self.edited);
        self.sync_state
            .heartbeat
            .rest_until(first.max(self.starts_at));
        clock.sleep_until(first).await;
        tokio::select! {
            biased;
            () = clock.sleep_until(self.starts_at) => {}
            () = self.requests.wait(&*clock, first) => {}
        }
        self.sync_state.heartbeat.touch();
    }

    /// How long to wait if all `ClusterWatches` would sync at once, as after a restore of etcd.
    pub(super) fn turn(&self) -> Duration {
        let interval = self.cadence.current(self.something_open());
        self.entry.place().wait(interval)
    }
}
