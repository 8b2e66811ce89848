//! A list: page after page, the next one in flight while the current one is processed. A failed page is retried.

use std::time::Duration;

use retry::Retries;
use tokio::task::JoinError;
use tokio_util::task::AbortOnDropHandle;

use super::error::{Error, Incomplete};
use crate::together::{
    listing::{
        complete::CompleteListing,
        pages::{Next, Pass},
    },
    query::dialect::{Dialects, QueryNames, StateFilter},
    service::{Api, ListRequest, Page, PageQuery},
    wire::remediation::{Malformed, Remediation},
};

pub(crate) mod complete;
pub(crate) mod pages;
mod retry;
pub(crate) mod timed;

type Fetch = AbortOnDropHandle<Result<Page, Error>>;

/// A list in progress. At most two pages are in memory. Dropping it cancels its request.
///
/// Requires a tokio runtime, because each request is a task.
pub struct Listing<A: Api> {
    api: A,
    request: ListRequest,
    dialects: Dialects,
    /// The remaining forms of the state filter, the current one first.
    ladder: Vec<StateFilter>,
    names: QueryNames,
    switched: bool,
    /// A filter was rejected in this list.
    fell: bool,
    filter_ignored: bool,
    told: Told,
    pass: Pass,
    progress: Progress,
    /// The token of the requested page.
    page_token: Option<String>,
    retries: Retries,
    calls: usize,
}

/// What this list learned about the server. It counts once, however often the list starts over.
#[derive(Default)]
struct Told {
    names: bool,
    filter: bool,
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
    pub fn start(api: A, mut request: ListRequest, dialects: &Dialects) -> Self {
        request.states.sort_unstable();
        request.states.dedup();
        let first = dialects.filter(&request.states);
        let mut ladder = StateFilter::ladder(&request.states);
        let known = ladder.iter().position(|rung| *rung == first).unwrap_or(0);
        ladder.drain(..known);
        Self {
            api,
            request,
            dialects: dialects.clone(),
            ladder,
            names: dialects.names(),
            switched: false,
            fell: false,
            filter_ignored: false,
            told: Told::default(),
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
        let filter = self.filter();
        match self.progress {
            Progress::Ended => Ok(CompleteListing::of(
                self.pass,
                self.names,
                filter,
                self.filter_ignored,
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
        self.filter_ignored
    }

    /// Processes a page, and requests the next one.
    fn take(&mut self, page: Page) -> Vec<Result<Remediation, Malformed>> {
        self.learn_filter(&page);
        let (items, next) = self.pass.take(page);
        match next {
            Next::Broken(Incomplete::Loop) if !self.switched => self.start_over(),
            Next::Broken(why) => {
                self.progress = Progress::Failed(Error::IncompleteListing { why });
            }
            Next::Token(token) => {
                self.learn_names(false);
                self.fetch(Some(token));
            }
            Next::End => {
                self.learn_names(true);
                self.learn_that_the_filter_holds();
                self.progress = Progress::Ended;
            }
        }
        items
    }

    /// What was known already is not reported again, so that it expires and the better form is tried again.
    fn learn_names(&mut self, ended: bool) {
        let news = self.switched || self.names == QueryNames::Reference;
        // The first page does not use a token, so it says nothing about the token's name.
        let proof = self.pass.pages() > 1 || (self.switched && ended);
        if news && proof && !std::mem::replace(&mut self.told.names, true) {
            self.dialects.names_work(&self.request, self.names);
        }
    }

    fn learn_filter(&mut self, page: &Page) {
        if self.request.states.is_empty() || self.filter_ignored {
            return;
        }
        let filter = self.filter();
        let outside = |item: &Result<Remediation, _>| {
            item.as_ref()
                .is_ok_and(|remediation| !filter.admits(&remediation.state))
        };
        if page.items.iter().any(outside) {
            self.filter_ignored = true;
            self.dialects.filter_ignored(&self.request);
        } else if self.fell && !std::mem::replace(&mut self.told.filter, true) {
            self.dialects.filter_taken(&self.request, &filter);
        }
    }

    /// Retries the page if that may help.
    fn failed(&mut self, error: Error) {
        let (query, pages) = (self.query(), self.pass.pages());
        match self.retries.after(&error, &query, pages) {
            Some(wait) => self.call(query, wait),
            None => self.refused(error),
        }
    }

    /// The list is complete: the format that it started with works.
    fn learn_that_the_filter_holds(&self) {
        if !self.fell && !self.filter_ignored && !self.request.states.is_empty() {
            self.dialects.filter_heeded(&self.request, &self.filter());
        }
    }

    /// If the first page is rejected, the filter may be the cause: the next form is tried. If the last form is rejected
    /// too, the names may be the cause: the others are tried once, without a filter, and the next list searches for
    /// one. This is not done if an order is requested, which may be the cause: a server that ignores the other names
    /// would list, and the wrong order would go unnoticed.
    fn refused(&mut self, error: Error) {
        let refused = matches!(error, Error::BadRequest { status: 400 | 422 });
        self.progress = if refused && self.pass.pages() > 0 {
            Progress::Failed(Error::IncompleteListing {
                why: Incomplete::TokenRefused,
            })
        } else if refused && self.ladder.len() > 1 {
            self.ladder.remove(0);
            self.fell = true;
            Progress::Ask(None)
        } else if refused && !self.switched && self.request.order_by.is_none() {
            (self.switched, self.names) = (true, self.names.other());
            // The filter was not the cause.
            self.fell = false;
            Progress::Ask(None)
        } else {
            Progress::Failed(error)
        };
    }

    fn start_over(&mut self) {
        self.switched = true;
        self.names = self.names.other();
        self.pass = std::mem::take(&mut self.pass).start_over();
        self.progress = Progress::Ask(None);
    }

    fn filter(&self) -> StateFilter {
        self.ladder.first().cloned().unwrap_or(StateFilter::None)
    }

    fn fetch(&mut self, page_token: Option<String>) {
        self.page_token = page_token;
        self.retries.next_page();
        self.call(self.query(), Duration::ZERO);
    }

    /// The request for the current page.
    fn query(&self) -> PageQuery {
        PageQuery {
            cluster: self.request.cluster.clone(),
            instance: self.request.instance.clone(),
            names: self.names,
            filter: self.filter(),
            page_size: self.request.page_size,
            page_token: self.page_token.clone(),
            order_by: self.request.order_by.clone(),
        }
    }

    /// Sends a request after `wait`, and after a short rate limit of the key.
    fn call(&mut self, query: PageQuery, wait: Duration) {
        self.calls += 1;
        let api = self.api.clone();
        let call = tokio::spawn(async move {
            let wait = wait.max(retry::waited_for(api.paused()));
            if !wait.is_zero() {
                tokio::time::sleep(wait).await;
            }
            api.list_page(&query).await
        });
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
