//! A clock that a test moves.

use std::{future::Future, pin::Pin, sync::Mutex, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep_until};

use crate::clock::Clock;

#[derive(Debug, Default)]
pub(crate) struct TestClock {
    elapsed: Mutex<Duration>,
    /// How far somebody has set the time of day ahead.
    ahead: Mutex<SignedDuration>,
}

impl TestClock {
    pub(crate) fn advance(&self, by: Duration) {
        *self.elapsed.lock().unwrap() += by;
    }

    /// Somebody sets the time of day so far ahead of the true one (negative: behind).
    pub(crate) fn set_ahead(&self, ahead: SignedDuration) {
        *self.ahead.lock().unwrap() = ahead;
    }

    /// The true time of day.
    pub(crate) fn true_time(&self) -> Timestamp {
        super::now() + self.elapsed()
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        self.true_time() + *self.ahead.lock().unwrap()
    }

    fn elapsed(&self) -> Duration {
        *self.elapsed.lock().unwrap()
    }

    fn sleep_until(&self, _: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// The virtual time of a tokio runtime that is paused: it goes on by itself when everybody sleeps.
#[derive(Debug)]
pub(crate) struct PausedClock(Instant);

impl Default for PausedClock {
    fn default() -> Self {
        Self(Instant::now())
    }
}

impl Clock for PausedClock {
    fn now(&self) -> Timestamp {
        super::now() + self.elapsed()
    }

    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn sleep_until(&self, until: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(sleep_until(self.0 + until))
    }
}
