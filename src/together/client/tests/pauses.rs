//! A server that is asked too much: the key is left alone for a while.

use super::*;

#[tokio::test]
async fn a_429_or_503_without_a_retry_after_silences_the_key_for_a_while() {
    for status in [429, 503] {
        let server = Server::start(move |_| answer(status, &[], "")).await;
        let limits = Limits {
            qps: 5.0,
            ..limits()
        };
        let api = client(&server, limits).with_key(&key());
        let error = api.list_page(&query()).await.unwrap_err();
        let wait = error.retry_after().unwrap_or_default();
        assert!(!wait.is_zero() && wait <= Duration::from_secs(1), "{error}");
        assert!(!api.paused().is_zero());
    }
}

#[tokio::test]
async fn a_429_silences_the_key_until_its_limit_is_reset() {
    let server = Server::start(|_| answer(429, &[("x-ratelimit-reset", "600")], "")).await;
    let client = client(&server, limits());
    for api in [client.with_key(&key()), client.with_key(&key())] {
        let error = api.list_page(&query()).await.unwrap_err();
        assert_eq!(error.reason().as_str(), "RateLimited");
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn other_failures_silence_no_key() {
    for status in [401, 403, 404, 408, 500, 502, 504] {
        let server = Server::start(move |_| answer(status, &[], "")).await;
        let api = keyed(&server);
        let error = api.list_page(&query()).await.unwrap_err();
        assert_eq!(error.retry_after(), None, "{status}");
        assert_eq!(api.paused(), Duration::ZERO, "{status}");
    }
}
