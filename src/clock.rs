//! The clocks that the operator waits and stamps by; tests bring their own.

use std::{future::Future, pin::Pin, time::Duration};

use k8s_openapi::jiff::Timestamp;
use tokio::time::Instant;

/// A wall clock to stamp with, and a monotonic one to wait and measure by.
pub trait Clock: Send + Sync + 'static {
    /// The time of day.
    fn now(&self) -> Timestamp;
    /// Time since a fixed instant; never goes back, whatever happens to the time of day.
    fn elapsed(&self) -> Duration;
    /// Ends once [`elapsed`](Self::elapsed) has reached `until`.
    fn sleep_until(&self, until: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// The same, as a bound on work that is under way: whoever waits for it does not rest.
    fn deadline(&self, until: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sleep_until(until)
    }
}

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

impl Default for SystemClock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn sleep_until(&self, until: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(tokio::time::sleep_until(self.start + until))
    }
}
