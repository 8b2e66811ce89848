//! A page of a list as the API returns it.

use super::remediation::{Malformed, Remediation};

/// One page of the API's response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The items in the page's order, readable or not.
    pub items: Vec<Result<Remediation, Malformed>>,
    /// `has_next`: whether there are more pages.
    pub has_next: bool,
    /// `next_page_token`; null and empty are `None`.
    pub next_page_token: Option<String>,
}
