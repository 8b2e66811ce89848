//! A small HTTP server that keeps what it was asked.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, Response};
use tokio_util::task::AbortOnDropHandle;

/// One request as it came.
#[derive(Clone)]
pub(super) struct Seen {
    /// Method, path and query.
    pub(super) target: String,
    /// The other end of the connection.
    pub(super) from: SocketAddr,
    headers: HeaderMap,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(super) struct Server {
    pub(super) url: String,
    log: Arc<Mutex<Vec<Seen>>>,
    _task: AbortOnDropHandle<()>,
}

impl Server {
    pub(super) async fn start(
        respond: impl Fn(&Seen) -> Response<Body> + Clone + Send + Sync + 'static,
    ) -> Self {
        let log: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let keep = Arc::clone(&log);
        let app = Router::new().fallback(move |request: Request| {
            let target = format!("{} {}", request.method(), request.uri());
            let seen = Seen {
                target,
                from: request.extensions().get::<ConnectInfo<_>>().unwrap().0,
                headers: request.headers().clone(),
            };
            keep.lock().unwrap().push(seen.clone());
            let response = respond(&seen);
            async move { response }
        });
        let (listener, url) = super::listener().await;
        let app = app.into_make_service_with_connect_info::<SocketAddr>();
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self {
            url,
            log,
            _task: AbortOnDropHandle::new(task),
        }
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }
}

pub(super) fn answer(
    status: u16,
    headers: &[(&str, &str)],
    body: impl Into<Body>,
) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(*name, *value);
    }
    response.body(body.into()).unwrap()
}

pub(super) fn json(status: u16, body: &'static str) -> Response<Body> {
    answer(status, &[("content-type", "application/json")], body)
}
