//! A listing: pages one after the other, the next one on its way while the last is worked on. A page that failed is asked
//! for again.

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

/// A listing under way. At most two pages are in memory; dropping it ends its call.
///
/// To be driven within a tokio runtime: each call is a task of its own.
pub struct Listing<A: Api> {
    api: A,
    request: ListRequest,
    dialects: Dialects,
    /// The ways to ask for the states that are left, the present one first.
    ladder: Vec<StateFilter>,
    names: QueryNames,
    switched: bool,
    /// A filter was refused in this listing.
    fell: bool,
    filter_ignored: bool,
    told: Told,
    pass: Pass,
    progress: Progress,
    /// The token of the page that is asked for.
    page_token: Option<String>,
    retries: Retries,
    calls: usize,
}

/// What this listing has told of the server: it counts once, however often it begins again.
#[derive(Default)]
struct Told {
    names: bool,
    filter: bool,
}

enum Progress {
    /// The next page is to be asked for (`None`: the first).
    Ask(Option<String>),
    /// The next page is on its way.
    Fetching(Fetch),
    /// The API has ended the listing.
    Ended,
    /// No page will come any more.
    Failed(Error),
}

impl<A: Api> Listing<A> {
    /// A listing that begins with its first [`next_page`](Self::next_page), in the words
    /// that the server is known to understand.
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

    /// Has the first page asked for once only, where `once`: it failed last time, or it is all there is, so that nothing is
    /// lost by waiting for the next listing.
    #[must_use]
    pub fn first_page_once(mut self, once: bool) -> Self {
        self.retries.first_page_once = once;
        self
    }

    /// How many of the [`calls`](Self::calls) repeated one that had failed.
    #[must_use]
    pub fn retries(&self) -> usize {
        self.retries.made()
    }

    /// Calls made so far, those too that were refused or repeated.
    #[must_use]
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// What is new on the next page (perhaps nothing), or `None` after the last page. No id
    /// comes twice. Items in states that were not asked for are handed out too.
    ///
    /// May be dropped while it waits and called again.
    ///
    /// # Errors
    /// Any [`Error`]; the same one again from then on.
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

    /// Ends the listing: the proof that it is complete, or what it failed by.
    ///
    /// # Errors
    /// What [`next_page`](Self::next_page) failed with; [`Incomplete::Stopped`] if it has not
    /// come to its end.
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

    /// Whether an item in another state has proved that the API ignores the filter.
    #[must_use]
    pub fn filter_ignored(&self) -> bool {
        self.filter_ignored
    }

    /// Takes a page in, and goes on to what follows.
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

    /// What was known already is not told anew, so that it is forgotten in time and the
    /// better form tried again.
    fn learn_names(&mut self, ended: bool) {
        let news = self.switched || self.names == QueryNames::Reference;
        // a first page that is not the last says nothing of the token's name
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

    /// The page is asked for again, where that is any use.
    fn failed(&mut self, error: Error) {
        let (query, pages) = (self.query(), self.pass.pages());
        match self.retries.after(&error, &query, pages) {
            Some(wait) => self.call(query, wait),
            None => self.refused(error),
        }
    }

    /// The listing has ended: what it began with was taken to the end.
    fn learn_that_the_filter_holds(&self) {
        if !self.fell && !self.filter_ignored && !self.request.states.is_empty() {
            self.dialects.filter_heeded(&self.request, &self.filter());
        }
    }

    /// A refusal of the first page may mean the filter: the next way to ask is tried. Where the last one is refused too, it
    /// may mean the names: the others are tried once, without a filter, and the next listing looks for one. Not where an
    /// order is asked for, which is what may be refused: a server that ignores the other names would list, and nobody would
    /// learn that the order is wrong.
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
            // It was not the filter that was refused.
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

    /// The question for the page that is asked for.
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

    /// Asks after `wait`, and not while the key is to be left alone for a short while.
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

/// What became of a page's task.
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
