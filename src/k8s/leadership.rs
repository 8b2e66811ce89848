//! Whether this replica leads right now.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::clock::{Clock, MonoTime};

/// Checked before every write. Leadership expires by the clock, so a process that was suspended for longer than its
/// lease notices before it writes, not when a timer fires.
#[derive(Clone)]
pub struct Leadership {
    clock: Arc<dyn Clock>,
    /// Milliseconds of the monotonic clock; zero: not leading.
    until: Arc<AtomicU64>,
}

impl Leadership {
    /// No replica leads yet.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            until: Arc::default(),
        }
    }

    /// For a single replica, which always leads.
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

    /// When it expires.
    pub(crate) fn until(&self) -> MonoTime {
        let milliseconds = self.until.load(Ordering::SeqCst);
        MonoTime::at(Duration::from_millis(milliseconds))
    }

    pub(crate) fn extend(&self, until: MonoTime) {
        let until = u64::try_from(until.since_zero().as_millis()).unwrap_or(u64::MAX);
        self.until.store(until, Ordering::SeqCst);
    }

    pub(crate) fn end(&self) {
        self.until.store(0, Ordering::SeqCst);
    }
}
