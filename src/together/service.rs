//! The port to the API: what the rest of the program asks, whoever answers.

use std::{future::Future, time::Duration};

use super::error::Error;
use crate::together::{
    api_key::ApiKey,
    clock_skew::ApiClock,
    query::dialect::{Dialects, QueryNames, StateFilter},
    wire::remediation::{Malformed, Remediation},
};

/// Something that answers like the API, with one key.
pub trait Api: Clone + Send + Sync + 'static {
    /// One page of a listing. One call to the API, never repeated inside.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::IncompleteListing`].
    fn list_page(&self, query: &PageQuery) -> impl Future<Output = Result<Page, Error>> + Send;

    /// One remediation by id, under its instance or (`None`) under `-`. This call is not on
    /// the reference page: a 404 may mean that the API does not have it.
    ///
    /// # Errors
    /// Any [`Error`] but [`Error::IncompleteListing`].
    fn get(
        &self,
        cluster: &str,
        instance: Option<&str>,
        id: &str,
    ) -> impl Future<Output = Result<Remediation, Error>> + Send;

    /// How long the key is to be left alone from now on, because the API asked for it; zero: not at all.
    fn paused(&self) -> Duration {
        Duration::ZERO
    }
}

/// Where the API is: it gives access with a key, and remembers how the server wants to be asked.
pub trait Service: Send + Sync + 'static {
    /// The API with one key.
    type Api: Api;
    /// The API with `key`.
    fn with_key(&self, key: &ApiKey) -> Self::Api;
    /// What was learned of the server.
    fn dialects(&self) -> &Dialects;
    /// What is known of the API's clock.
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
    /// Only remediations in these states; empty: all.
    pub states: Vec<String>,
    /// Remediations a page, from 1; the API's maximum is not documented.
    pub page_size: u16,
    /// Handed to the API as it is; its grammar is not documented.
    pub order_by: Option<String>,
}

/// One page of a listing, in the words that the API is to be asked with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageQuery {
    /// The cluster's id.
    pub cluster: String,
    /// One instance, or all (`None`).
    pub instance: Option<String>,
    /// Which spelling the query's names have.
    pub names: QueryNames,
    /// How states are asked for.
    pub filter: StateFilter,
    /// Remediations a page.
    pub page_size: u16,
    /// The page; `None`: the first.
    pub page_token: Option<String>,
    /// Handed to the API as it is.
    pub order_by: Option<String>,
}

/// One page, as the API answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The items in the page's order, each readable or not.
    pub items: Vec<Result<Remediation, Malformed>>,
    /// `has_next`: whether there are more.
    pub has_next: bool,
    /// `next_page_token`; null and empty are `None`.
    pub next_page_token: Option<String>,
}
