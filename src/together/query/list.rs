//! What a list is to contain.

/// What to list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// The cluster's id.
    pub cluster: String,
    /// One instance, or all (`None`: `-` on the wire).
    pub instance: Option<String>,
    /// Only remediations in these states; empty means all.
    pub states: Vec<String>,
    /// Remediations per page, from 1. The API's maximum is not documented.
    pub page_size: u16,
    /// Passed to the API unchanged. Its grammar is not documented.
    pub order_by: Option<String>,
}
