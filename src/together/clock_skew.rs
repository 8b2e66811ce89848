//! The API's clock, from the `Date` of its answers: times that the API gave are judged by it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use reqwest::header::{AGE, DATE, HeaderMap};

use crate::clock::Clock;

/// A `Date` further off than this means that one of both clocks is wrong, and nobody knows which.
const MAX: SignedDuration = SignedDuration::from_hours(24);
/// From here on people are told.
const LARGE: SignedDuration = SignedDuration::from_mins(5);
/// Samples that differ by more than this mean that a clock was set: there is nothing to smooth.
const STEP: SignedDuration = SignedDuration::from_secs(5);
/// Our two clocks differ by more than this over one call only if somebody set one.
const SET: SignedDuration = SignedDuration::from_secs(1);
/// What one more sample weighs.
const WEIGHT: i32 = 8;

/// An instant by both of our clocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Moment {
    /// The time of day.
    pub(crate) day: Timestamp,
    /// The monotonic time.
    pub(crate) elapsed: Duration,
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

/// What is known of the API's clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ApiClock {
    /// No answer has told it yet, or the API sends no `Date`: our clock stands in for it.
    #[default]
    Untold,
    /// It is known.
    Known {
        /// How far it is ahead of ours (negative: behind).
        ahead: SignedDuration,
        /// What it showed when our monotonic clock showed zero: so it goes on whatever happens to our time of day.
        zero: Timestamp,
    },
    /// It differs from ours by more than a day: one of the two is wrong, and nobody knows which.
    Doubtful {
        /// What it showed when our monotonic clock showed zero: right or wrong, the API's times are by it.
        zero: Timestamp,
    },
}

impl ApiClock {
    /// The API's time of day when our clocks show `day` and `elapsed` (monotonic); `None`: nobody knows it.
    #[must_use]
    pub fn time(self, day: Timestamp, elapsed: Duration) -> Option<Timestamp> {
        match self {
            Self::Untold => Some(day),
            Self::Known { zero, .. } => zero.checked_add(elapsed).ok(),
            Self::Doubtful { .. } => None,
        }
    }

    /// What the API's own clock shows when our monotonic one shows `elapsed`, be it wrong or not: to compare with other times of
    /// the API. `None`: it has not told.
    #[must_use]
    pub fn told(self, elapsed: Duration) -> Option<Timestamp> {
        match self {
            Self::Untold => None,
            Self::Known { zero, .. } | Self::Doubtful { zero } => zero.checked_add(elapsed).ok(),
        }
    }

    fn ahead(self) -> Option<SignedDuration> {
        match self {
            Self::Known { ahead, .. } => Some(ahead),
            Self::Untold | Self::Doubtful { .. } => None,
        }
    }
}

/// The clock of one server, as far as it is known. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Skew(Arc<Mutex<ApiClock>>);

impl Skew {
    /// How far the API's clock is ahead of ours (negative: behind); `None`: not known.
    #[must_use]
    pub fn get(&self) -> Option<SignedDuration> {
        self.clock().ahead()
    }

    /// What is known of the API's clock.
    #[must_use]
    pub fn clock(&self) -> ApiClock {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the headers of a good answer to what was asked and answered then.
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

/// What is known after an answer that said by how much the API's clock is ahead, and was `answered` then.
fn next(before: ApiClock, sample: SignedDuration, answered: Moment) -> ApiClock {
    let ahead = smoothed(before.ahead(), sample);
    let now = answered.day.checked_add(ahead);
    let zero = now.and_then(|now| now.checked_sub(answered.elapsed));
    match zero {
        Ok(zero) if sample.abs() <= MAX => ApiClock::Known { ahead, zero },
        Ok(zero) => ApiClock::Doubtful { zero },
        // No clock shows such a time.
        Err(_) => before,
    }
}

/// Tells the log when the two clocks begin to differ by much.
fn warn(before: ApiClock, after: ApiClock) {
    let large = |clock: ApiClock| clock.ahead().is_some_and(|ahead| ahead.abs() > LARGE);
    let doubtful = |clock| matches!(clock, ApiClock::Doubtful { .. });
    if doubtful(after) && !doubtful(before) {
        tracing::warn!(
            "this machine's clock and the Date of the Together API differ by more than a day. No mirror expires until they agree. Check that this machine's time is synchronized"
        );
    } else if large(after) && !large(before) {
        tracing::warn!(
            seconds = after.ahead().unwrap_or_default().as_secs(),
            "this machine's clock and the Together API's differ by more than five minutes. Retention uses the API's. Check that this machine's time is synchronized"
        );
    }
}

/// The `Date` of an answer that no cache kept for later.
fn date(headers: &HeaderMap) -> Option<Timestamp> {
    if headers.contains_key(AGE) {
        return None;
    }
    let date = httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()?;
    Timestamp::try_from(date).ok()
}

/// What one answer tells: its `Date`, half a second later (it shows whole seconds only), less the middle of the call. `None` where
/// our own clock was set during the call.
fn sample(date: Timestamp, asked: Moment, answered: Moment) -> Option<SignedDuration> {
    let lasted = answered.day.duration_since(asked.day);
    let waited = SignedDuration::try_from(answered.elapsed.checked_sub(asked.elapsed)?).ok()?;
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
