//! Detects a `ClusterWatch` whose syncs make no progress: due but not started, or started and stuck.
//!
//! Failing syncs are fine here: they make progress.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use crate::clock::{Clock, MonoTime};

/// How long a `ClusterWatch` may make no progress. Every request of a sync ends within about a minute.
const STALL_TIMEOUT: Duration = Duration::from_secs(300);
/// Requests of other `ClusterWatches` that a sync may have to wait for, if they share its API key.
const QUEUE: f64 = 100.0;

/// How long a `ClusterWatch` may make no progress if a key allows `api_qps` requests per second: five minutes, or the
/// time for a hundred requests.
#[must_use]
pub fn stall_timeout(api_qps: f64) -> Duration {
    Duration::try_from_secs_f64(QUEUE / api_qps)
        .unwrap_or(Duration::MAX)
        .max(STALL_TIMEOUT)
}

/// The last sign of progress of every `ClusterWatch` that syncs. Clones share it.
#[derive(Clone)]
pub struct Watchdog {
    clock: Arc<dyn Clock>,
    timeout: Duration,
    slots: Arc<Mutex<Vec<Weak<Slot>>>>,
}

struct Slot {
    name: String,
    /// The last sign of progress, or when the next one is due.
    since: Mutex<MonoTime>,
    clock: Arc<dyn Clock>,
}

/// Reports the progress of one `ClusterWatch`. The watchdog forgets the `ClusterWatch` when the last clone is dropped.
/// The default one reports nothing.
#[derive(Clone, Default)]
pub struct Heartbeat(Option<Arc<Slot>>);

/// The `ClusterWatches` without progress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stalled {
    /// How many.
    pub watches: usize,
    /// Namespace and name of the one that has been stalled for the longest.
    pub worst: String,
    /// How long that one has made no progress.
    pub silent: Duration,
}

impl fmt::Display for Stalled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            watches,
            worst,
            silent,
        } = self;
        let seconds = silent.as_secs();
        write!(
            f,
            "stalled ClusterWatches: {watches}; the longest is {worst}, with no progress for {seconds} s"
        )
    }
}

impl Watchdog {
    /// A watchdog that allows `timeout` without progress.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, timeout: Duration) -> Self {
        Self {
            clock,
            timeout,
            slots: Arc::default(),
        }
    }

    /// Monitors a `ClusterWatch` from now on.
    #[must_use]
    pub fn enroll(&self, namespace: &str, name: &str) -> Heartbeat {
        let slot = Arc::new(Slot {
            name: format!("{namespace}/{name}"),
            since: Mutex::new(self.clock.elapsed()),
            clock: self.clock.clone(),
        });
        let mut slots = lock(&self.slots);
        // Not at each call: when the operator starts, thousands may be added. Those that are gone cannot stall.
        if slots.len().is_power_of_two() {
            slots.retain(|slot| slot.strong_count() > 0);
        }
        slots.push(Arc::downgrade(&slot));
        Heartbeat(Some(slot))
    }

    /// The `ClusterWatches` without progress for too long, if any.
    #[must_use]
    pub fn stalled(&self) -> Option<Stalled> {
        let slots: Vec<_> = lock(&self.slots).iter().filter_map(Weak::upgrade).collect();
        let signs = slots
            .iter()
            .map(|slot| (slot.name.as_str(), *lock(&slot.since)));
        stalled(self.clock.elapsed(), self.timeout, signs)
    }
}

impl Heartbeat {
    /// Reports progress now.
    pub fn touch(&self) {
        if let Some(slot) = &self.0 {
            *lock(&slot.since) = slot.clock.elapsed();
        }
    }

    /// No progress is expected before `due`.
    pub fn rest_until(&self, due: MonoTime) {
        if let Some(slot) = &self.0 {
            *lock(&slot.since) = due;
        }
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_ref().map(|slot| &slot.name);
        f.debug_tuple("Heartbeat").field(&name).finish()
    }
}

/// Those of `signs` (a `ClusterWatch` and its last sign of progress) that are older than `timeout` at `now`.
fn stalled<'a>(
    now: MonoTime,
    timeout: Duration,
    signs: impl Iterator<Item = (&'a str, MonoTime)>,
) -> Option<Stalled> {
    let silent: Vec<_> = signs
        .map(|(name, since)| (now.duration_since(since), name))
        .filter(|(silent, _)| *silent > timeout)
        .collect();
    let (longest, worst) = silent.iter().max()?;
    Some(Stalled {
        watches: silent.len(),
        worst: (*worst).to_owned(),
        silent: *longest,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock is held cannot leave a partial value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
