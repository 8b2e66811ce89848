//! How often the API is called.

use std::time::Duration;

use crate::simulation::world::State;

const MINUTE: Duration = Duration::from_secs(60);

impl State {
    /// A process calls the API.
    pub(in crate::simulation) fn judge_call(&mut self, slot: usize, now: Duration) {
        let told = self.judge.told.get(&slot);
        let idle = told.map_or(Some(Duration::ZERO), |told| told.idle);
        if idle.is_some_and(|since| now > since + Duration::from_millis(1)) {
            self.violated(|| {
                format!("process {slot} calls the API, and no watch wants it since {idle:?}")
            });
        }
        let judge = &mut self.judge;
        judge.calls.push_back(now);
        for times in [&mut judge.calls, &mut judge.starts] {
            while times.front().is_some_and(|at| *at + MINUTE <= now) {
                times.pop_front();
            }
        }
        let Some(mut cadence) = judge.told.get(&slot).and_then(|told| told.cadence) else {
            return;
        };
        // A listing may begin anew once with other names, another time with each other filter, and pages may come twice.
        if !judge.starts.is_empty() {
            cadence.active_interval = Duration::from_secs(10);
        }
        let pages = self.truth.entries.len() / 2 + 3;
        let each = 2 * pages + 5 + pages.max(10);
        let most = cadence.calls_a_minute(pages, pages) + each * (1 + judge.starts.len());
        let calls = judge.calls.len();
        if calls > most {
            self.violated(|| {
                format!("{calls} calls of the API within a minute, and {most} are the most")
            });
        }
    }
}
