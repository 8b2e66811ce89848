//! Whether this replica leads at this instant.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::clock::Clock;

/// Asked before every write. It runs out by itself: a process that was stopped for longer than its lease finds out
/// before it writes, not when its timers come round.
#[derive(Clone)]
pub struct Leadership {
    clock: Arc<dyn Clock>,
    /// Milliseconds of the monotonic clock; zero: not leading.
    until: Arc<AtomicU64>,
}

impl Leadership {
    /// Nobody leads yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            until: Arc::default(),
        }
    }

    /// For a replica that is alone and leads always.
    #[must_use]
    pub fn unelected(clock: Arc<dyn Clock>) -> Self {
        let leadership = Self::new(clock);
        leadership.until.store(u64::MAX, Ordering::SeqCst);
        leadership
    }

    /// Whether this replica leads now.
    #[must_use]
    pub fn holds(&self) -> bool {
        self.clock.elapsed() < self.until()
    }

    /// When it runs out (monotonic).
    pub(crate) fn until(&self) -> Duration {
        Duration::from_millis(self.until.load(Ordering::SeqCst))
    }

    pub(crate) fn extend(&self, until: Duration) {
        let until = u64::try_from(until.as_millis()).unwrap_or(u64::MAX);
        self.until.store(until, Ordering::SeqCst);
    }

    pub(crate) fn end(&self) {
        self.until.store(0, Ordering::SeqCst);
    }
}
