//! Honors the API server's Retry-After (429, priority and fairness) for all requests. kube's own retries are per
//! request: the others would go on while the API server asks for a pause.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use hyper::{HeaderMap, Response, StatusCode, header::RETRY_AFTER};
use kube::{Client, Config};
use tokio::time::Instant;
use tower::util::MapResponseLayer;

use super::{connect, signature::signing};

/// The wait if the API server names none.
const SHORTEST: Duration = Duration::from_secs(1);
/// Maximum wait, whatever the API server says: stale mirrors must be noticed meanwhile.
const LONGEST: Duration = Duration::from_secs(30);

/// Until when no request is sent. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct RetryAfterGate(Arc<Mutex<Option<Instant>>>);

impl RetryAfterGate {
    /// A client whose responses are checked for Retry-After.
    ///
    /// # Errors
    /// If the configuration is invalid.
    pub fn client(&self, config: Config) -> kube::Result<Client> {
        let gate = self.clone();
        let note_retry_after = move |response: Response<_>| {
            if response.status() == StatusCode::TOO_MANY_REQUESTS {
                gate.hold(retry_after(response.headers()));
            }
            response
        };
        Ok(connect::builder(config)?
            .with_layer(&MapResponseLayer::new(note_retry_after))
            .with_layer(&signing())
            .build())
    }

    /// Waits until a request may be sent.
    pub async fn wait(&self) {
        loop {
            let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
            match until {
                Some(until) if until > Instant::now() => tokio::time::sleep_until(until).await,
                _ => return,
            }
        }
    }

    pub(crate) fn hold(&self, wait: Duration) {
        let until = Some(Instant::now() + wait);
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *latest = (*latest).max(until);
    }
}

/// The wait that a response asks for.
fn retry_after(headers: &HeaderMap) -> Duration {
    let named = headers
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let seconds = named.and_then(|value| value.parse().ok());
    seconds
        .map_or(SHORTEST, Duration::from_secs)
        .clamp(SHORTEST, LONGEST)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use hyper::header::HeaderValue;

    use super::*;

    #[test]
    fn the_wait_is_the_servers_within_bounds() {
        for (value, seconds) in [
            (None, 1),
            (Some("0"), 1),
            (Some("7"), 7),
            (Some("3600"), 30),
            (Some("soon"), 1),
            (Some("99999999999999999999999"), 1),
        ] {
            let mut headers = HeaderMap::new();
            if let Some(value) = value {
                headers.insert(RETRY_AFTER, HeaderValue::from_str(value).unwrap());
            }
            assert_eq!(retry_after(&headers).as_secs(), seconds, "{value:?}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn everybody_waits_for_the_longest() {
        let gate = RetryAfterGate::default();
        let begun = Instant::now();
        gate.wait().await;
        assert_eq!(begun.elapsed(), Duration::ZERO);
        gate.hold(Duration::from_secs(7));
        gate.hold(Duration::from_secs(2));
        let other = gate.clone();
        tokio::join!(gate.wait(), other.wait());
        assert_eq!(begun.elapsed().as_secs(), 7);
    }
}
