//! The API's clock, measured by the `Date` header of its responses. Times from the API are compared with it.

use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use reqwest::header::{AGE, DATE, HeaderMap};

use crate::clock::{Clock, MonoTime};

/// If the clocks differ by more than this, one of them is wrong, and it is unknown which.
const MAX: SignedDuration = SignedDuration::from_hours(24);
/// A difference of this much is logged.
const LARGE: SignedDuration = SignedDuration::from_mins(5);
/// If samples differ by more than this, a clock was set, so they are not smoothed.
const STEP: SignedDuration = SignedDuration::from_secs(5);
/// If the node's two clocks differ by more than this over one request, the wall clock was set.
const SET: SignedDuration = SignedDuration::from_secs(1);
/// The weight of a new sample.
const WEIGHT: i32 = 8;

/// An instant on both clocks of the node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The wall-clock time.
    pub(crate) day: Timestamp,
    /// The monotonic time.
    pub(crate) elapsed: MonoTime,
}

impl Moment {
    /// Now, by `clock`.
    pub(crate) fn of(clock: &dyn Clock) -> Self {
        Self {
            day: clock.now(),
            elapsed: clock.elapsed(),
        }
    }
}

/// What is known about the API's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApiClock {
    /// No response so far, or the API sends no `Date`. The node's clock is used instead.
    #[default]
    Unknown,
    /// The clock is known.
    Known {
        /// How far it is ahead of the node's (negative: behind).
        ahead: SignedDuration,
        /// Its time when the monotonic clock was zero, so that it does not depend on the node's wall clock.
        zero: Timestamp,
    },
    /// It differs from the node's clock by more than a day. One of them is wrong, and it is unknown which.
    Doubtful {
        /// Its time when the monotonic clock was zero. Right or wrong, the API's times follow it.
        zero: Timestamp,
    },
}

impl ApiClock {
    /// The API's time when the node's clocks show `day` and `elapsed`; `None` if it is unknown.
    #[must_use]
    pub fn time(self, day: Timestamp, elapsed: MonoTime) -> Option<Timestamp> {
        match self {
            Self::Unknown => Some(day),
            Self::Known { zero, .. } => zero.checked_add(elapsed.since_zero()).ok(),
            Self::Doubtful { .. } => None,
        }
    }

    /// The time on the API's own clock at `elapsed`, right or wrong, for comparisons with other times of the API.
    /// `None` if it is unknown.
    #[must_use]
    pub fn time_at(self, elapsed: MonoTime) -> Option<Timestamp> {
        match self {
            Self::Unknown => None,
            Self::Known { zero, .. } | Self::Doubtful { zero } => {
                zero.checked_add(elapsed.since_zero()).ok()
            }
        }
    }

    fn ahead(self) -> Option<SignedDuration> {
        match self {
            Self::Known { ahead, .. } => Some(ahead),
            Self::Unknown | Self::Doubtful { .. } => None,
        }
    }
}

/// What is known about the clock of one server. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Skew(Arc<Mutex<ApiClock>>);

impl Skew {
    /// How far the API's clock is ahead of the node's (negative: behind); `None` if unknown.
    #[must_use]
    pub fn get(&self) -> Option<SignedDuration> {
        self.clock().ahead()
    }

    /// What is known about the API's clock.
    #[must_use]
    pub fn clock(&self) -> ApiClock {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Processes the headers of a successful response, with the instants of request and response.
    pub(crate) fn note(&self, headers: &HeaderMap, asked: Moment, answered: Moment) {
        let Some(sample) = date(headers).and_then(|date| sample(date, asked, answered)) else {
            return;
        };
        let mut clock = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = next(*clock, sample, answered);
        warn(*clock, next);
        *clock = next;
    }
}

/// The new state after a response that shows how far the API's clock is ahead, received at `answered`.
fn next(before: ApiClock, sample: SignedDuration, answered: Moment) -> ApiClock {
    let ahead = smoothed(before.ahead(), sample);
    let now = answered.day.checked_add(ahead);
    let zero = now.and_then(|now| now.checked_sub(answered.elapsed.since_zero()));
    match zero {
        Ok(zero) if sample.abs() <= MAX => ApiClock::Known { ahead, zero },
        Ok(zero) => ApiClock::Doubtful { zero },
        // No clock shows such a time.
        Err(_) => before,
    }
}

/// Logs when the two clocks begin to differ by much.
fn warn(before: ApiClock, after: ApiClock) {
    let large = |clock: ApiClock| clock.ahead().is_some_and(|ahead| ahead.abs() > LARGE);
    let doubtful = |clock| matches!(clock, ApiClock::Doubtful { .. });
    if doubtful(after) && !doubtful(before) {
        tracing::warn!(
            "the node's clock and the Date header of the Together API differ by more than a day. No mirror expires until they agree. Check that the node's clock is synchronized"
        );
    } else if large(after) && !large(before) {
        tracing::warn!(
            seconds = after.ahead().unwrap_or_default().as_secs(),
            "the clocks of the node and of the Together API differ by more than five minutes. Retention uses the API's clock. Check that the node's clock is synchronized"
        );
    }
}

/// The `Date` of a response that does not come from a cache.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    if headers.contains_key(AGE) {
        return None;
    }
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Timestamp::try_from(date).ok()
}

/// The sample of one response: its `Date` plus half a second, because it has whole seconds, minus the middle of the
/// request. `None` if the node's clock was set meanwhile.
fn sample(date: Timestamp, asked: Moment, answered: Moment) -> Option<SignedDuration> {
    let lasted = answered.day.duration_since(asked.day);
    let waited =
        SignedDuration::try_from(answered.elapsed.checked_duration_since(asked.elapsed)?).ok()?;
    if (lasted - waited).abs() > SET {
        return None;
    }
    let middle = asked.day.checked_add(waited / 2).ok()?;
    Some(date.duration_since(middle) + SignedDuration::from_millis(500))
}

fn smoothed(before: Option<SignedDuration>, sample: SignedDuration) -> SignedDuration {
    match before {
        Some(before) if (sample - before).abs() <= STEP => before + (sample - before) / WEIGHT,
        _ => sample,
    }
}

#[cfg(test)]
mod tests;
