//! The rate of requests to the API.

use std::time::Duration;

use super::cadence;
use crate::{api::cluster_watch::ClusterWatch, clock::MonoTime, simulation::world::State};

const MINUTE: Duration = Duration::from_secs(60);
/// Maximum delay of an event.
const LATE: Duration = Duration::from_secs(1100);

impl State {
    /// A process sends a request to the API.
    pub(in crate::simulation) fn judge_call(&mut self, slot: usize, now: MonoTime) {
        let received = self.judge.received.get(&slot);
        let idle = received.map_or(Some(MonoTime::ZERO), |received| received.idle);
        // What a process received before a restore of etcd does not show what it has received since.
        let restored = self.judge.newer.restored;
        let restored = restored.is_some_and(|at| now.duration_since(at) < LATE);
        if !restored && idle.is_some_and(|since| now > since + Duration::from_millis(1)) {
            self.violated(|| {
                format!("process {slot} calls the API, and no ClusterWatch uses it since {idle:?}")
            });
        }
        let judge = &mut self.judge;
        judge.rate.calls.push_back(now);
        for times in [&mut judge.rate.calls, &mut judge.rate.starts] {
            while times.front().is_some_and(|at| *at + MINUTE <= now) {
                times.pop_front();
            }
        }
        let holders = judge.received.get(&slot).map(|received| &*received.holders);
        let holders = holders.unwrap_or_default();
        let starts = judge.rate.starts.len();
        // A list may start over once with other names, once more with each other filter, and pages may be repeated.
        let cycles = holders.iter().map(|watch| {
            let mut cadence = cadence(watch);
            if starts > 0 {
                cadence.active_interval = Duration::from_secs(10);
            }
            let entries = self.truth.entries.values();
            let entries = entries.filter(|entry| entry.is_of(watch.spec.instance()));
            let pages = entries.count() / page_size(watch) + 3;
            let each = 2 * pages + 5 + pages.max(10);
            cadence.calls_a_minute(pages, pages) + each * (1 + starts)
        });
        let most: usize = cycles.sum();
        if most == 0 {
            return;
        }
        let calls = judge.rate.calls.len();
        if calls > most {
            self.violated(|| {
                format!("{calls} calls of the API within a minute, and {most} are the most")
            });
        }
    }
}

/// Minimum number of remediations per page. The bound was made for two; one per page is drawn rarely, and for few
/// remediations.
fn page_size(watch: &ClusterWatch) -> usize {
    let query = watch.spec.query.as_ref();
    let size = query.and_then(|query| query.page_size);
    size.map_or(2, |size| size.clamp(1, 2) as usize)
}
