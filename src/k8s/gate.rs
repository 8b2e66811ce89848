//! The gate for every request to the API server: it honors Retry-After, starts no write unless this replica leads, and
//! limits every wait.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use leaky_bucket::RateLimiter;

use crate::k8s::{error::KubeApiError, leadership::Leadership, throttle::RetryAfterGate};

/// Timeout of one request. Its effect is unknown then, which the fence makes safe.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Attempts of a request while the API server is throttling: it had no effect then.
const TRIES: u32 = 4;
/// Attempts of a request that conflicts with other writes, spread over about two seconds.
const CONTENDED_TRIES: u32 = 6;
/// The first pause before a retry; each next one doubles.
const CONTENDED_PAUSE: Duration = Duration::from_millis(100);

/// One replica's gate to the API server.
#[derive(Clone)]
pub struct Gate {
    retry_after: RetryAfterGate,
    bucket: Option<Arc<RateLimiter>>,
    leadership: Leadership,
}

impl Gate {
    /// A gate that allows writes to mirrors at the rate of `bucket` (per second; `None`: no limit), and any write only
    /// while this replica leads; `retry_after` keeps the API server's Retry-After.
    #[must_use]
    pub fn new(
        retry_after: RetryAfterGate,
        bucket: Option<Arc<RateLimiter>>,
        leadership: Leadership,
    ) -> Self {
        Self {
            retry_after,
            bucket,
            leadership,
        }
    }

    /// Sends a write to a mirror.
    ///
    /// # Errors
    /// [`KubeApiError::Unavailable`] if this replica does not lead or there is no response within 30 s, otherwise the
    /// error of `call`.
    pub async fn write<T, E, F>(&self, call: impl Fn() -> F + Send) -> Result<T, KubeApiError>
    where
        E: Into<KubeApiError>,
        F: Future<Output = Result<T, E>> + Send,
    {
        if let Some(bucket) = &self.bucket {
            bucket.acquire_one().await;
        }
        self.write_now(call).await
    }

    /// Sends a write that is not rate-limited: a status of a `ClusterWatch`, which is rare and must not wait behind ten
    /// thousand mirrors.
    ///
    /// # Errors
    /// See [`write`](Self::write).
    pub async fn write_now<T, E, F>(&self, call: impl Fn() -> F + Send) -> Result<T, KubeApiError>
    where
        E: Into<KubeApiError>,
        F: Future<Output = Result<T, E>> + Send,
    {
        self.pass(|| self.leadership.holds(), call).await
    }

    /// Sends a request that changes nothing.
    ///
    /// # Errors
    /// [`KubeApiError::Unavailable`] if there is no response within 30 s, otherwise the error of `call`.
    pub async fn read<T, E, F>(&self, call: impl Fn() -> F + Send) -> Result<T, KubeApiError>
    where
        E: Into<KubeApiError>,
        F: Future<Output = Result<T, E>> + Send,
    {
        self.pass(|| true, call).await
    }

    /// Sends a request as soon as the API server allows it, if it `may` still be sent then.
    async fn pass<T, E, F>(
        &self,
        may: impl Fn() -> bool + Send,
        call: impl Fn() -> F + Send,
    ) -> Result<T, KubeApiError>
    where
        E: Into<KubeApiError>,
        F: Future<Output = Result<T, E>> + Send,
    {
        let (mut tries, mut contended) = (1, 0);
        loop {
            self.retry_after.wait().await;
            if !may() {
                return Err(KubeApiError::Unavailable(
                    "this replica is no longer the leader".to_owned(),
                ));
            }
            let answer = tokio::time::timeout(CALL_TIMEOUT, call()).await;
            match answer.map(|answer| answer.map_err(Into::into)) {
                Ok(Err(KubeApiError::Busy(_))) if tries < TRIES => tries += 1,
                Ok(Err(KubeApiError::Contended(_))) if contended + 1 < CONTENDED_TRIES => {
                    tokio::time::sleep(pause(contended)).await;
                    contended += 1;
                }
                Ok(answer) => return answer,
                Err(_) => {
                    return Err(KubeApiError::Unavailable(
                        "no response within 30 s".to_owned(),
                    ));
                }
            }
        }
    }
}

/// Between half and all of a pause that doubles with each attempt. The jitter keeps conflicting writes from meeting
/// again.
fn pause(times: u32) -> Duration {
    let longest = CONTENDED_PAUSE * 2_u32.saturating_pow(times);
    let random = RandomState::new().build_hasher().finish() >> 32;
    let part = f64::from(u32::try_from(random).unwrap_or_default()) / f64::from(u32::MAX);
    longest.mul_f64(0.5 + 0.5 * part)
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    };

    use super::*;
    use crate::testing::clock::TestClock;

    /// The result of a request whose first `times` attempts fail like this, and the number of attempts.
    async fn failing(times: u32, error: KubeApiError) -> (Result<(), KubeApiError>, u32) {
        let leadership = Leadership::unelected(Arc::new(TestClock::default()));
        let gate = Gate::new(RetryAfterGate::default(), None, leadership);
        let calls = AtomicU32::new(0);
        let call = async || {
            let made = calls.fetch_add(1, Ordering::SeqCst);
            if made < times {
                return Err(error.clone());
            }
            Ok(())
        };
        let came_to = gate.write(call).await;
        (came_to, calls.load(Ordering::SeqCst))
    }

    #[tokio::test(start_paused = true)]
    async fn what_other_writes_keep_out_is_tried_again_within_the_poll() {
        let contended = || KubeApiError::Contended("resourcequotas".to_owned());
        let began = tokio::time::Instant::now();
        assert_eq!(failing(5, contended()).await, (Ok(()), 6));
        assert!(began.elapsed() < Duration::from_secs(4));
        assert_eq!(failing(9, contended()).await, (Err(contended()), 6));
        for other in [KubeApiError::Conflict, KubeApiError::NotFound] {
            assert_eq!(failing(1, other.clone()).await, (Err(other), 1));
        }
    }
}
