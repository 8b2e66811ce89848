//! What can go wrong with a call, for the schedule and for people.

use std::time::Duration;

use crate::{api::Reason, network::Cause};

/// Why a call or a listing failed. Shows no key, no URL and no value of a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 401.
    #[error(
        "the API does not accept the key (401): it is wrong, expired or revoked. Put a valid one into the Secret of spec.apiKeySecretRef"
    )]
    Unauthorized,
    /// 403.
    #[error(
        "the API does not let the key see this (403): put a key of the cluster's project into the Secret of spec.apiKeySecretRef"
    )]
    Forbidden,
    /// 402.
    #[error(
        "Together refuses the request for billing reasons (402), such as a spending limit. Raise the limit or pay in the Together console; if this stays, ask Together"
    )]
    Billing,
    /// 404.
    #[error("the API knows nothing under this id (404)")]
    NotFound,
    /// 400, or another 4xx that asking again will not mend.
    #[error(
        "the API refused the request ({status}): check spec.clusterId, spec.instanceId, spec.states and spec.query"
    )]
    BadRequest {
        /// The HTTP status.
        status: u16,
    },
    /// An id that no URL can carry: empty, `.` or `..`. Nothing was asked.
    #[error(
        "the {what} is empty, \".\" or \"..\", which no request can carry: write the one that the API has"
    )]
    ImpossibleId {
        /// Which id.
        what: &'static str,
    },
    /// Everything that the API shows under an id has another one by its own word.
    #[error(
        "everything that the Together API lists has the id {theirs:?}, not that of {field}. Create a ClusterWatch with this spelling, and delete this one"
    )]
    OtherSpelling {
        /// The field of the `ClusterWatch`.
        field: &'static str,
        /// The API's id, cut to 64 characters.
        theirs: String,
    },
    /// 429, or the key is still left alone after an earlier 429 (then nothing was sent).
    #[error(
        "the Together API limits the calls of this key (429). The operator retries later. If this persists, lower --api-qps, or use the key for fewer ClusterWatches"
    )]
    RateLimited {
        /// How long to wait, because the API asks for it or because it answered so more than once; at most an hour.
        retry_after: Option<Duration>,
    },
    /// No answer, or one that asks to try again: 408, 409, 425, 5xx.
    #[error("the API is unavailable: {cause}")]
    Unavailable {
        /// What happened.
        cause: TransportError,
        /// How long to wait, because the API asks for it or because it answered 503 more than once; at most an hour.
        retry_after: Option<Duration>,
    },
    /// An answer that is not what the reference page describes.
    #[error("the API's answer cannot be read: {0}")]
    InvalidResponse(DecodeError),
    /// A body above the cap; the rest of it was not read.
    #[error(
        "the API's answer is larger than {limit} bytes: ask for smaller pages (spec.query.pageSize)"
    )]
    TooLarge {
        /// The cap in bytes.
        limit: usize,
    },
    /// A listing that did not end properly, so that it proves no absence.
    #[error("the listing is not complete: {why}")]
    IncompleteListing {
        /// What ended it.
        why: Incomplete,
    },
}

/// Why there was no usable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// An answer with this status.
    #[error("it answered {0}. It is asked again at every interval; if this stays, ask Together")]
    Status(u16),
    /// No connection, or no whole answer on one.
    #[error("{}. The operator retries at every interval. If this persists, {}", .0.phrase(), .0.advice())]
    Connection(Cause),
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON: a web page, for instance.
    #[error("it is not JSON (line {line}, column {column}). Check --api-url and any proxy between")]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 at a line's start.
        column: usize,
    },
    /// JSON that ends too early.
    #[error(
        "it ends too early (line {line}, column {column}). If this stays, see what lies between (proxy), and tell Together"
    )]
    CutOff {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 at a line's start.
        column: usize,
    },
    /// JSON of another shape.
    #[error(
        "{path} is of another type, or there twice (line {line}, column {column}). Check --api-url, and tell Together"
    )]
    Shape {
        /// The field, or `the body`.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 at a line's start.
        column: usize,
    },
    /// JSON of the right shape that lacks something, or has it unfit.
    #[error("{field} is {problem}. Check --api-url, and tell Together")]
    Field {
        /// The field, or `the body`.
        field: String,
        /// What is wrong with it, in words.
        problem: &'static str,
    },
    /// Asked by id, the API showed another one.
    #[error("asked for one remediation, it showed another")]
    OtherRemediation,
    /// A redirect, which is not followed, since it could carry the key elsewhere.
    #[error("it is a redirect ({0}), which is not followed. Correct --api-url")]
    Redirect(u16),
}

/// What ended a listing before its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// Pages repeat under both sets of query names.
    #[error("the API serves the same page again and again. If this stays, tell Together")]
    Loop,
    /// `has_next` is true and there is no token.
    #[error("the API tells of a next page and gives no token for it. If this stays, tell Together")]
    NoToken,
    /// The token of the next page was refused (400): it may have expired.
    #[error("the API refused its own page token. If this stays, tell Together")]
    TokenRefused,
    /// More pages than the cap.
    #[error("it has more than {0} pages: ask for larger ones (spec.query.pageSize)")]
    TooManyPages(usize),
    /// The program stopped it.
    #[error("it was stopped before its end")]
    Stopped,
}

impl Error {
    /// Whether the same call may succeed later with nobody changing anything.
    #[must_use]
    pub fn retryable(&self) -> bool {
        match self {
            Self::Unauthorized
            | Self::Forbidden
            | Self::Billing
            | Self::NotFound
            | Self::BadRequest { .. }
            | Self::ImpossibleId { .. }
            | Self::OtherSpelling { .. } => false,
            Self::RateLimited { .. }
            | Self::Unavailable { .. }
            | Self::InvalidResponse(_)
            | Self::TooLarge { .. }
            | Self::IncompleteListing { .. } => true,
        }
    }

    /// How long to wait before the next call, at most an hour.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// What it is to conditions and metrics.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Unauthorized => Reason::Unauthorized,
            Self::Forbidden | Self::Billing => Reason::Forbidden,
            Self::NotFound => Reason::NotFound,
            Self::BadRequest { .. } | Self::ImpossibleId { .. } | Self::OtherSpelling { .. } => {
                Reason::BadRequest
            }
            Self::RateLimited { .. } => Reason::RateLimited,
            Self::Unavailable { .. } => Reason::Unavailable,
            Self::InvalidResponse(_) | Self::TooLarge { .. } => Reason::InvalidResponse,
            Self::IncompleteListing { .. } => Reason::IncompleteListing,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_is_told_in_one_line() {
        let (line, column) = (3, 14);
        let told = [
            Error::Unauthorized,
            Error::Forbidden,
            Error::Billing,
            Error::NotFound,
            Error::BadRequest { status: 400 },
            Error::ImpossibleId { what: "cluster id" },
            Error::OtherSpelling {
                field: "spec.clusterId",
                theirs: "Cluster-1".into(),
            },
            Error::RateLimited { retry_after: None },
            Error::Unavailable {
                cause: TransportError::Status(503),
                retry_after: None,
            },
            Error::Unavailable {
                cause: TransportError::Connection(Cause::TimedOut),
                retry_after: None,
            },
            Error::Unavailable {
                cause: TransportError::Connection(Cause::ProxyNeedsCredentials),
                retry_after: None,
            },
            Error::InvalidResponse(DecodeError::NotJson { line, column }),
            Error::InvalidResponse(DecodeError::CutOff { line, column }),
            Error::InvalidResponse(DecodeError::Shape {
                path: "has_next".into(),
                line,
                column,
            }),
            Error::InvalidResponse(DecodeError::Field {
                field: "state".into(),
                problem: "absent",
            }),
            Error::InvalidResponse(DecodeError::Redirect(301)),
            Error::TooLarge { limit: 32 << 20 },
            Error::IncompleteListing {
                why: Incomplete::Loop,
            },
        ]
        .map(|error| format!("{}: {error}", error.reason()));
        insta::assert_yaml_snapshot!(told, @r#"
        - "Unauthorized: the API does not accept the key (401): it is wrong, expired or revoked. Put a valid one into the Secret of spec.apiKeySecretRef"
        - "Forbidden: the API does not let the key see this (403): put a key of the cluster's project into the Secret of spec.apiKeySecretRef"
        - "Forbidden: Together refuses the request for billing reasons (402), such as a spending limit. Raise the limit or pay in the Together console; if this stays, ask Together"
        - "NotFound: the API knows nothing under this id (404)"
        - "BadRequest: the API refused the request (400): check spec.clusterId, spec.instanceId, spec.states and spec.query"
        - "BadRequest: the cluster id is empty, \".\" or \"..\", which no request can carry: write the one that the API has"
        - "BadRequest: everything that the Together API lists has the id \"Cluster-1\", not that of spec.clusterId. Create a ClusterWatch with this spelling, and delete this one"
        - "RateLimited: the Together API limits the calls of this key (429). The operator retries later. If this persists, lower --api-qps, or use the key for fewer ClusterWatches"
        - "Unavailable: the API is unavailable: it answered 503. It is asked again at every interval; if this stays, ask Together"
        - "Unavailable: the API is unavailable: timed out. The operator retries at every interval. If this persists, check the network, egress policies and proxies between the operator and the server"
        - "Unavailable: the API is unavailable: proxy needs credentials. The operator retries at every interval. If this persists, put the user name and password of the proxy into its URL (HTTPS_PROXY), or let the proxy exempt the operator"
        - "InvalidResponse: the API's answer cannot be read: it is not JSON (line 3, column 14). Check --api-url and any proxy between"
        - "InvalidResponse: the API's answer cannot be read: it ends too early (line 3, column 14). If this stays, see what lies between (proxy), and tell Together"
        - "InvalidResponse: the API's answer cannot be read: has_next is of another type, or there twice (line 3, column 14). Check --api-url, and tell Together"
        - "InvalidResponse: the API's answer cannot be read: state is absent. Check --api-url, and tell Together"
        - "InvalidResponse: the API's answer cannot be read: it is a redirect (301), which is not followed. Correct --api-url"
        - "InvalidResponse: the API's answer is larger than 33554432 bytes: ask for smaller pages (spec.query.pageSize)"
        - "IncompleteListing: the listing is not complete: the API serves the same page again and again. If this stays, tell Together"
        "#);
    }
}
