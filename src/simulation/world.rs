//! Both APIs that the operator connects, and the judge.

use std::sync::{Arc, Mutex};

use tokio::time::Instant;

use super::{answered::Answered, faults::Faults, judge::Judge, signal::Signal, truth::Truth};
use crate::{
    clock::MonoTime,
    testing::{CLUSTER, NAMESPACE, cluster::MemoryKubeApi, lease::Store},
    together::ApiKey,
};

/// The namespaces, and the Together cluster mirrored into each.
const PLACES: [(&str, &str); 2] = [(NAMESPACE, CLUSTER), ("research", "cluster-2")];

/// Everything that shares one lock.
pub(super) struct State {
    /// The namespace; empty means the first.
    pub(super) label: &'static str,
    pub(super) rng: fastrand::Rng,
    pub(super) truth: Truth,
    pub(super) answered: Answered,
    pub(super) faults: Faults,
    /// The fingerprint of the key that the API accepts.
    pub(super) valid_key: [u8; 32],
    pub(super) key: String,
    pub(super) judge: Judge,
    /// What was found wrong; the first violation counts.
    pub(super) violation: Option<String>,
    trace: Trace,
}

/// What happened in all namespaces, line by line; `None` if it was not requested.
pub(super) type Trace = Option<Arc<Mutex<Vec<String>>>>;

impl State {
    pub(super) fn log(&mut self, now: MonoTime, line: impl FnOnce() -> String) {
        if let Some(trace) = &self.trace {
            let line = format!(
                "{:>9.3} {}{}",
                now.since_zero().as_secs_f64(),
                self.label,
                line()
            );
            trace.lock().unwrap().push(line);
        }
    }

    pub(super) fn violated(&mut self, what: impl FnOnce() -> String) {
        if self.violation.is_none() {
            self.violation = Some(format!("{}{}", self.label, what()));
        }
    }
}

/// One namespace, and the part of the Together API that is mirrored into it.
pub(super) struct World {
    pub(super) start: Instant,
    pub(super) namespace: &'static str,
    /// The id of the Together cluster.
    pub(super) together: &'static str,
    pub(super) cluster: MemoryKubeApi,
    pub(super) lease: Arc<Store>,
    /// Counts the changes of mirrors.
    pub(super) mirror_changes: Signal<u64>,
    /// Counts the changes of `ClusterWatches`.
    pub(super) watch_changes: Signal<u64>,
    /// Whether the operator has no permissions in the namespace.
    pub(super) refused: Signal<bool>,
    state: Mutex<State>,
}

impl World {
    /// All namespaces that the sequence of `seed` may use.
    pub(super) fn all(seed: u64, trace: &Trace) -> Vec<Arc<Self>> {
        let (start, lease) = (Instant::now(), Arc::<Store>::default());
        let place = |(at, place)| {
            Arc::new(Self::new(
                (at, place),
                seed,
                start,
                lease.clone(),
                trace.clone(),
            ))
        };
        PLACES.into_iter().enumerate().map(place).collect()
    }

    fn new(
        (at, (namespace, together)): (usize, (&'static str, &'static str)),
        seed: u64,
        start: Instant,
        lease: Arc<Store>,
        trace: Trace,
    ) -> Self {
        let label = if at == 0 { "" } else { "second: " };
        let key = format!("{namespace}-key-0");
        // Separate version ranges, so that no uid occurs twice.
        let cluster = MemoryKubeApi::of(namespace, at as u64 * 1_000_000);
        cluster.set_key(key.as_bytes());
        Self {
            start,
            namespace,
            together,
            cluster,
            lease,
            mirror_changes: Signal::default(),
            watch_changes: Signal::default(),
            refused: Signal::default(),
            state: Mutex::new(State {
                label,
                rng: fastrand::Rng::with_seed(seed ^ (at as u64) << 40),
                truth: Truth::of(together),
                answered: Answered::default(),
                faults: Faults::default(),
                valid_key: ApiKey::parse(key.as_bytes()).unwrap().fingerprint(),
                key,
                judge: Judge::default(),
                violation: None,
                trace,
            }),
        }
    }

    pub(super) fn now(&self) -> MonoTime {
        MonoTime::at(self.start.elapsed())
    }

    pub(super) fn with<T>(&self, f: impl FnOnce(&mut State, MonoTime) -> T) -> T {
        let now = self.now();
        f(&mut self.state.lock().unwrap(), now)
    }

    pub(super) fn log(&self, line: impl FnOnce() -> String) {
        self.with(|state, now| state.log(now, line));
    }

    /// What was found wrong, if anything.
    pub(super) fn violation(&self) -> Option<String> {
        self.with(|state, _| state.violation.clone())
    }
}
