//! Notices a watch whose polls no longer move: due and not begun, or begun and stuck.
//!
//! Polls that fail are no concern of it: they move.

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};

use crate::clock::Clock;

/// How long a watch may show no sign of life. Every call that a poll makes ends within about a minute.
const PATIENCE: Duration = Duration::from_secs(300);
/// Calls to the API that a poll may have to wait for in the bucket of its key, which other watches use too.
const QUEUE: f64 = 100.0;

/// How long a watch may show no sign of life where a key has `api_qps` calls a second: five minutes, or the time that
/// a hundred calls take.
#[must_use]
pub fn patience(api_qps: f64) -> Duration {
    Duration::try_from_secs_f64(QUEUE / api_qps)
        .unwrap_or(Duration::MAX)
        .max(PATIENCE)
}

/// Keeps the last sign of life of every watch that polls. Clones are handles to the same one.
#[derive(Clone)]
pub struct Watchdog {
    clock: Arc<dyn Clock>,
    patience: Duration,
    slots: Arc<Mutex<Vec<Weak<Slot>>>>,
}

struct Slot {
    name: String,
    /// The last sign of life, or when the next one is due (monotonic).
    since: Mutex<Duration>,
    clock: Arc<dyn Clock>,
}

/// Gives the signs of life of one watch; the watchdog forgets the watch with its last clone. The default one is heard
/// by nobody.
#[derive(Clone, Default)]
pub struct Heartbeat(Option<Arc<Slot>>);

/// Watches that show no sign of life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stalled {
    /// How many.
    pub watches: usize,
    /// Namespace and name of the one that is silent for longest.
    pub worst: String,
    /// For how long that one is silent.
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
            "stalled ClusterWatches: {watches}; the longest is {worst}, whose poll has not moved for {seconds} s"
        )
    }
}

impl Watchdog {
    /// A watchdog that lets a watch be silent for `patience`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>, patience: Duration) -> Self {
        Self {
            clock,
            patience,
            slots: Arc::default(),
        }
    }

    /// Looks after a watch from now on.
    #[must_use]
    pub fn enroll(&self, namespace: &str, name: &str) -> Heartbeat {
        let slot = Arc::new(Slot {
            name: format!("{namespace}/{name}"),
            since: Mutex::new(self.clock.elapsed()),
            clock: self.clock.clone(),
        });
        let mut slots = lock(&self.slots);
        slots.retain(|slot| slot.strong_count() > 0);
        slots.push(Arc::downgrade(&slot));
        Heartbeat(Some(slot))
    }

    /// The watches that are silent for too long, if any.
    #[must_use]
    pub fn stalled(&self) -> Option<Stalled> {
        let slots: Vec<_> = lock(&self.slots).iter().filter_map(Weak::upgrade).collect();
        let signs = slots
            .iter()
            .map(|slot| (slot.name.as_str(), *lock(&slot.since)));
        stalled(self.clock.elapsed(), self.patience, signs)
    }
}

impl Heartbeat {
    /// Something was done just now.
    pub fn touch(&self) {
        if let Some(slot) = &self.0 {
            *lock(&slot.since) = slot.clock.elapsed();
        }
    }

    /// Nothing will be done before `due` (monotonic).
    pub fn rest_until(&self, due: Duration) {
        if let Some(slot) = &self.0 {
            *lock(&slot.since) = due;
        }
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.0.as_ref().map(|slot| &slot.name);
        f.debug_tuple("Pulse").field(&name).finish()
    }
}

/// Which of `signs` (a watch and its last sign of life) are silent for more than `patience` at `now`.
fn stalled<'a>(
    now: Duration,
    patience: Duration,
    signs: impl Iterator<Item = (&'a str, Duration)>,
) -> Option<Stalled> {
    let silent: Vec<_> = signs
        .map(|(name, since)| (now.saturating_sub(since), name))
        .filter(|(silent, _)| *silent > patience)
        .collect();
    let (longest, worst) = silent.iter().max()?;
    Some(Stalled {
        watches: silent.len(),
        worst: (*worst).to_owned(),
        silent: *longest,
    })
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock leaves a whole value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
