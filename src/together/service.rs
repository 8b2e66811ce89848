//! The port to the Together API.

use std::{future::Future, time::Duration};

use super::error::Error;
use crate::together::{
    api_key::ApiKey,
    clock_skew::ApiClock,
    query::{dialect::Dialects, page::PageQuery},
    wire::{page::Page, remediation::Remediation},
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
