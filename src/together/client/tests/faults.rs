//! What the network and the server may do to a call.

use axum::{
    body::{Body, Bytes},
    http::Response,
};
use futures::stream::{self, StreamExt};
use prometheus_client::{encoding::text::encode, registry::Registry};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

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
    let told = format!("{error} {error:?}");
    for hidden in [KEY, "127.0.0.1", "http:", "clusters", "body-marker"] {
        assert!(!told.contains(hidden), "{told}");
    }
    error
}

fn outage(cause: TransportError) -> Error {
    Error::Unavailable {
        cause,
        retry_after: None,
    }
}

/// A server that takes one connection, says these bytes and closes it.
async fn says(bytes: &'static [u8]) -> Client {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 4096];
        let _ = stream.read(&mut request).await;
        stream.write_all(bytes).await.unwrap();
    });
    let base = BaseUrl::parse(&base, true).unwrap();
    Client::new(base, limits(), None).unwrap()
}

fn stalled() -> Response<Body> {
    let first = stream::iter([Ok::<_, std::io::Error>(Bytes::from_static(b"{"))]);
    answer(200, &[], Body::from_stream(first.chain(stream::pending())))
}

#[tokio::test]
async fn silence_in_the_middle_of_a_body_is_a_timeout() {
    let server = Server::start(|_| stalled()).await;
    let client = client(
        &server,
        Limits {
            read_timeout: SHORT,
            total_timeout: LONG,
            ..limits()
        },
    );
    assert_eq!(
        failure(&client.with_key(&key())).await,
        outage(TransportError::Connection(Cause::TimedOut))
    );
}

#[tokio::test]
async fn a_body_that_never_ends_meets_the_total_limit() {
    let server = Server::start(|_| stalled()).await;
    let client = client(
        &server,
        Limits {
            read_timeout: LONG,
            total_timeout: SHORT,
            ..limits()
        },
    );
    assert_eq!(
        failure(&client.with_key(&key())).await,
        outage(TransportError::Connection(Cause::TimedOut))
    );
}

#[tokio::test]
async fn a_server_that_never_answers_is_a_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let base = BaseUrl::parse(&url, true).unwrap();
    let client = Client::new(
        base,
        Limits {
            read_timeout: SHORT,
            total_timeout: LONG,
            ..limits()
        },
        None,
    )
    .unwrap();
    assert_eq!(
        failure(&client.with_key(&key())).await,
        outage(TransportError::Connection(Cause::TimedOut))
    );
}

#[tokio::test]
async fn a_body_without_end_meets_the_cap() {
    let server = Server::start(|_| {
        let chunk = Bytes::from_static(&[b' '; 1024]);
        answer(
            200,
            &[],
            Body::from_stream(stream::repeat_with(move || {
                Ok::<_, std::io::Error>(chunk.clone())
            })),
        )
    })
    .await;
    let limit = 64 << 10;
    let client = client(
        &server,
        Limits {
            max_body: limit,
            ..limits()
        },
    );
    assert_eq!(
        failure(&client.with_key(&key())).await,
        Error::TooLarge { limit }
    );
}

#[tokio::test]
async fn a_body_of_just_the_cap_is_read() {
    let body = r#"{"remediations":[],"has_next":false}"#;
    let server = Server::start(move |_| json(200, body)).await;
    for (max_body, fits) in [(body.len(), true), (body.len() - 1, false)] {
        let client = client(
            &server,
            Limits {
                max_body,
                ..limits()
            },
        );
        assert_eq!(
            client.with_key(&key()).list_page(&query()).await.is_ok(),
            fits
        );
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let elsewhere = Server::start(|_| json(200, r#"{"remediations":[],"has_next":false}"#)).await;
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
        assert_eq!(
            (error.retry_after(), server.seen().len()),
            (Some(Duration::from_secs(3)), 1)
        );
    }
}

#[tokio::test]
async fn what_is_no_page_is_told_without_its_words() {
    for body in [
        "<html>body-marker</html>",
        r#"{"remediations":"body-marker","has_next":false}"#,
        r#"{"error":{"message":"body-marker"}}"#,
        "",
    ] {
        let server = Server::start(move |_| answer(200, &[], body)).await;
        assert_eq!(
            failure(&keyed(&server)).await.reason().as_str(),
            "InvalidResponse",
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_cut_connection_is_no_page() {
    let head =
        b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{\"remediations\":[],\"has_next\":false}";
    let chunked = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n24\r\n{\"remediations\":[],\"has_next\":false}\r\n";
    for bytes in [&head[..], &chunked[..], b"HTTP/1.1 200", b""] {
        assert_eq!(
            failure(&says(bytes).await.with_key(&key())).await,
            outage(TransportError::Connection(Cause::ConnectionCut))
        );
    }
}

#[tokio::test]
async fn what_is_no_http_is_told_as_such() {
    // an alert of TLS, and the greeting of SSH
    for bytes in [&b"\x15\x03\x01\x00\x02\x02\x46"[..], b"SSH-2.0-x\r\n"] {
        assert_eq!(
            failure(&says(bytes).await.with_key(&key())).await,
            outage(TransportError::Connection(Cause::ProtocolError))
        );
    }
}

#[tokio::test]
async fn no_connection_is_told_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let base = BaseUrl::parse(&url, true).unwrap();
    let api = Client::new(base, limits(), None).unwrap().with_key(&key());
    assert_eq!(
        failure(&api).await,
        outage(TransportError::Connection(Cause::ConnectionRefused))
    );
}

#[tokio::test]
async fn a_base_of_https_speaks_no_http() {
    let server = Server::start(|_| json(200, r#"{"remediations":[],"has_next":false}"#)).await;
    let url = server.url.replace("http://", "https://");
    let api = Client::new(BaseUrl::parse(&url, false).unwrap(), limits(), None)
        .unwrap()
        .with_key(&key());
    assert_eq!(
        failure(&api).await,
        outage(TransportError::Connection(Cause::ProtocolError))
    );
    assert!(server.seen().is_empty());
}

#[tokio::test]
async fn a_call_without_an_answer_is_counted_by_its_cause() {
    for (bytes, cause) in [
        (&b""[..], "connection_cut"),
        (b"SSH-2.0-x\r\n", "protocol_error"),
    ] {
        let client = says(bytes).await;
        failure(&client.with_key(&key())).await;
        let mut registry = Registry::default();
        metrics::register(&mut registry, &client);
        let mut text = String::new();
        encode(&mut text, &registry).unwrap();
        let mut counted = text
            .lines()
            .filter(|line| line.starts_with("api_calls_total"));
        let host = client.host();
        assert_eq!(
            counted.next(),
            Some(&*format!(
                r#"api_calls_total{{api_host="{host}",status="{cause}"}} 1"#
            ))
        );
        assert_eq!(counted.next(), None);
    }
}
