//! One token bucket per API key, shared by all its users.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use leaky_bucket::RateLimiter;
use tokio::time::Instant;

use super::{
    backoff::backoff,
    error::{Error, TransportError},
};

/// If the API rate-limits a key without a Retry-After, the key pauses for the time of this many requests, at most for
/// `FIRST_PAUSE`. The pause doubles each time in a row, up to the time of that many requests, at most `LONGEST_PAUSE`.
const FIRST_PAUSE_CALLS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE_CALLS: u32 = 300;
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// The rate of one key.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rate {
    /// Time per request.
    pub(crate) interval: Duration,
    /// Burst of requests.
    pub(crate) burst: u32,
}

/// The rate limit of one key.
pub(crate) struct Budget {
    limiter: RateLimiter,
    /// When it will be as good as new if it is not used.
    rested: Mutex<Instant>,
    pause: Mutex<Pause>,
    rate: Rate,
    key: [u8; 32],
}

/// How long no request is sent.
struct Pause {
    until: Instant,
    /// The cause.
    error: Error,
    /// How often in a row the API rate-limited the key without a Retry-After.
    refusals: u32,
}

impl Budget {
    fn new(rate: Rate, key: [u8; 32]) -> Self {
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
            pause: Mutex::new(Pause {
                until: now,
                error: Error::RateLimited { retry_after: None },
                refusals: 0,
            }),
            rate,
            key,
        }
    }

    /// Waits until a request may be sent.
    ///
    /// # Errors
    /// The API's last rate limit error, at once, while the key pauses because of it.
    pub(crate) async fn take(&self) -> Result<(), Error> {
        self.check_pause()?;
        self.limiter.acquire_one().await;
        // Another request of this key may have been rate-limited meanwhile.
        self.check_pause()?;
        let refill = self.rate.interval.saturating_mul(self.rate.burst);
        *lock(&self.rested) = Instant::now() + refill;
        Ok(())
    }

    /// Processes the result of a request. If the API asks for a pause (429 with or without Retry-After, 503 without
    /// one), no request is sent for that long, and the error contains the time.
    pub(crate) fn record<T>(&self, answer: Result<T, Error>) -> Result<T, Error> {
        match answer {
            Ok(answer) => {
                lock(&self.pause).refusals = 0;
                Ok(answer)
            }
            Err(Error::RateLimited {
                retry_after: Some(time),
            }) => {
                self.pause(time);
                answer
            }
            Err(
                error @ (Error::RateLimited { retry_after: None }
                | Error::Unavailable {
                    cause: TransportError::Status(503),
                    retry_after: None,
                }),
            ) => {
                let time = self.back_off(&error);
                Err(waits(&error, time))
            }
            Err(error) => Err(error),
        }
    }

    /// Pauses all requests for this time.
    pub(crate) fn pause(&self, time: Duration) {
        self.pause_for(time, Error::RateLimited { retry_after: None });
    }

    /// How long requests are paused.
    pub(crate) fn paused(&self) -> Duration {
        lock(&self.pause)
            .until
            .saturating_duration_since(Instant::now())
    }

    /// Pauses all requests for longer than the last time. Returns for how long.
    fn back_off(&self, error: &Error) -> Duration {
        let left = self.paused();
        if !left.is_zero() {
            // This request was in flight when another one was rate-limited.
            return left;
        }
        let refusals = {
            let mut pause = lock(&self.pause);
            pause.refusals = pause.refusals.saturating_add(1);
            pause.refusals - 1
        };
        let time = backoff(
            self.calls(FIRST_PAUSE_CALLS).min(FIRST_PAUSE),
            self.longest_pause(),
            refusals,
            &self.key,
        );
        self.pause_for(time, error.clone());
        time
    }

    fn longest_pause(&self) -> Duration {
        self.calls(LONGEST_PAUSE_CALLS).min(LONGEST_PAUSE)
    }

    /// The time of this many requests.
    fn calls(&self, calls: u32) -> Duration {
        self.rate.interval.saturating_mul(calls)
    }

    fn pause_for(&self, time: Duration, error: Error) {
        let until = Instant::now() + time;
        let mut pause = lock(&self.pause);
        if until > pause.until {
            (pause.until, pause.error) = (until, error);
        }
    }

    fn check_pause(&self) -> Result<(), Error> {
        let pause = lock(&self.pause);
        let left = pause.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            Ok(())
        } else {
            Err(waits(&pause.error, left))
        }
    }

    /// Whether dropping it loses nothing. Rate limits in a row are remembered beyond the pause, until the next request
    /// after it has most likely been sent.
    fn as_new(&self) -> bool {
        let now = Instant::now();
        let pause = lock(&self.pause);
        let remembered = if pause.refusals > 0 {
            self.longest_pause()
        } else {
            Duration::ZERO
        };
        *lock(&self.rested) <= now && pause.until + remembered <= now
    }
}

/// The same error with this wait.
fn waits(error: &Error, wait: Duration) -> Error {
    let retry_after = Some(wait);
    match error {
        Error::Unavailable { cause, .. } => Error::Unavailable {
            cause: *cause,
            retry_after,
        },
        _ => Error::RateLimited { retry_after },
    }
}

/// The rate limits of all keys in use, by the key's fingerprint.
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

    /// The key's rate limit. For each new key, unused ones are dropped if a new one would be equivalent.
    pub(crate) fn of(&self, fingerprint: [u8; 32]) -> Arc<Budget> {
        let mut by_key = lock(&self.by_key);
        let matters = |budget: &Arc<Budget>| Arc::strong_count(budget) > 1 || !budget.as_new();
        if let Some(budget) = by_key.get(&fingerprint).filter(|budget| matters(budget)) {
            return Arc::clone(budget);
        }
        by_key.retain(|_, budget| matters(budget));
        let budget = Arc::new(Budget::new(self.rate, fingerprint));
        by_key.insert(fingerprint, Arc::clone(&budget));
        budget
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
