#![allow(clippy::unwrap_used, clippy::expect_used)]

mod age;
mod faults;
mod pauses;
mod server;
mod streams;

use server::{Server, answer, json};
use tokio::net::TcpListener;

use super::{
    super::{Listing, Malformed},
    *,
};
use crate::together::query::{
    dialect::{QueryNames, StateFilter},
    list::ListRequest,
};

const KEY: &str = "planted-marker";

fn limits() -> Limits {
    Limits {
        qps: 1000.0,
        burst: 1000,
        ..Limits::default()
    }
}

/// A page of nothing.
const EMPTY: &str = r#"{"remediations":[],"has_next":false}"#;

/// Something that listens, and its URL.
async fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    (listener, url)
}

fn client_of(url: &str, limits: Limits) -> Client {
    Client::new(BaseUrl::parse(url, true).unwrap(), limits, None).unwrap()
}

fn client(server: &Server, limits: Limits) -> Client {
    client_of(&server.url, limits)
}

fn key() -> ApiKey {
    ApiKey::parse(KEY.as_bytes()).unwrap()
}

fn keyed(server: &Server) -> KeyedClient {
    client(server, limits()).with_key(&key())
}

fn query() -> PageQuery {
    PageQuery {
        cluster: "c".into(),
        instance: None,
        names: QueryNames::Reference,
        filter: StateFilter::None,
        page_size: 2,
        page_token: None,
        order_by: None,
    }
}

#[tokio::test]
async fn a_page_is_asked_for_as_the_reference_page_says() {
    let body = r#"{"remediations":[{"id":"a","state":"RUNNING"}],"has_next":false}"#;
    let server = Server::start(move |_| json(200, body)).await;
    let page = keyed(&server).list_page(&query()).await.unwrap();
    assert_eq!(page.items[0].as_ref().unwrap().id, "a");
    let seen = server.seen();
    let target = "GET /v1/compute/clusters/c/instances/-/remediations?pageSize=2";
    assert_eq!(seen[0].target, target);
    let agent = concat!("together-remediation-operator/", env!("CARGO_PKG_VERSION"));
    for (header, value) in [
        ("authorization", Some("Bearer planted-marker")),
        ("accept", Some("application/json")),
        ("user-agent", Some(agent)),
        ("cookie", None),
    ] {
        assert_eq!(seen[0].header(header), value, "{header}");
    }
}

#[tokio::test]
async fn a_connection_that_was_idle_for_too_long_is_not_used_again() {
    let server = Server::start(|_| json(200, EMPTY)).await;
    let limits = Limits {
        idle_timeout: Duration::from_nanos(1),
        ..limits()
    };
    let api = client(&server, limits).with_key(&key());
    for _ in 0..2 {
        api.list_page(&query()).await.unwrap();
    }
    let seen = server.seen();
    assert_ne!(seen[0].from, seen[1].from);
}

#[tokio::test]
async fn one_remediation_is_asked_for_by_ids_that_stay_segments() {
    let body = r#"{"id":"../../whoami","state":"RUNNING"}"#;
    let server = Server::start(move |_| json(200, body)).await;
    let api = keyed(&server);
    let read = api.get("c/d", None, "../../whoami").await.unwrap();
    assert_eq!(read.id, "../../whoami");
    let target = "GET /v1/compute/clusters/c%2Fd/instances/-/remediations/..%2F..%2Fwhoami";
    assert_eq!(server.seen()[0].target, target);
    let impossible = api.get("c", Some(".."), "x").await.unwrap_err();
    assert_eq!(impossible.reason().as_str(), "BadRequest");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn another_remediation_than_the_one_asked_for_is_no_answer() {
    let server = Server::start(|_| json(200, r#"{"id":"b","state":"RUNNING"}"#)).await;
    let error = keyed(&server).get("c", Some("i"), "a").await.unwrap_err();
    assert_eq!(error, Error::InvalidResponse(DecodeError::OtherRemediation));
}

#[tokio::test]
async fn a_listing_goes_from_page_to_page() {
    let server = Server::start(|seen| {
        let last = seen.target.contains("pageToken=t%2B1");
        json(200, if last {
            r#"{"remediations":[{"id":"b","state":"RUNNING"},{"id":"c"}],"has_next":false}"#
        } else {
            r#"{"remediations":[{"id":"a","state":"RUNNING"}],"has_next":true,"next_page_token":"t+1"}"#
        })
    })
    .await;
    let client = client(&server, limits());
    let request = ListRequest {
        cluster: "c".into(),
        instance: Some("i".into()),
        states: vec!["RUNNING".into()],
        page_size: 1,
        order_by: Some("create_time desc".into()),
    };
    let mut listing = Listing::start(client.with_key(&key()), request, client.dialects());
    // in a task of its own, as a poll drives it
    let polling = tokio::spawn(async move {
        let mut items = Vec::new();
        while let Some(page) = listing.next_page().await.unwrap() {
            items.extend(page);
        }
        (items, listing.finish().unwrap())
    });
    let (items, complete) = polling.await.unwrap();
    let counts = (complete.pages(), complete.items(), complete.skipped());
    assert_eq!(counts, (2, 2, 1));
    let bad = Malformed {
        position: 2,
        id: Some("c".into()),
        field: "state".into(),
        problem: "absent or empty",
    };
    assert_eq!(items[2], Err(bad));
    let first = "GET /v1/compute/clusters/c/instances/i/remediations\
                 ?pageSize=1&state=RUNNING&orderBy=create_time+desc";
    assert_eq!(server.seen()[0].target, first);
}

#[tokio::test]
async fn a_key_that_must_wait_is_not_used_and_another_is() {
    let server = Server::start(|seen| match seen.header("authorization") {
        Some("Bearer planted-marker") => answer(429, &[("retry-after", "600")], ""),
        _ => json(200, EMPTY),
    })
    .await;
    let client = client(&server, limits());
    for api in [client.with_key(&key()), client.with_key(&key())] {
        let error = api.list_page(&query()).await.unwrap_err();
        let wait = error.retry_after().unwrap();
        assert!(wait <= Duration::from_secs(600), "{error}");
        assert!(wait > Duration::ZERO, "{error}");
    }
    assert_eq!(server.seen().len(), 1);
    let other = client.with_key(&ApiKey::parse(b"other").unwrap());
    assert!(other.list_page(&query()).await.is_ok());
}

#[test]
fn limits_out_of_bounds_are_refused() {
    let refused = |qps, burst| {
        let base = BaseUrl::parse("https://api.example", false).unwrap();
        let limits = Limits {
            qps,
            burst,
            ..Limits::default()
        };
        Client::new(base, limits, None).err()
    };
    for qps in [0.0, -1.0, 1e-300, 1000.1, f64::NAN, f64::INFINITY] {
        assert_eq!(refused(qps, 1), Some(ClientError::Qps), "{qps}");
    }
    assert_eq!(refused(5.0, 0), Some(ClientError::Burst));
    assert_eq!(refused(0.001, 1), None);
}

#[test]
fn the_rate_is_never_above_what_was_asked_for() {
    for qps in [0.001, 0.3, 3.0, 7.0, 300.0, 999.0, 1000.0] {
        let limits = Limits { qps, ..limits() };
        let interval = limits.rate().unwrap().interval;
        let nanos = interval.subsec_nanos();
        assert!(nanos.is_multiple_of(1_000_000), "{qps}");
        assert!(interval.as_secs_f64() * qps >= 0.999_999, "{qps}");
    }
}
