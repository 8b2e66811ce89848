//! A `ClusterWatch` that is not synced: it is suspended, or an older one covers its instances.

use super::{ADOPT_AGAIN, Worker};
use crate::{
    api::Reason,
    controller::{metrics::Watches, status::build::ReadyState},
    k8s::api::KubeApi,
    sync::schedule::HEARTBEAT,
    together::Service,
};

impl<C: KubeApi, T: Service> Worker<C, T> {
    /// `ready` is the status and reason of Ready before an earlier worker of this generation panicked. A suspended
    /// `ClusterWatch` shows them again.
    #[must_use]
    pub fn recalling(mut self, ready: Option<(String, Reason)>) -> Self {
        self.status.inputs.before_panic = ready;
        self
    }

    /// Reports `ready_state` and does not call the Together API until it is dropped. The mirrors get their labels and
    /// owner references and are marked when they become stale, unless the `ClusterWatch` `overlaps` another, which then
    /// owns the mirrors.
    pub async fn rest(mut self, ready_state: ReadyState, overlaps: bool, meters: &Watches) {
        self.use_meter(meters);
        self.listed(&ready_state).await;
        loop {
            if !overlaps {
                let began = self.status.inputs.adopting.is_some();
                self.survey();
                if !began {
                    self.report(&ready_state).await;
                }
                self.adopt().await;
            }
            let now = self.env.clock.elapsed();
            // A process that died during its first sync may have left mirrors without recording a sync.
            if !overlaps {
                self.mark_stale(now).await;
            }
            let reported = self.report(&ready_state).await;
            let due = [self.freshness.last_clean, self.freshness.last_complete]
                .map(|since| since + self.stale_after());
            let next = due.into_iter().filter(|due| !overlaps && now < *due).min();
            let pause = match (&self.status.inputs.adopting, reported) {
                (Some(_), _) => ADOPT_AGAIN,
                (None, true) if self.may_land() => ADOPT_AGAIN,
                (None, true) => HEARTBEAT,
                (None, false) => self.schedule.cadence.interval.min(HEARTBEAT),
            };
            let again = now + pause;
            let until = next.map_or(again, |due| due.min(again));
            tokio::select! {
                biased;
                () = self.env.clock.sleep_until(until) => {}
                // A restore of etcd may have brought back mirrors without their owner references.
                () = self.env.index.listed_after(self.store_seen.surveyed), if !overlaps => {}
            }
        }
    }

    /// Marks the mirrors when they become stale, and does nothing else, until it is dropped.
    pub async fn only_mark(mut self) {
        loop {
            let now = self.env.clock.elapsed();
            self.mark_stale(now).await;
            self.pause().await;
        }
    }

    /// Reports `ready_state`, and does nothing else, until it is dropped.
    pub async fn only_report(mut self, ready_state: ReadyState, meters: &Watches) {
        self.use_meter(meters);
        loop {
            self.report(&ready_state).await;
            self.pause().await;
        }
    }

    async fn pause(&self) {
        let clock = &self.env.clock;
        let pause = self.schedule.cadence.interval.min(HEARTBEAT);
        clock.sleep_until(clock.elapsed() + pause).await;
    }
}
