//! What the observer writes down of each write.

use std::{
    sync::{Arc, Mutex},
    time::Instant,
};

use http::StatusCode;
use serde_json::Value;

use super::{Asked, lock};

/// A write, and what became of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Observed {
    /// What was asked.
    pub asked: Arc<Asked>,
    /// When it reached the proxy.
    pub arrived: Instant,
    /// When it was sent on to the server; `None`: not yet, or never.
    pub forwarded: Option<Instant>,
    /// The server's answer; `None`: none yet, or it was never asked.
    pub answer: Option<Answer>,
}

impl Observed {
    /// Whether the server took it.
    #[must_use]
    pub fn succeeded(&self) -> bool {
        self.answer
            .as_ref()
            .is_some_and(|answer| answer.status.is_success())
    }
}

/// The server's answer to a write.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answer {
    /// When it came.
    pub at: Instant,
    /// Its HTTP status.
    pub status: StatusCode,
    /// The object's resourceVersion after the write: a count that orders the writes of all replicas to all objects. `None`:
    /// refused, or deleted.
    pub resource_version: Option<u64>,
}

impl Answer {
    pub(super) fn new(status: StatusCode, body: &[u8]) -> Self {
        let body: Value = serde_json::from_slice(body).unwrap_or_default();
        let version = body["metadata"]["resourceVersion"].as_str();
        Self {
            at: Instant::now(),
            status,
            resource_version: version.and_then(|version| version.parse().ok()),
        }
    }
}

/// All writes in the order of arrival.
#[derive(Default)]
pub(super) struct Book(Mutex<Vec<Observed>>);

/// Where in the book a write stands.
#[derive(Clone, Copy)]
pub(super) struct Line(usize);

impl Book {
    pub(super) fn arrived(&self, asked: Arc<Asked>) -> Line {
        let mut book = lock(&self.0);
        book.push(Observed {
            asked,
            arrived: Instant::now(),
            forwarded: None,
            answer: None,
        });
        Line(book.len() - 1)
    }

    pub(super) fn forwarded(&self, line: Line) {
        lock(&self.0)[line.0].forwarded = Some(Instant::now());
    }

    pub(super) fn answered(&self, line: Line, answer: Answer) {
        lock(&self.0)[line.0].answer = Some(answer);
    }

    pub(super) fn writes(&self) -> Vec<Observed> {
        lock(&self.0).clone()
    }
}
