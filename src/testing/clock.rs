//! A clock that a test moves.

use std::{future::Future, pin::Pin, sync::Mutex, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep_until};

use crate::clock::{Clock, MonoTime};

/// This many seconds after the zero of the monotonic clock.
pub(crate) const fn second(number: u64) -> MonoTime {
    MonoTime::at(Duration::from_secs(number))
}

/// The wall-clock time at a point of a clock of tests, whose zero is [`now`](super::now).
pub(crate) fn wall_time(at: MonoTime) -> Timestamp {
    super::now() + at.since_zero()
}

#[derive(Debug, Default)]
pub(crate) struct TestClock {
    elapsed: Mutex<MonoTime>,
    /// How far the wall clock is set ahead.
    ahead: Mutex<SignedDuration>,
}

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap() += by;
    }

    /// Sets the wall clock ahead of the true time (negative: behind).
    pub(crate) fn set_ahead(&self, ahead: SignedDuration) {
        *self.ahead.lock().unwrap() = ahead;
    }

    /// The true time.
    pub(crate) fn true_time(&self) -> Timestamp {
        wall_time(self.elapsed())
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.true_time() + *self.ahead.lock().unwrap()
    }

    fn elapsed(&self) -> MonoTime {
        *self.elapsed.lock().unwrap()
    }

    fn sleep_until(&self, _: MonoTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// The virtual time of a paused tokio runtime. It advances when every task sleeps.
#[derive(Debug)]
pub(crate) struct PausedClock(Instant);

impl Default for PausedClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        wall_time(self.elapsed())
    }

    fn elapsed(&self) -> MonoTime {
        MonoTime::at(self.0.elapsed())
    }

    fn sleep_until(&self, until: MonoTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(sleep_until(self.0 + until.since_zero()))
    }
}
