//! What the network and the server may do to a call.

use axum::{
    body::{Body, Bytes},
    http::Response,
};
use futures::stream::{self, StreamExt};
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::*;
use crate::together::metrics;

const SHORT: Duration = Duration::from_millis(200);

/// Far longer than a test takes.
const LONG: Duration = Duration::from_secs(3600);

async fn failure(api: &KeyedClient) -> Error {
    let query = query();
    let call = api.list_page(&query);
    let error = tokio::time::timeout(Duration::from_secs(20), call)
        .await
        .unwrap()
        .unwrap_err();
    let shown = format!("{error} {error:?}");
    for hidden in [KEY, "127.0.0.1", "http:", "clusters", "body-marker"] {
        assert!(!shown.contains(hidden), "{shown}");
    }
    error
}

/// The next call fails so.
async fn fails_by(client: &Client, cause: Cause) {
    let (cause, retry_after) = (TransportError::Connection(cause), None);
    let failed = failure(&client.with_key(&key())).await;
    assert_eq!(failed, Error::Unavailable { cause, retry_after });
}

/// The client of a server that accepts one connection, sends these bytes and closes it.
async fn answered_with(bytes: &'static [u8]) -> Client {
    let (listener, url) = listener().await;
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        stream.write_all(bytes).await.unwrap();
    });
    client_of(&url, limits())
}

fn stalled() -> Response<Body> {
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
    answer(200, &[], Body::from_stream(first.chain(stream::pending())))
}

#[tokio::test]
async fn silence_and_a_body_that_never_ends_are_timeouts_by_either_limit() {
    let server = Server::start(|_| stalled()).await;
    let (_listener, unanswered) = listener().await;
    for (url, read_timeout, total_timeout) in [
        (&server.url, SHORT, LONG),
        (&server.url, LONG, SHORT),
        (&unanswered, SHORT, LONG),
    ] {
        let limits = Limits {
            read_timeout,
            total_timeout,
            ..limits()
        };
        fails_by(&client_of(url, limits), Cause::TimedOut).await;
    }
}

#[tokio::test]
async fn a_body_without_end_meets_the_cap() {
    let server = Server::start(|_| {
        let chunk = || Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 1024]));
        answer(200, &[], Body::from_stream(stream::repeat_with(chunk)))
    })
    .await;
    let limit = 64 << 10;
    let client = client(&server, capped(limit));
    let failed = failure(&client.with_key(&key())).await;
    assert_eq!(failed, Error::TooLarge { limit });
}

fn capped(max_body: usize) -> Limits {
    Limits {
        max_body,
        ..limits()
    }
}

#[tokio::test]
async fn a_body_of_just_the_cap_is_read() {
    let server = Server::start(|_| json(200, EMPTY)).await;
    for (max_body, fits) in [(EMPTY.len(), true), (EMPTY.len() - 1, false)] {
        let api = client(&server, capped(max_body)).with_key(&key());
        assert_eq!(api.list_page(&query()).await.is_ok(), fits);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|_| json(200, EMPTY)).await;
    let to = elsewhere.url.clone();
    let server = Server::start(move |_| answer(307, &[("location", &to)], "")).await;
    let error = failure(&keyed(&server)).await;
    assert_eq!(error, Error::InvalidResponse(DecodeError::Redirect(307)));
    assert_eq!((server.seen().len(), elsewhere.seen().len()), (1, 0));
}

#[tokio::test]
async fn nothing_is_tried_twice() {
    for status in [408, 409, 429, 500, 502, 503] {
        let server =
            Server::start(move |_| answer(status, &[("retry-after", "3")], "body-marker")).await;
        let error = failure(&keyed(&server)).await;
        assert!(error.retryable());
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)));
        assert_eq!(server.seen().len(), 1);
    }
}

#[tokio::test]
async fn a_body_that_is_no_page_is_an_error_without_its_text() {
    for body in [
        "<html>body-marker</html>",
        r#"{"remediations":"body-marker","has_next":false}"#,
        r#"{"error":{"message":"body-marker"}}"#,
        "",
    ] {
        let server = Server::start(move |_| answer(200, &[], body)).await;
        let reason = failure(&keyed(&server)).await.reason();
        assert_eq!(reason.as_str(), "InvalidResponse", "{body}");
    }
}

#[tokio::test]
async fn a_cut_connection_is_no_page() {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"remediations\":[],\"has_next\":false}";
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n24\r\n{\"remediations\":[],\"has_next\":false}\r\n";
    for bytes in [&head[..], &chunked[..], b"HTTP/1.1 200", b""] {
        fails_by(&answered_with(bytes).await, Cause::ConnectionCut).await;
    }
}

#[tokio::test]
async fn what_is_no_http_is_a_protocol_error() {
    // an alert of TLS, and the greeting of SSH
    for bytes in [&b"\x15\x03\x01\x00\x02\x02\x46"[..], b"SSH-2.0-x\r\n"] {
        fails_by(&answered_with(bytes).await, Cause::ProtocolError).await;
    }
}

#[tokio::test]
async fn a_refused_connection_is_named() {
    let (listener, url) = listener().await;
    drop(listener);
    fails_by(&client_of(&url, limits()), Cause::ConnectionRefused).await;
}

#[tokio::test]
async fn a_base_of_https_speaks_no_http() {
    let server = Server::start(|_| json(200, EMPTY)).await;
    let url = server.url.replace("http://", "https://");
    let base = BaseUrl::parse(&url, false).unwrap();
    let client = Client::new(base, limits(), None).unwrap();
    fails_by(&client, Cause::ProtocolError).await;
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_call_without_an_answer_is_counted_by_its_cause() {
    for (bytes, cause) in [
        (&b""[..], "connection_cut"),
        (b"SSH-2.0-x\r\n", "protocol_error"),
    ] {
        let client = answered_with(bytes).await;
        failure(&client.with_key(&key())).await;
        let mut registry = Registry::default();
        metrics::register(&mut registry, &client);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let counted = text
            .lines()
            .filter(|line| line.starts_with("api_calls_total"));
        let host = client.host();
        let line = format!(r#"api_calls_total{{api_host="{host}",status="{cause}"}} 1"#);
        assert_eq!(counted.collect::<Vec<_>>(), [&*line]);
    }
}
