//! A list: page after page, the next one in flight while the current one is processed. A failed page is retried.

use std::time::Duration;

use retry::Retries;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;
use tracing::Instrument;

use super::error::{Error, Incomplete};
use crate::together::{
    listing::{
        complete::CompleteListing,
        negotiation::Negotiation,
        pages::{Next, Pass},
    },
    query::{dialect::Dialects, list::ListRequest, page::PageQuery},
    service::Api,
    wire::{
        page::Page,
        remediation::{Malformed, Remediation},
    },
};

pub(crate) mod complete;
mod negotiation;
pub(crate) mod pages;
mod retry;
pub(crate) mod timed;

type Fetch = AbortOnDropHandle<Result<Page, Error>>;

/// A list in progress. At most two pages are in memory. Dropping it cancels its request.
///
/// Requires a tokio runtime, because each request is a task.
pub struct Listing<A: Api> {
    api: A,
    negotiation: Negotiation,
    pass: Pass,
    progress: Progress,
    /// The token of the requested page.
    page_token: Option<String>,
    retries: Retries,
    calls: usize,
}

enum Progress {
    /// The next page must be requested (`None`: the first one).
    Ask(Option<String>),
    /// The next page was requested.
    Fetching(Fetch),
    /// The API ended the list.
    Ended,
    /// There are no more pages.
    Failed(Error),
}

impl<A: Api> Listing<A> {
    /// A list that starts with its first [`next_page`](Self::next_page), in the query format that is known to work.
    #[must_use]
    pub fn start(api: A, request: ListRequest, dialects: &Dialects) -> Self {
        Self {
            api,
            negotiation: Negotiation::start(request, dialects),
            pass: Pass::default(),
            progress: Progress::Ask(None),
            page_token: None,
            retries: Retries::default(),
            calls: 0,
        }
    }

    /// With `once`, requests the first page without retries: it failed last time, or it is the whole list, so that the
    /// next sync is soon enough.
    #[must_use]
    pub fn first_page_once(mut self, once: bool) -> Self {
        self.retries.first_page_once = once;
        self
    }

    /// How many of the [`calls`](Self::calls) were retries.
    #[must_use]
    pub fn retries(&self) -> usize {
        self.retries.made()
    }

    /// Number of requests so far, including rejected ones and retries.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// The new items of the next page (possibly none), or `None` after the last page. No id occurs twice. Items in
    /// states that were not requested are included.
    ///
    /// Cancel-safe: it may be dropped while it waits, and called again.
    ///
    /// # Errors
    /// Any [`Error`], and the same one from then on.
    pub async fn next_page(
        &mut self,
    ) -> Result<Option<Vec<Result<Remediation, Malformed>>>, Error> {
        loop {
            let answer = match &mut self.progress {
                Progress::Ask(token) => {
                    let token = token.take();
                    self.fetch(token);
                    continue;
                }
                Progress::Fetching(fetch) => arrived(fetch.await),
                Progress::Ended => return Ok(None),
                Progress::Failed(error) => return Err(error.clone()),
            };
            match answer {
                Ok(page) => return Ok(Some(self.take(page))),
                Err(error) => self.failed(error),
            }
        }
    }

    /// Ends the list: the proof that it is complete, or its error.
    ///
    /// # Errors
    /// The error of [`next_page`](Self::next_page); [`Incomplete::Stopped`] if the list is not complete.
    pub fn finish(self) -> Result<CompleteListing, Error> {
        let format = self.negotiation;
        match self.progress {
            Progress::Ended => Ok(CompleteListing::of(
                self.pass,
                format.names(),
                format.filter(),
                format.filter_ignored(),
            )),
            Progress::Failed(error) => Err(error),
            Progress::Ask(_) | Progress::Fetching(_) => Err(Error::IncompleteListing {
                why: Incomplete::Stopped,
            }),
        }
    }

    /// Whether an item in another state proved that the API ignores the filter.
    #[must_use]
    pub fn filter_ignored(&self) -> bool {
        self.negotiation.filter_ignored()
    }

    /// Processes a page, and requests the next one.
    fn take(&mut self, page: Page) -> Vec<Result<Remediation, Malformed>> {
        self.negotiation.page_arrived(&page);
        let (items, next) = self.pass.take(page);
        match next {
            Next::Broken(Incomplete::Loop) if !self.negotiation.names_switched() => {
                self.start_over();
            }
            Next::Broken(why) => {
                self.progress = Progress::Failed(Error::IncompleteListing { why });
            }
            Next::Token(token) => {
                self.negotiation.page_continues(self.pass.pages());
                self.fetch(Some(token));
            }
            Next::End => {
                self.negotiation.list_completed(self.pass.pages());
                self.progress = Progress::Ended;
            }
        }
        items
    }

    /// Retries the page if that may help.
    fn failed(&mut self, error: Error) {
        let (query, pages) = (self.query(), self.pass.pages());
        match self.retries.after(&error, &query, pages) {
            Some(wait) => self.call(query, wait),
            None => self.rejected(error),
        }
    }

    /// The server may have rejected the query format: the next one is tried.
    fn rejected(&mut self, error: Error) {
        let rejected = matches!(error, Error::BadRequest { status: 400 | 422 });
        self.progress = if rejected && self.pass.pages() > 0 {
            Progress::Failed(Error::IncompleteListing {
                why: Incomplete::TokenRefused,
            })
        } else if rejected && self.negotiation.fall_back() {
            Progress::Ask(None)
        } else {
            Progress::Failed(error)
        };
    }

    /// Starts over with the other names: a server that ignores the current ones returns the first page forever.
    fn start_over(&mut self) {
        self.negotiation.switch_names();
        self.pass = std::mem::take(&mut self.pass).start_over();
        self.progress = Progress::Ask(None);
    }

    fn fetch(&mut self, page_token: Option<String>) {
        self.page_token = page_token;
        self.retries.next_page();
        self.call(self.query(), Duration::ZERO);
    }

    /// The request for the current page.
    fn query(&self) -> PageQuery {
        self.negotiation.query(self.page_token.clone())
    }

    /// Sends a request after `wait`, and after a short rate limit of the key.
    fn call(&mut self, query: PageQuery, wait: Duration) {
        self.calls += 1;
        let api = self.api.clone();
        let call = async move {
            let wait = wait.max(retry::waited_for(api.paused()));
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            api.list_page(&query).await
        };
        let call = tokio::spawn(call.in_current_span());
        self.progress = Progress::Fetching(AbortOnDropHandle::new(call));
    }
}

/// The result of a page's task.
fn arrived(outcome: Result<Result<Page, Error>, JoinError>) -> Result<Page, Error> {
    match outcome.map_err(JoinError::try_into_panic) {
        Ok(answer) => answer,
        Err(Ok(panic)) => std::panic::resume_unwind(panic),
        Err(Err(_)) => Err(Error::IncompleteListing {
            why: Incomplete::Stopped,
        }),
    }
}

#[cfg(test)]
mod tests;
