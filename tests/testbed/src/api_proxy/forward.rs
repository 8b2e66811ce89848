//! Connections, and the way of a request through the proxy.

use std::{
    convert::Infallible,
    future::pending,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

use axum::body::{Body, Bytes, to_bytes};
use futures::{Stream, StreamExt as _, stream};
use http::{
    HeaderMap, Request, Response, StatusCode,
    header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HOST, RETRY_AFTER, TRANSFER_ENCODING},
    request::Parts,
};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use serde_json::json;
use tokio::{
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

use super::{Asked, Fault, RunningFault, Shared, lock, observed::Answer};

/// Longer than any body that the API server takes.
const BODY: usize = 16 << 20;

/// The connections of the replica.
#[derive(Default)]
pub(super) struct Connections(Mutex<Open>);

#[derive(Default)]
struct Open {
    cut: bool,
    all: Vec<(AbortHandle, Arc<AtomicBool>)>,
}

impl Connections {
    fn open(&self, stream: TcpStream, shared: &Arc<Shared>) {
        let mut open = lock(&self.0);
        open.all.retain(|(task, _)| !task.is_finished());
        if !open.cut {
            let watches = Arc::<AtomicBool>::default();
            let task = tokio::spawn(connection(stream, shared.clone(), watches.clone()));
            open.all.push((task.abort_handle(), watches));
        }
    }

    pub(super) fn cut(&self) {
        let mut open = lock(&self.0);
        open.cut = true;
        open.all.drain(..).for_each(|(task, _)| task.abort());
    }

    pub(super) fn restore(&self) {
        lock(&self.0).cut = false;
    }

    pub(super) fn cut_watches(&self) -> usize {
        let open = lock(&self.0);
        let watches = open
            .all
            .iter()
            .filter(|(task, watches)| watches.load(Ordering::SeqCst) && !task.is_finished());
        watches.map(|(task, _)| task.abort()).count()
    }
}

/// Accepts connections until it is dropped.
pub(super) async fn serve(listener: std::net::TcpListener, shared: Arc<Shared>) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    loop {
        if let Ok((stream, _)) = listener.accept().await {
            shared.connections.open(stream, &shared);
        }
    }
}

async fn connection(stream: TcpStream, shared: Arc<Shared>, watches: Arc<AtomicBool>) {
    let service = service_fn(|request| respond(request, shared.clone(), watches.clone()));
    // A replica that goes away is what the proxy is for.
    let _ = http1::Builder::new()
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// The connection breaks.
#[derive(Debug, thiserror::Error)]
#[error("broken by the proxy")]
struct Broken;

impl From<Infallible> for Broken {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

async fn respond(
    request: Request<Incoming>,
    shared: Arc<Shared>,
    watches: Arc<AtomicBool>,
) -> Result<Response<Body>, Broken> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(Body::new(body), BODY).await.map_err(|_| Broken)?;
    let asked = Arc::new(Asked::new(parts.method.clone(), &parts.uri, &body));
    // One connection carries one request at a time.
    watches.store(asked.is_watch(), Ordering::SeqCst);
    // From here on it is on its way, whatever becomes of the connection.
    let way = tokio::spawn(on_its_way(parts, body, asked, shared));
    way.await.map_err(|_| Broken)?
}

async fn on_its_way(
    parts: Parts,
    body: Bytes,
    asked: Arc<Asked>,
    shared: Arc<Shared>,
) -> Result<Response<Body>, Broken> {
    let line = asked.is_write().then(|| shared.book.arrived(asked.clone()));
    let struck = shared.rules.strike(&asked);
    let fault = struck.as_ref().map(RunningFault::fault);
    match fault {
        Some(Fault::Answer {
            status,
            retry_after,
        }) => return refusal(*status, *retry_after),
        Some(Fault::Break) => return Err(Broken),
        Some(Fault::Hang) => pending().await,
        Some(Fault::Delay(by)) => tokio::time::sleep(*by).await,
        Some(Fault::Hold) => {
            if let Some(fault) = &struck {
                fault.has_ended().await;
            }
        }
        Some(Fault::LoseAnswer | Fault::CutBody(_) | Fault::MuteBody(_)) | None => {}
    }
    if let Some(line) = line {
        shared.book.forwarded(line);
    }
    let mut request = Request::from_parts(parts, body.to_vec().into());
    strip(request.headers_mut());
    let answer = shared.server.send(request).await.map_err(|_| Broken)?;
    let (mut parts, body) = answer.into_parts();
    strip(&mut parts.headers);
    let body = if let Some(line) = line {
        let body = body.collect_bytes().await.map_err(|_| Broken)?;
        shared.book.answered(line, Answer::new(parts.status, &body));
        Body::from(body)
    } else {
        Body::new(body)
    };
    let body = match fault {
        Some(Fault::LoseAnswer) => return Err(Broken),
        Some(Fault::CutBody(bytes)) => shortened(body, *bytes, stream::iter([Err(Broken)])),
        Some(Fault::MuteBody(bytes)) => shortened(body, *bytes, stream::pending()),
        _ => body,
    };
    Ok(Response::from_parts(parts, body))
}

/// The first `bytes` of `body`, and then `end`.
fn shortened(
    body: Body,
    bytes: usize,
    end: impl Stream<Item = Result<Bytes, Broken>> + Send + 'static,
) -> Body {
    let first = stream::unfold(
        (body.into_data_stream(), bytes),
        |(mut body, left)| async move {
            if left == 0 {
                return None;
            }
            let chunk = body.next().await?.map_err(|_| Broken);
            let chunk = chunk.map(|mut chunk| {
                chunk.truncate(left);
                chunk
            });
            let left = left - chunk.as_ref().map_or(left, Bytes::len);
            Some((chunk, (body, left)))
        },
    );
    Body::from_stream(first.chain(end))
}

/// What belongs to one connection alone.
fn strip(headers: &mut HeaderMap) {
    for name in [HOST, CONNECTION, TRANSFER_ENCODING, CONTENT_LENGTH] {
        headers.remove(name);
    }
}

fn refusal(status: u16, retry_after: Option<u32>) -> Result<Response<Body>, Broken> {
    let body = json!({
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": format!("fault {status} of the proxy"),
        "reason": StatusCode::from_u16(status).ok().and_then(reason).unwrap_or_default(),
        "code": status,
    });
    let mut response = Response::builder()
        .status(status)
        .header(CONTENT_TYPE, "application/json");
    if let Some(seconds) = retry_after {
        response = response.header(RETRY_AFTER, seconds);
    }
    response
        .body(Body::from(body.to_string()))
        .map_err(|_| Broken)
}

/// Kubernetes' word for it.
fn reason(status: StatusCode) -> Option<&'static str> {
    Some(match status {
        StatusCode::UNAUTHORIZED => "Unauthorized",
        StatusCode::FORBIDDEN => "Forbidden",
        StatusCode::NOT_FOUND => "NotFound",
        StatusCode::CONFLICT => "Conflict",
        StatusCode::UNPROCESSABLE_ENTITY => "Invalid",
        StatusCode::TOO_MANY_REQUESTS => "TooManyRequests",
        StatusCode::INTERNAL_SERVER_ERROR => "InternalError",
        StatusCode::SERVICE_UNAVAILABLE => "ServiceUnavailable",
        StatusCode::GATEWAY_TIMEOUT => "Timeout",
        _ => return None,
    })
}
