//! What every call to the cluster passes: a server that asks for patience is left alone, a replica that does not lead
//! begins no write, and nothing is waited for without end.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    sync::Arc,
    time::Duration,
};

use leaky_bucket::RateLimiter;

use crate::k8s::{api::KubeApiError, leadership::Leadership, throttle::RetryAfterGate};

/// How long one call may take before it counts as failed; its effect is then unknown, and the fence makes that safe.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a call is made that the server is too busy for: it was not carried out then.
const TRIES: u32 = 4;
/// How often a call is made that other writes keep the server from: by then they had about two seconds to get through.
const CONTENDED_TRIES: u32 = 6;
/// The first pause before such a call is made again; each one doubles.
const CONTENDED_PAUSE: Duration = Duration::from_millis(100);

/// The way to the cluster of one replica.
#[derive(Clone)]
pub struct Gate {
    patience: RetryAfterGate,
    bucket: Option<Arc<RateLimiter>>,
    leadership: Leadership,
}

impl Gate {
    /// A gate that lets writes to mirrors pass at the rate of `bucket` (writes a second; `None`: no limit), and writes of
    /// any kind while this replica leads; `patience`: what the server asked for.
    #[must_use]
    pub fn new(
        patience: RetryAfterGate,
        bucket: Option<Arc<RateLimiter>>,
        leadership: Leadership,
    ) -> Self {
        Self {
            patience,
            bucket,
            leadership,
        }
    }

    /// Makes a write to a mirror.
    ///
    /// # Errors
    /// [`KubeApiError::Unavailable`] where this replica does not lead or no answer came within 30 s, else what `call` failed
    /// with.
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

    /// Makes a write that need not wait for the bucket.
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

    /// Makes a call that changes nothing.
    ///
    /// # Errors
    /// [`KubeApiError::Unavailable`] where no answer came within 30 s, else what `call` failed with.
    pub async fn read<T, E, F>(&self, call: impl Fn() -> F + Send) -> Result<T, KubeApiError>
    where
        E: Into<KubeApiError>,
        F: Future<Output = Result<T, E>> + Send,
    {
        self.pass(|| true, call).await
    }

    /// Makes a call, as soon as the server may be asked and if it still `may` be made then.
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
            self.patience.wait().await;
            if !may() {
                return Err(KubeApiError::Unavailable(
                    "this replica does not lead any more".to_owned(),
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
                        "no answer within 30 s".to_owned(),
                    ));
                }
            }
        }
    }
}

/// Between a half and all of a pause that doubles with each time: writes that kept each other out do not all come back
/// together.
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

    /// What a call comes to that fails so in its first `times` times, and how often it was made.
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
