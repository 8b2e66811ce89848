//! What stands before every call below `/v1`: counting, the rate limit, faults that spoil any
//! answer, and the API's own `Date`.

use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use axum::{Json, body};
use serde_json::json;

use super::Shared;
use super::answer::{self, ApiError};
use super::counters::{Call, CallKind};
use super::fault::Fault;

/// The middleware.
pub(super) async fn front(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let key = key(request.headers()).unwrap_or_default().to_owned();
    let (refused, fault) = {
        let world = &mut *shared.lock();
        world.counters.asked(kind(&request), &key, call(&request));
        let refused = world.keys.spend(&key, Instant::now()).err();
        let fault = refused
            .is_none()
            .then(|| world.faults.take(Fault::spoils_any))
            .flatten();
        if let Some(fault) = &fault {
            world.counters.rose(fault);
        }
        (refused, fault)
    };
    let mut response = match (refused, fault) {
        (Some(seconds), _) => {
            answer::retry_after(ApiError::exhausted(), Some(&seconds.to_string()))
        }
        (None, Some(fault)) => spoiled(&fault, request, next).await,
        (None, None) => next.run(request).await,
    };
    let world = &mut *shared.lock();
    world.counters.answered(response.status().as_u16());
    let date = world
        .date
        .clone()
        .unwrap_or_else(|| world.clock.strftime("%a, %d %b %Y %T GMT").to_string());
    if let Ok(date) = HeaderValue::from_str(&date) {
        response.headers_mut().insert(header::DATE, date);
    }
    response
}

/// The API key of a call: what follows `Bearer`.
pub(super) fn key(headers: &HeaderMap) -> Option<&str> {
    headers
        .get(header::AUTHORIZATION)?
        .to_str()
        .ok()?
        .strip_prefix("Bearer ")
}

async fn spoiled(fault: &Fault, request: Request, next: Next) -> Response {
    match fault {
        Fault::Status {
            status,
            retry_after,
        } => answer::retry_after(
            ApiError::of_status(status_of(*status)),
            retry_after.as_deref(),
        ),
        Fault::Hang => std::future::pending().await,
        Fault::CutBody => answer::cut(&whole(next.run(request).await).await),
        Fault::SlowDrip { pause_ms } => answer::drip(
            whole(next.run(request).await).await,
            Duration::from_millis(*pause_ms),
        ),
        Fault::NotJson => "all is well".into_response(),
        Fault::OtherShape => {
            Json(json!({"data": [{"object": "model"}], "ok": true})).into_response()
        }
        Fault::Html { status } => answer::html(status_of(*status)),
        Fault::Answer { status, body } => answer::json(status_of(*status), body.clone()),
        Fault::Redirect { location } => Redirect::temporary(location).into_response(),
        _ => next.run(request).await,
    }
}

async fn whole(response: Response) -> body::Bytes {
    body::to_bytes(response.into_body(), usize::MAX)
        .await
        .unwrap_or_default()
}

fn status_of(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

fn kind(request: &Request) -> CallKind {
    let path = request.extensions().get::<MatchedPath>();
    let path = path.map_or("", MatchedPath::as_str);
    let get = request.method() == Method::GET;
    if path.ends_with("/remediations") && get {
        let query = request.uri().query().unwrap_or_default();
        let token = query.split('&').any(|pair| match pair.split_once('=') {
            Some(("pageToken" | "page_token", token)) => !token.is_empty(),
            _ => false,
        });
        CallKind::List { first: !token }
    } else if path.ends_with("/{id}") && get {
        CallKind::ById
    } else if path.ends_with("/{verb}") {
        CallKind::Mutation
    } else {
        CallKind::Unknown
    }
}

fn call(request: &Request) -> Call {
    let text = |value: Option<&str>| value.unwrap_or_default().to_owned();
    let agent = request.headers().get(header::USER_AGENT);
    Call {
        method: request.method().to_string(),
        path: request.uri().path().to_owned(),
        query: text(request.uri().query()),
        user_agent: text(agent.and_then(|agent| agent.to_str().ok())),
    }
}
