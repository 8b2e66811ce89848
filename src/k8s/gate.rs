//! What every call to the cluster passes: a server that asks for patience is left alone, a replica that does not lead
//! begins no write, and nothing is waited for without end.

use std::{sync::Arc, time::Duration};

use leaky_bucket::RateLimiter;

use crate::k8s::{api::ClusterError, leadership::Leadership, throttle::Patience};

/// How long one call may take before it counts as failed; its effect is then unknown, and the fence makes that safe.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a call is made that the server is too busy for: it was not carried out then.
const TRIES: usize = 4;

/// The way to the cluster of one replica.
#[derive(Clone)]
pub struct Gate {
    patience: Patience,
    bucket: Option<Arc<RateLimiter>>,
    leadership: Leadership,
}

impl Gate {
    /// A gate that lets writes to mirrors pass at the rate of `bucket` (writes a second; `None`: no limit), and writes of
    /// any kind while this replica leads; `patience`: what the server asked for.
    #[must_use]
    pub fn new(
        patience: Patience,
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
    /// [`ClusterError::Unavailable`] where this replica does not lead or no answer came within 30 s, else what `call` failed
    /// with.
    pub async fn write<T, E, F>(&self, call: impl Fn() -> F + Send) -> Result<T, ClusterError>
    where
        E: Into<ClusterError>,
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
    pub async fn write_now<T, E, F>(&self, call: impl Fn() -> F + Send) -> Result<T, ClusterError>
    where
        E: Into<ClusterError>,
        F: Future<Output = Result<T, E>> + Send,
    {
        self.pass(|| self.leadership.holds(), call).await
    }

    /// Makes a call that changes nothing.
    ///
    /// # Errors
    /// [`ClusterError::Unavailable`] where no answer came within 30 s, else what `call` failed with.
    pub async fn read<T, E, F>(&self, call: impl Fn() -> F + Send) -> Result<T, ClusterError>
    where
        E: Into<ClusterError>,
        F: Future<Output = Result<T, E>> + Send,
    {
        self.pass(|| true, call).await
    }

    /// Makes a call, as soon as the server may be asked and if it still `may` be made then.
    async fn pass<T, E, F>(
        &self,
        may: impl Fn() -> bool + Send,
        call: impl Fn() -> F + Send,
    ) -> Result<T, ClusterError>
    where
        E: Into<ClusterError>,
        F: Future<Output = Result<T, E>> + Send,
    {
        let mut tries = 1;
        loop {
            self.patience.wait().await;
            if !may() {
                return Err(ClusterError::Unavailable(
                    "this replica does not lead any more".to_owned(),
                ));
            }
            let answer = tokio::time::timeout(CALL_TIMEOUT, call()).await;
            match answer.map(|answer| answer.map_err(Into::into)) {
                Ok(Err(ClusterError::Busy(_))) if tries < TRIES => tries += 1,
                Ok(answer) => return answer,
                Err(_) => {
                    return Err(ClusterError::Unavailable(
                        "no answer within 30 s".to_owned(),
                    ));
                }
            }
        }
    }
}
