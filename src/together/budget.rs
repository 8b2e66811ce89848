//! One token bucket a key: whoever uses the key shares it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use leaky_bucket::RateLimiter;
use tokio::time::Instant;

use super::error::Error;

/// How often a key may call.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// Time for one more call.
    pub(crate) interval: Duration,
    /// Calls that may come at once.
    pub(crate) burst: u32,
}

/// The calls that one key has left.
pub(crate) struct Budget {
    limiter: RateLimiter,
    /// When it will be as good as new, if it is left alone.
    rested: Mutex<Instant>,
    /// Until when a 429's Retry-After forbids all calls.
    paused: Mutex<Instant>,
    refill: Duration,
}

impl Budget {
    fn new(rate: Rate) -> Self {
        let burst = usize::try_from(rate.burst).unwrap_or(usize::MAX);
        let limiter = RateLimiter::builder()
            .initial(burst)
            .max(burst)
            .refill(1)
            .interval(rate.interval)
            .build();
        let now = Instant::now();
        Self {
            limiter,
            rested: Mutex::new(now),
            paused: Mutex::new(now),
            refill: rate.interval.saturating_mul(rate.burst),
        }
    }

    /// Waits until one call is free.
    ///
    /// # Errors
    /// [`Error::RateLimited`] at once while the key is under a 429's Retry-After.
    pub(crate) async fn take(&self) -> Result<(), Error> {
        self.check_pause()?;
        self.limiter.acquire_one().await;
        // another call of this key may have met a 429 meanwhile
        self.check_pause()?;
        *lock(&self.rested) = Instant::now() + self.refill;
        Ok(())
    }

    /// Forbids all calls for a time.
    pub(crate) fn pause(&self, time: Duration) {
        let mut paused = lock(&self.paused);
        *paused = (*paused).max(Instant::now() + time);
    }

    fn check_pause(&self) -> Result<(), Error> {
        let left = lock(&self.paused).saturating_duration_since(Instant::now());
        if left.is_zero() {
            Ok(())
        } else {
            Err(Error::RateLimited {
                retry_after: Some(left),
            })
        }
    }

    fn as_new(&self) -> bool {
        let now = Instant::now();
        *lock(&self.rested) <= now && *lock(&self.paused) <= now
    }
}

/// The budgets of all keys in use, by the key's fingerprint.
pub(crate) struct Budgets {
    rate: Rate,
    by_key: Mutex<HashMap<[u8; 32], Arc<Budget>>>,
}

impl Budgets {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            by_key: Mutex::default(),
        }
    }

    /// The key's one budget. Those that nobody holds are dropped once a new one would be
    /// worth the same.
    pub(crate) fn of(&self, fingerprint: [u8; 32]) -> Arc<Budget> {
        let mut by_key = lock(&self.by_key);
        by_key.retain(|_, budget| Arc::strong_count(budget) > 1 || !budget.as_new());
        let budget = by_key
            .entry(fingerprint)
            .or_insert_with(|| Arc::new(Budget::new(self.rate)));
        Arc::clone(budget)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
