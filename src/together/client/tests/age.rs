//! How long a connection may be used.

use std::collections::BTreeMap;
use std::future::pending;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;

use axum::body::{Body, Bytes};
use futures::stream::{self, StreamExt};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::watch;

use super::streams::{Fate, Streams, http2};
use super::*;
use crate::{clock::MonoTime, testing::clock::TestClock};

/// Less than a connection may rest.
const STEP: Duration = Duration::from_secs(4);
const MINUTE: Duration = Duration::from_secs(60);

/// Calls faster than a connection may rest: when (by the clock) each connection was used is as it should be.
async fn used(client: Client, from: impl Fn() -> SocketAddr) {
    let clock = Arc::new(TestClock::default());
    let api = client.with_clock(clock.clone()).with_key(&key());
    let mut connections: BTreeMap<SocketAddr, Vec<MonoTime>> = BTreeMap::new();
    for _ in 0..50 {
        api.list_page(&query()).await.unwrap();
        connections.entry(from()).or_default().push(clock.elapsed());
        clock.advance(STEP);
    }
    for times in connections.values() {
        let age = times.last().unwrap().duration_since(times[0]);
        assert!(age < MINUTE, "used for {age:?}");
    }
    // No more than there must be.
    assert_eq!(connections.len(), 4, "{connections:?}");
}

#[tokio::test]
async fn a_connection_of_http_1_is_used_for_a_minute_at_most() {
    let server = Server::start(|_| json(200, EMPTY)).await;
    let from = || server.seen().last().unwrap().from;
    used(client(&server, limits()), from).await;
}

#[tokio::test]
async fn a_connection_of_http_2_is_used_for_a_minute_at_most() {
    let (listener, url) = listener().await;
    let server = Streams::serve(listener, |_| Fate::Answered);
    let from = || *server.from.lock().unwrap().last().unwrap();
    used(http2(&url), from).await;
}

/// A name server that knows one address, and may learn another one.
#[derive(Clone)]
struct Names(Arc<Mutex<Ipv4Addr>>);

impl Resolve for Names {
    fn resolve(&self, _: Name) -> Resolving {
        let address = SocketAddr::from((*self.0.lock().unwrap(), 0));
        let addresses: Addrs = Box::new([address].into_iter());
        Box::pin(async { Ok(addresses) })
    }
}

#[tokio::test]
async fn a_name_that_has_moved_is_looked_up_again_however_fast_the_calls_come() {
    let (old, new) = (Ipv4Addr::LOCALHOST, Ipv4Addr::new(127, 0, 0, 2));
    let before = TcpListener::bind((old, 0)).await.unwrap();
    let port = before.local_addr().unwrap().port();
    let after = TcpListener::bind((new, port)).await.unwrap();
    let [before, after] =
        [before, after].map(|listener| Streams::serve(listener, |_| Fate::Answered));
    let names = Names(Arc::new(Mutex::new(old)));
    let known = names.clone();
    let base = BaseUrl::parse(&format!("http://api.example:{port}"), true).unwrap();
    let client = Client::with_http(base, limits(), move || {
        let http = http(limits()).http2_prior_knowledge().no_proxy();
        http.dns_resolver(known.clone()).build().ok()
    });
    let clock = Arc::new(TestClock::default());
    let api = client.unwrap().with_clock(clock.clone()).with_key(&key());
    api.list_page(&query()).await.unwrap();
    *names.0.lock().unwrap() = new;
    for _ in 0..15 {
        clock.advance(STEP);
        api.list_page(&query()).await.unwrap();
    }
    assert_eq!((before.seen(), after.seen()), (15, 1));
}

#[tokio::test]
async fn a_call_under_way_ends_on_its_connection_however_old_it_gets() {
    let (ends, _) = watch::channel(false);
    let end = ends.clone();
    let server = Server::start(move |seen| {
        let mut end = end.subscribe();
        let slow = seen.target.contains("pageToken=slow");
        let body = stream::once(async move {
            if slow && end.wait_for(|end| *end).await.is_err() {
                pending::<()>().await;
            }
            Ok::<_, std::io::Error>(Bytes::from_static(EMPTY.as_bytes()))
        });
        answer(200, &[], Body::from_stream(body.boxed()))
    })
    .await;
    let clock = Arc::new(TestClock::default());
    let client = client(&server, limits()).with_clock(clock.clone());
    let api = client.with_key(&key());
    let slow = PageQuery {
        page_token: Some("slow".into()),
        ..query()
    };
    let under_way = tokio::spawn({
        let api = api.clone();
        async move { api.list_page(&slow).await }
    });
    while server.seen().is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..20 {
        clock.advance(STEP);
        api.list_page(&query()).await.unwrap();
    }
    ends.send_replace(true);
    assert!(under_way.await.unwrap().is_ok());
}
