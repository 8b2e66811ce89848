//! The request for one page of a list.

use super::dialect::{QueryNames, StateFilter};

/// The request for one page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// The cluster's id.
    pub cluster: String,
    /// One instance, or all (`None`).
    pub instance: Option<String>,
    /// The names of the query parameters.
    pub names: QueryNames,
    /// The form of the state filter.
    pub filter: StateFilter,
    /// Remediations per page.
    pub page_size: u16,
    /// The page; `None` means the first.
    pub page_token: Option<String>,
    /// Passed to the API unchanged.
    pub order_by: Option<String>,
}
