//! The API's clock, from the `Date` of its answers: times that the API gave are judged by it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

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
    Doubtful,
}

impl ApiClock {
    /// The API's time of day when our clocks show `day` and `elapsed` (monotonic); `None`: nobody knows it.
    #[must_use]
    pub fn time(self, day: Timestamp, elapsed: Duration) -> Option<Timestamp> {
        match self {
            Self::Untold => Some(day),
            Self::Known { zero, .. } => zero.checked_add(elapsed).ok(),
            Self::Doubtful => None,
        }
    }

    /// The same where the API has told it, when our monotonic clock shows `elapsed`.
    #[must_use]
    pub fn told(self, elapsed: Duration) -> Option<Timestamp> {
        let Self::Known { zero, .. } = self else {
            return None;
        };
        zero.checked_add(elapsed).ok()
    }

    fn ahead(self) -> Option<SignedDuration> {
        match self {
            Self::Known { ahead, .. } => Some(ahead),
            Self::Untold | Self::Doubtful => None,
        }
    }
}

/// What one answer says of the API's clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sample {
    /// How far it is ahead of ours.
    Ahead(SignedDuration),
    /// Further than any clock should be.
    TooFar,
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

/// What is known after `sample`, which was `answered` then.
fn next(before: ApiClock, sample: Sample, answered: Moment) -> ApiClock {
    let Sample::Ahead(sample) = sample else {
        return ApiClock::Doubtful;
    };
    let ahead = smoothed(before.ahead(), sample);
    let zero = answered.day + ahead;
    zero.checked_sub(answered.elapsed)
        .map_or(ApiClock::Doubtful, |zero| ApiClock::Known { ahead, zero })
}

/// Tells the log when the two clocks begin to differ by much.
fn warn(before: ApiClock, after: ApiClock) {
    let large = |clock: ApiClock| clock.ahead().is_some_and(|ahead| ahead.abs() > LARGE);
    if after == ApiClock::Doubtful && before != after {
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
fn sample(date: Timestamp, asked: Moment, answered: Moment) -> Option<Sample> {
    let lasted = answered.day.duration_since(asked.day);
    let waited = SignedDuration::try_from(answered.elapsed.checked_sub(asked.elapsed)?).ok()?;
    if (lasted - waited).abs() > SET {
        return None;
    }
    let middle = asked.day.checked_add(waited / 2).ok()?;
    let skew = date.duration_since(middle) + SignedDuration::from_millis(500);
    Some(if skew.abs() <= MAX {
        Sample::Ahead(skew)
    } else {
        Sample::TooFar
    })
}

fn smoothed(before: Option<SignedDuration>, sample: SignedDuration) -> SignedDuration {
    match before {
        Some(before) if (sample - before).abs() <= STEP => before + (sample - before) / WEIGHT,
        _ => sample,
    }
}

#[cfg(test)]
mod tests;
