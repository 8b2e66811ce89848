//! The clocks for timestamps and waits. Tests replace them.

use std::{future::Future, hash::Hasher, pin::Pin, time::Duration};

use k8s_openapi::jiff::Timestamp;
use siphasher::sip::SipHasher13;
use tokio::time::Instant;

/// A wall clock for timestamps, and a monotonic clock for waits and durations.
pub trait Clock: Send + Sync + 'static {
    /// The wall-clock time.
    fn now(&self) -> Timestamp;
    /// Time since a fixed instant. It never goes back, even if the wall clock is set.
    fn elapsed(&self) -> Duration;
    /// Resolves once [`elapsed`](Self::elapsed) has reached `until`.
    fn sleep_until(&self, until: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// The same, as a timeout on work in progress.
    fn deadline(&self, until: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sleep_until(until)
    }
}

/// Maximum jitter, as a fraction of an interval.
pub const JITTER: f64 = 0.05;

/// Adds a jitter of up to 5 % to `interval`. It differs between `ClusterWatches` and syncs, and is always the same for
/// the same two.
#[must_use]
pub fn jittered(interval: Duration, uid: &str, poll: u64) -> Duration {
    let mut hash = SipHasher13::new();
    hash.write(uid.as_bytes());
    hash.write_u64(poll);
    let unit =
        f64::from(u32::try_from(hash.finish() >> 32).unwrap_or_default()) / f64::from(u32::MAX);
    interval.mul_f64(1.0 + JITTER * (2.0 * unit - 1.0))
}

/// The monotonic clock's value at the start. It is not zero, so that earlier times can be expressed.
const BEFORE: Duration = Duration::from_secs(366 * 86_400);

/// The clocks of the node.
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
        BEFORE + self.start.elapsed()
    }

    fn sleep_until(&self, until: Duration) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let until = self.start + until.saturating_sub(BEFORE);
        Box::pin(tokio::time::sleep_until(until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_can_tell_of_times_before_the_start_and_sleeps_no_longer_for_that() {
        let clock = SystemClock::default();
        let start = clock.elapsed();
        let day = Duration::from_secs(86_400);
        assert_eq!(start.saturating_sub(day) + day, start);
        clock.sleep_until(start + day).await;
        assert_eq!(clock.elapsed(), start + day);
    }
}
