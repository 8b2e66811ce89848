//! How the API answers when it refuses, and how a fault spoils a good answer.

use std::time::Duration;

use axum::Json;
use axum::body::{Body, Bytes};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use futures::stream::{self, StreamExt};
use serde_json::json;

/// A refusal: the HTTP status, the gRPC code in the body, and a message.
#[derive(Debug)]
pub(super) struct ApiError {
    status: StatusCode,
    code: i32,
    message: String,
}

impl ApiError {
    fn new(status: StatusCode, code: i32, message: &str) -> Self {
        Self {
            status,
            code,
            message: message.to_owned(),
        }
    }

    pub(super) fn invalid(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 3, message)
    }

    pub(super) fn precondition(message: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, 9, message)
    }

    pub(super) fn not_found(message: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, 5, message)
    }

    pub(super) fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, 7, "permission denied")
    }

    pub(super) fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, 16, "invalid API key")
    }

    pub(super) fn exhausted() -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, 8, "rate limit exceeded")
    }

    /// Any status; the gRPC code is "unknown".
    pub(super) fn of_status(status: StatusCode) -> Self {
        let message = status.canonical_reason().unwrap_or("error");
        Self::new(status, 2, message)
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = json!({"code": self.code, "message": self.message, "details": []});
        (self.status, Json(body)).into_response()
    }
}

/// A refusal with a `Retry-After`, in seconds or as an HTTP date.
pub(super) fn retry_after(error: ApiError, when: Option<&str>) -> Response {
    match when {
        Some(when) => ([(header::RETRY_AFTER, when)], error).into_response(),
        None => error.into_response(),
    }
}

/// What a proxy in front of the API answers when the API is away.
pub(super) fn html(status: StatusCode) -> Response {
    let body = "<!doctype html>\n<html><head><title>Bad gateway</title></head>\
                <body><h1>Bad gateway</h1></body></html>\n";
    (status, axum::response::Html(body)).into_response()
}

/// Any answer with the content type JSON.
pub(super) fn json(status: StatusCode, body: String) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (status, kind, body).into_response()
}

/// Half of the body, then the connection breaks.
pub(super) fn cut(body: &Bytes) -> Response {
    let half = body.slice(..body.len() / 2);
    let broken = async {
        // The half must be on its way first, or the client sees no answer at all.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Err(std::io::Error::from(std::io::ErrorKind::ConnectionReset))
    };
    json_stream(stream::iter([Ok(half)]).chain(stream::once(broken)))
}

/// The whole body, one byte at a time.
pub(super) fn drip(body: Bytes, pause: Duration) -> Response {
    let bytes = (0..body.len()).map(move |at| body.slice(at..=at));
    json_stream(stream::iter(bytes).then(move |byte| async move {
        tokio::time::sleep(pause).await;
        Ok(byte)
    }))
}

fn json_stream(
    body: impl futures::Stream<Item = Result<Bytes, std::io::Error>> + Send + 'static,
) -> Response {
    let kind = [(header::CONTENT_TYPE, "application/json")];
    (kind, Body::from_stream(body)).into_response()
}
