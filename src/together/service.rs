//! The port to the Together API.

use std::{future::Future, time::Duration};

use super::error::Error;
use crate::together::{
    api_key::ApiKey,
    clock_skew::ApiClock,
    query::dialect::{Dialects, QueryNames, StateFilter},
    wire::remediation::{Malformed, Remediation},
};

/// The API with one key.
pub trait Api: Clone + Send + Sync + 'static {
    /// One page of a list: a single request without retries.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::IncompleteListing`].
    fn list_page(&self, query: &PageQuery) -> impl Future<Output = Result<Page, Error>> + Send;

    /// One remediation by id, under its instance or (`None`) under `-`. The reference page does not document this
    /// request, so a 404 may mean that the API does not have it.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::IncompleteListing`].
    fn get(
        &self,
        cluster: &str,
        instance: Option<&str>,
        id: &str,
    ) -> impl Future<Output = Result<Remediation, Error>> + Send;

    /// How long the key is rate-limited from now on; zero if it is not.
    fn paused(&self) -> Duration {
        Duration::ZERO
    }
}

/// Creates [`Api`]s for keys, and remembers what was learned about the server.
pub trait Service: Send + Sync + 'static {
    /// The API with one key.
    type Api: Api;
    /// The API with `key`.
    fn with_key(&self, key: &ApiKey) -> Self::Api;
    /// What was learned about the server.
    fn dialects(&self) -> &Dialects;
    /// What is known about the API's clock.
    fn clock(&self) -> ApiClock {
        ApiClock::default()
    }
}

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
