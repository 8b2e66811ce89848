//! A small HTTP/2 server, and what it may do to a stream.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex},
};

use axum::body::Bytes;
use h2::Reason;
use tokio::net::{TcpListener, TcpStream};
use tokio_util::task::AbortOnDropHandle;

use super::*;

/// What becomes of a stream.
#[derive(Clone, Copy)]
pub(super) enum Fate {
    Answered,
    /// The stream is refused, unprocessed.
    Refused,
    /// The server takes leave, with the stream unprocessed.
    Left,
}

/// Keeps from where each stream came.
pub(super) struct Streams {
    pub(super) from: Arc<Mutex<Vec<SocketAddr>>>,
    _task: AbortOnDropHandle<()>,
}

impl Streams {
    /// Serves what `listener` takes in; `fate` of each stream, by the number of those before it.
    pub(super) fn serve(listener: TcpListener, fate: fn(usize) -> Fate) -> Self {
        let from: Arc<Mutex<Vec<SocketAddr>>> = Arc::default();
        let keep = from.clone();
        let task = tokio::spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let keep = keep.clone();
                tokio::spawn(async move { connection(stream, peer, &keep, fate).await });
            }
        });
        Self {
            from,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(super) fn seen(&self) -> usize {
        self.from.lock().unwrap().len()
    }
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    keep: &Mutex<Vec<SocketAddr>>,
    fate: fn(usize) -> Fate,
) {
    let mut connection = h2::server::handshake(stream).await.unwrap();
    while let Some(Ok((_, mut respond))) = connection.accept().await {
        let before = {
            let mut from = keep.lock().unwrap();
            from.push(peer);
            from.len() - 1
        };
        match fate(before) {
            Fate::Answered => {
                let body = Bytes::from_static(EMPTY.as_bytes());
                let mut send = respond
                    .send_response(http::Response::default(), false)
                    .unwrap();
                send.send_data(body, true).unwrap();
            }
            Fate::Refused => respond.send_reset(Reason::REFUSED_STREAM),
            Fate::Left => connection.abrupt_shutdown(Reason::NO_ERROR),
        }
    }
}

/// A client that speaks HTTP/2 to `base` without TLS, set up as ours in all else.
pub(super) fn http2(base: &str) -> Client {
    let (base, limits) = (BaseUrl::parse(base, true).unwrap(), limits());
    Client::with_http(base, limits, move || {
        http(limits).http2_prior_knowledge().build().ok()
    })
    .unwrap()
}

#[tokio::test]
async fn a_stream_that_was_refused_unprocessed_is_repeated_only_by_the_listing() {
    let fates: [fn(usize) -> Fate; 2] = [
        |before| [Fate::Refused, Fate::Answered][before.min(1)],
        |before| [Fate::Left, Fate::Answered][before.min(1)],
    ];
    for fate in fates {
        let (listener, url) = listener().await;
        let server = Streams::serve(listener, fate);
        let api = http2(&url).with_key(&key());
        let error = api.list_page(&query()).await.unwrap_err();
        let cause = TransportError::Connection(Cause::ConnectionCut);
        let retry_after = None;
        assert_eq!(error, Error::Unavailable { cause, retry_after });
        assert_eq!(server.seen(), 1, "paid for once, made once");
        assert!(api.list_page(&query()).await.is_ok());
    }
}
