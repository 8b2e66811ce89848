//! An API key that the Together API refused, or asked to wait with, is left alone for a while; another one is tried at once.

use std::time::Duration;

use super::schedule::{Cadence, after_refusal};
use crate::together::{ApiKey, Error};

/// The key that is left alone, if there is one.
#[derive(Debug, Default)]
pub(crate) struct KeyBackoff(Option<Refusal>);

#[derive(Debug)]
struct Refusal {
    key: [u8; 32],
    error: Error,
    /// Refusals in a row before this one; errors that a retry may end do not count.
    times: u32,
    /// Monotonic.
    until: Duration,
}

impl KeyBackoff {
    /// Whether `key` may be used `now` (monotonic).
    ///
    /// # Errors
    /// The last error of a key that is left alone.
    pub(crate) fn check(&self, key: &ApiKey, now: Duration) -> Result<(), Error> {
        match &self.0 {
            Some(refusal) if refusal.key == key.fingerprint() && now < refusal.until => {
                Err(refusal.error.clone())
            }
            _ => Ok(()),
        }
    }

    /// A listing with this key failed `now` (monotonic); `rest`: how long its calls keep the next one waiting.
    pub(crate) fn failed(
        &mut self,
        key: &ApiKey,
        error: &Error,
        cadence: &Cadence,
        (rest, now): (Option<Duration>, Duration),
    ) {
        let key = key.fingerprint();
        let before = self.0.take().filter(|refusal| refusal.key == key);
        let times = before.map_or(0, |refusal| refusal.times + 1);
        let wait = if error.retryable() {
            error.retry_after().into_iter().chain(rest).max()
        } else {
            Some(after_refusal(cadence.interval, times).max(rest.unwrap_or_default()))
        };
        self.0 = wait.map(|wait| Refusal {
            key,
            error: error.clone(),
            times: if error.retryable() { 0 } else { times },
            until: now + wait,
        });
    }

    /// A listing was complete.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }

    /// Forgets a refusal, because a person asks for a sync; a Retry-After still holds.
    pub(crate) fn try_again(&mut self) {
        self.0.take_if(|refusal| !refusal.error.retryable());
    }
}
