//! A rejected or rate-limited API key is not used for a while. Another key is used at once.

use std::time::Duration;

use super::schedule::{Cadence, after_refusal};
use crate::{
    clock::MonoTime,
    together::{ApiKey, Error},
};

/// The key that is not used for now, if any.
#[derive(Debug, Default)]
pub(crate) struct KeyBackoff(Option<Refusal>);

#[derive(Debug)]
struct Refusal {
    key: [u8; 32],
    error: Error,
    /// Rejections in a row before this one. Errors that a retry may fix do not count.
    times: u32,
    /// Until then it is not used.
    until: MonoTime,
}

impl KeyBackoff {
    /// Whether `key` may be used `now`.
    ///
    /// # Errors
    /// The last error of a key that is not used for now.
    pub(crate) fn check(&self, key: &ApiKey, now: MonoTime) -> Result<(), Error> {
        match &self.0 {
            Some(refusal) if refusal.key == key.fingerprint() && now < refusal.until => {
                Err(refusal.error.clone())
            }
            _ => Ok(()),
        }
    }

    /// A list with this key failed `now`; `rest` is how long its requests delay the next list.
    pub(crate) fn failed(
        &mut self,
        key: &ApiKey,
        error: &Error,
        cadence: &Cadence,
        (rest, now): (Option<Duration>, MonoTime),
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

    /// A list is complete.
    pub(crate) fn clear(&mut self) {
        self.0 = None;
    }

    /// Forgets a rejection, because a person requested a sync. A Retry-After is still honored.
    pub(crate) fn try_again(&mut self) {
        self.0.take_if(|refusal| !refusal.error.retryable());
    }
}
