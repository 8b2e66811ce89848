//! How a request to the API server can fail.

/// Why a request to the API server failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum KubeApiError {
    /// The object was changed concurrently, or an object of that name already exists.
    #[error("the object was changed concurrently")]
    Conflict,
    /// The object or its namespace does not exist.
    #[error("object not found")]
    NotFound,
    /// Rejected by RBAC, quota or admission.
    #[error("the API server rejected the request: {0}")]
    Refused(String),
    /// Rejected because of concurrent writes. It had no effect and may be retried.
    #[error("the request conflicts with concurrent writes: {0}")]
    Contended(String),
    /// Too many requests. It had no effect and may be retried.
    #[error("the API server is throttling requests: {0}")]
    Busy(String),
    /// No response, or a response that asks for a retry.
    #[error("the API request failed: {0}")]
    Unavailable(String),
}
