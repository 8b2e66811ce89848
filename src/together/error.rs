//! Errors of requests to the Together API.

use std::time::Duration;

use crate::{api::Reason, network::Cause};

/// Why a request or a list failed. Contains no key, no URL and no value of a body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// 401.
    #[error(
        "Together rejected the API key (401): it is invalid, expired or revoked. Put a valid API key into the Secret of spec.apiKeySecretRef"
    )]
    Unauthorized,
    /// 403.
    #[error(
        "the API key has no access to this resource (403). Put an API key of the cluster's project into the Secret of spec.apiKeySecretRef"
    )]
    Forbidden,
    /// 402.
    #[error(
        "Together rejected the request for billing reasons (402), such as a spending limit. Check billing in the Together console. If this persists, contact Together support"
    )]
    Billing,
    /// 404.
    #[error("Together found nothing with this id (404)")]
    NotFound,
    /// 400, or another 4xx that a retry will not fix.
    #[error(
        "Together rejected the request ({status}). Check spec.clusterId, spec.instanceId, spec.states and spec.query"
    )]
    BadRequest {
        /// The HTTP status.
        status: u16,
    },
    /// An id that no URL can contain: empty, `.` or `..`. No request was sent.
    #[error(
        "the {what} is empty, \".\" or \"..\", which is not a valid id. Set the id that the Together API uses"
    )]
    ImpossibleId {
        /// Which id.
        what: &'static str,
    },
    /// Every listed remediation belongs to another id, according to its own fields.
    #[error(
        "all listed remediations have the id {theirs:?}, which differs from {field}. Create a ClusterWatch with this spelling, and delete this one"
    )]
    OtherSpelling {
        /// The field of the `ClusterWatch`.
        field: &'static str,
        /// The API's id, truncated to 64 characters.
        theirs: String,
    },
    /// 429, or the key is still rate-limited after an earlier 429 (then no request was sent).
    #[error(
        "Together is rate-limiting this API key (429). The operator retries later. If this persists, lower --api-qps, or use the API key for fewer ClusterWatches"
    )]
    RateLimited {
        /// How long to wait, because the API says so or because of several 429 in a row; at most an hour.
        retry_after: Option<Duration>,
    },
    /// No response, or one that asks for a retry: 408, 409, 425, 5xx.
    #[error("the Together API is unavailable: {cause}")]
    Unavailable {
        /// What happened.
        cause: TransportError,
        /// How long to wait, because the API says so or because of several 503 in a row; at most an hour.
        retry_after: Option<Duration>,
    },
    /// A response that differs from the API's reference page.
    #[error("cannot read the response of the Together API: {0}")]
    InvalidResponse(DecodeError),
    /// The body exceeds the limit. The rest was not read.
    #[error(
        "the response of the Together API is larger than {limit} bytes. Set a smaller spec.query.pageSize"
    )]
    TooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// A list that did not end properly, so it does not prove that anything is gone.
    #[error("the list from the Together API is incomplete: {why}")]
    IncompleteListing {
        /// What ended it.
        why: Incomplete,
    },
}

/// Why there is no usable response.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TransportError {
    /// The HTTP status of the response.
    #[error(
        "it returned HTTP {0}. The operator retries at every interval. If this persists, contact Together support"
    )]
    Status(u16),
    /// No connection, or no complete response on it.
    #[error("{}. The operator retries at every interval. If this persists, {}", .0.phrase(), .0.advice())]
    Connection(Cause),
}

/// Why a response is invalid.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Not JSON, for example a web page.
    #[error(
        "it is not JSON (line {line}, column {column}). Check --api-url, and any proxy between the operator and the API"
    )]
    NotJson {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 at a line's start.
        column: usize,
    },
    /// Truncated JSON.
    #[error(
        "it is truncated (line {line}, column {column}). If this persists, check the network and proxies between the operator and the API, then contact Together support"
    )]
    CutOff {
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 at a line's start.
        column: usize,
    },
    /// JSON with another structure.
    #[error(
        "{path} has the wrong type or appears twice (line {line}, column {column}). Check --api-url, then contact Together support"
    )]
    Shape {
        /// The field, or `the body`.
        path: String,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1; 0 at a line's start.
        column: usize,
    },
    /// JSON with the right structure but a missing or invalid value.
    #[error("{field}: {problem}. Check --api-url, then contact Together support")]
    Field {
        /// The field, or `the body`.
        field: String,
        /// The problem, for people.
        problem: &'static str,
    },
    /// The response to a request by id contains another remediation.
    #[error("it holds another remediation than the one requested")]
    OtherRemediation,
    /// A redirect. It is not followed, because it could send the key to another server.
    #[error("it is a redirect (HTTP {0}), which the operator does not follow. Fix --api-url")]
    Redirect(u16),
}

/// Why a list is incomplete.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Incomplete {
    /// Pages repeat, whichever names the query parameters have.
    #[error("the same page was returned repeatedly. If this persists, contact Together support")]
    Loop,
    /// `has_next` is true, but there is no token.
    #[error(
        "a next page was announced without a page token. If this persists, contact Together support"
    )]
    NoToken,
    /// The token of the next page was rejected (400). It may have expired.
    #[error("the page token was rejected (400). If this persists, contact Together support")]
    TokenRefused,
    /// More pages than the limit.
    #[error("it has more than {0} pages. Set a larger spec.query.pageSize")]
    TooManyPages(usize),
    /// The operator stopped it.
    #[error("the sync was stopped")]
    Stopped,
}

impl Error {
    /// Whether a retry may succeed without any change.
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

    /// How long to wait before the next request, at most an hour.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// The reason in conditions and metrics.
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
    fn every_error_is_one_line() {
        let (line, column) = (3, 14);
        let lines = [
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
        insta::assert_yaml_snapshot!(lines, @r#"
        - "Unauthorized: Together rejected the API key (401): it is invalid, expired or revoked. Put a valid API key into the Secret of spec.apiKeySecretRef"
        - "Forbidden: the API key has no access to this resource (403). Put an API key of the cluster's project into the Secret of spec.apiKeySecretRef"
        - "Forbidden: Together rejected the request for billing reasons (402), such as a spending limit. Check billing in the Together console. If this persists, contact Together support"
        - "NotFound: Together found nothing with this id (404)"
        - "BadRequest: Together rejected the request (400). Check spec.clusterId, spec.instanceId, spec.states and spec.query"
        - "BadRequest: the cluster id is empty, \".\" or \"..\", which is not a valid id. Set the id that the Together API uses"
        - "BadRequest: all listed remediations have the id \"Cluster-1\", which differs from spec.clusterId. Create a ClusterWatch with this spelling, and delete this one"
        - "RateLimited: Together is rate-limiting this API key (429). The operator retries later. If this persists, lower --api-qps, or use the API key for fewer ClusterWatches"
        - "Unavailable: the Together API is unavailable: it returned HTTP 503. The operator retries at every interval. If this persists, contact Together support"
        - "Unavailable: the Together API is unavailable: timed out. The operator retries at every interval. If this persists, check the network, egress policies and proxies between the operator and the server"
        - "Unavailable: the Together API is unavailable: proxy needs credentials. The operator retries at every interval. If this persists, add the proxy's user name and password to its URL (HTTPS_PROXY), or exempt the operator in the proxy"
        - "InvalidResponse: cannot read the response of the Together API: it is not JSON (line 3, column 14). Check --api-url, and any proxy between the operator and the API"
        - "InvalidResponse: cannot read the response of the Together API: it is truncated (line 3, column 14). If this persists, check the network and proxies between the operator and the API, then contact Together support"
        - "InvalidResponse: cannot read the response of the Together API: has_next has the wrong type or appears twice (line 3, column 14). Check --api-url, then contact Together support"
        - "InvalidResponse: cannot read the response of the Together API: state: absent. Check --api-url, then contact Together support"
        - "InvalidResponse: cannot read the response of the Together API: it is a redirect (HTTP 301), which the operator does not follow. Fix --api-url"
        - "InvalidResponse: the response of the Together API is larger than 33554432 bytes. Set a smaller spec.query.pageSize"
        - "IncompleteListing: the list from the Together API is incomplete: the same page was returned repeatedly. If this persists, contact Together support"
        "#);
    }
}
