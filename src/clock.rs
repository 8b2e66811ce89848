//! The clocks for timestamps and waits. Tests replace them.

use std::{
    future::Future,
    hash::Hasher,
    ops::{Add, AddAssign},
    pin::Pin,
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use siphasher::sip::SipHasher13;
use tokio::time::Instant;

/// A point on the process's monotonic clock. A [`Duration`] is a length of time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MonoTime(Duration);

impl MonoTime {
    /// The clock's zero: earlier than anything that happens.
    pub const ZERO: Self = Self(Duration::ZERO);

    /// The point this long after the clock's zero.
    #[must_use]
    pub const fn at(since_zero: Duration) -> Self {
        Self(since_zero)
    }

    /// How long after the clock's zero it is.
    #[must_use]
    pub const fn since_zero(self) -> Duration {
        self.0
    }

    /// How long after `earlier` it is; zero if it is before.
    #[must_use]
    pub const fn duration_since(self, earlier: Self) -> Duration {
        self.0.saturating_sub(earlier.0)
    }

    /// How long after `earlier` it is; `None` if it is before.
    #[must_use]
    pub const fn checked_duration_since(self, earlier: Self) -> Option<Duration> {
        self.0.checked_sub(earlier.0)
    }

    /// The point `time` later, or the last one there is.
    #[must_use]
    pub const fn saturating_add(self, time: Duration) -> Self {
        Self(self.0.saturating_add(time))
    }

    /// The point `time` earlier, but not before the clock's zero.
    #[must_use]
    pub const fn saturating_sub(self, time: Duration) -> Self {
        Self(self.0.saturating_sub(time))
    }
}

impl Add<Duration> for MonoTime {
    type Output = Self;

    fn add(self, time: Duration) -> Self {
        Self(self.0 + time)
    }
}

impl AddAssign<Duration> for MonoTime {
    fn add_assign(&mut self, time: Duration) {
        self.0 += time;
    }
}

/// A wall clock for timestamps, and a monotonic clock for waits and durations.
pub trait Clock: Send + Sync + 'static {
    /// The wall-clock time.
    fn now(&self) -> Timestamp;
    /// The monotonic time. It never goes back, even if the wall clock is set.
    fn elapsed(&self) -> MonoTime;
    /// Resolves once [`elapsed`](Self::elapsed) has reached `until`.
    fn sleep_until(&self, until: MonoTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
    /// The same, as a timeout on work in progress.
    fn deadline(&self, until: MonoTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.sleep_until(until)
    }
}

/// Maximum jitter, as a fraction of an interval.
pub const JITTER: f64 = 0.05;

/// Adds a jitter of up to 5 % to `interval`. It differs between `ClusterWatches` and syncs, and is always the same for
/// the same two, so that the simulation can repeat a run.
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
const BEFORE: MonoTime = MonoTime::at(Duration::from_secs(366 * 86_400));

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

    fn elapsed(&self) -> MonoTime {
        BEFORE + self.start.elapsed()
    }

    fn sleep_until(&self, until: MonoTime) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let until = self.start + until.duration_since(BEFORE);
        Box::pin(tokio::time::sleep_until(until))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_represents_times_before_the_start_and_sleeps_no_longer_for_that() {
        let clock = SystemClock::default();
        let start = clock.elapsed();
        let day = Duration::from_secs(86_400);
        assert_eq!(start.saturating_sub(day) + day, start);
        clock.sleep_until(start + day).await;
        assert_eq!(clock.elapsed(), start + day);
    }

    #[test]
    fn no_time_has_passed_since_what_is_yet_to_come() {
        let [one, two] = [1, 2].map(|second| MonoTime::at(Duration::from_secs(second)));
        assert_eq!(two.duration_since(one), Duration::from_secs(1));
        assert_eq!(one.duration_since(two), Duration::ZERO);
        assert_eq!(one.checked_duration_since(two), None);
    }
}
