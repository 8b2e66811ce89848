//! How far the API's clock is ahead of ours, from the `Date` of its answers.

use std::sync::{Arc, Mutex, PoisonError};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use reqwest::header::{AGE, DATE, HeaderMap};

/// A `Date` further off than this says nothing of a clock.
const MAX: SignedDuration = SignedDuration::from_hours(24);
/// From here on people are told.
const LARGE: SignedDuration = SignedDuration::from_mins(5);
/// Samples that differ by more than this mean that a clock was set: there is nothing to smooth.
const STEP: SignedDuration = SignedDuration::from_secs(5);
/// What one more sample weighs.
const WEIGHT: i32 = 8;

/// The skew of one server, as far as it is known. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Skew(Arc<Mutex<Option<SignedDuration>>>);

impl Skew {
    /// How far the API's clock is ahead of ours (negative: behind); `None`: not known.
    #[must_use]
    pub fn get(&self) -> Option<SignedDuration> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes in the headers of a good answer to what was asked and answered at these times of ours.
    pub(super) fn note(&self, headers: &HeaderMap, asked: Timestamp, answered: Timestamp) {
        let Some(sample) = date(headers).and_then(|date| sample(date, asked, answered)) else {
            return;
        };
        let mut skew = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let next = smoothed(*skew, sample);
        let large = |skew: SignedDuration| skew.abs() > LARGE;
        if large(next) && !skew.is_some_and(large) {
            tracing::warn!(
                seconds = next.as_secs(),
                "the API's clock and this machine's differ by more than five minutes: see that this machine's time is synchronised; retention goes by the API's"
            );
        }
        *skew = Some(next);
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

/// What one answer tells: its `Date`, half a second later (it shows whole seconds only), less the middle of the call.
/// `None` where that is no clock's error.
fn sample(date: Timestamp, asked: Timestamp, answered: Timestamp) -> Option<SignedDuration> {
    let lasted = answered.duration_since(asked);
    if lasted.is_negative() {
        return None;
    }
    let middle = asked.checked_add(lasted / 2).ok()?;
    let skew = date.duration_since(middle) + SignedDuration::from_millis(500);
    (skew.abs() <= MAX).then_some(skew)
}

fn smoothed(before: Option<SignedDuration>, sample: SignedDuration) -> SignedDuration {
    match before {
        Some(before) if (sample - before).abs() <= STEP => before + (sample - before) / WEIGHT,
        _ => sample,
    }
}

#[cfg(test)]
mod tests;
