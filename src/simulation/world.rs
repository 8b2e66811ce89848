//! Both sides that the operator stands between, and who judges what it does.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::time::Instant;

use super::{answered::Answered, faults::Faults, judge::Judge, signal::Signal, truth::Truth};
use crate::{
    testing::{cluster::MemoryCluster, lease::Store},
    together::ApiKey,
};

/// Everything that is behind one lock.
pub(super) struct State {
    pub(super) rng: fastrand::Rng,
    pub(super) truth: Truth,
    pub(super) answered: Answered,
    pub(super) faults: Faults,
    /// The fingerprint of the key that the API takes.
    pub(super) valid_key: [u8; 32],
    pub(super) key: String,
    pub(super) judge: Judge,
    /// What was found wrong; the first is what counts.
    pub(super) violation: Option<String>,
    trace: Option<Vec<String>>,
}

impl State {
    pub(super) fn log(&mut self, now: Duration, line: impl FnOnce() -> String) {
        if let Some(trace) = &mut self.trace {
            trace.push(format!("{:>9.3} {}", now.as_secs_f64(), line()));
        }
    }

    pub(super) fn violated(&mut self, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(what());
        }
    }
}

pub(super) struct World {
    pub(super) start: Instant,
    pub(super) cluster: MemoryCluster,
    pub(super) lease: Arc<Store>,
    /// Told of every change of a mirror.
    pub(super) mirror_news: Signal<u64>,
    /// Told of every change of a watch.
    pub(super) watch_news: Signal<u64>,
    state: Mutex<State>,
}

impl World {
    pub(super) fn new(seed: u64, traced: bool) -> Self {
        let cluster = MemoryCluster::default();
        cluster.set_key(b"key-0");
        Self {
            start: Instant::now(),
            cluster,
            lease: Arc::default(),
            mirror_news: Signal::default(),
            watch_news: Signal::default(),
            state: Mutex::new(State {
                rng: fastrand::Rng::with_seed(seed),
                truth: Truth::default(),
                answered: Answered::default(),
                faults: Faults::default(),
                valid_key: ApiKey::parse(b"key-0").unwrap().fingerprint(),
                key: "key-0".to_owned(),
                judge: Judge::default(),
                violation: None,
                trace: traced.then(Vec::new),
            }),
        }
    }

    pub(super) fn now(&self) -> Duration {
        self.start.elapsed()
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&mut State, Duration) -> T) -> T {
        let now = self.now();
        f(&mut self.state.lock().unwrap(), now)
    }

    pub(super) fn log(&self, line: impl FnOnce() -> String) {
        self.with(|state, now| state.log(now, line));
    }

    /// The log so far, and what was found wrong.
    pub(super) fn verdict(&self) -> (Vec<String>, Option<String>) {
        self.with(|state, _| {
            (
                state.trace.take().unwrap_or_default(),
                state.violation.clone(),
            )
        })
    }

    pub(super) fn is_violated(&self) -> bool {
        self.with(|state, _| state.violation.is_some())
    }
}
