//! An API in memory, for the tests of listings.

use std::sync::{Arc, Mutex};

use tokio::sync::watch;
use tokio::time::timeout;

use super::super::*;

/// How long a test waits for an expected call.
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(20);

/// The answer to a query, after this number of earlier calls.
type Answer = dyn Fn(&PageQuery, usize) -> Result<Page, Error> + Send + Sync;

#[derive(Clone)]
pub(super) struct Fake {
    answer: Arc<Answer>,
    log: Arc<Mutex<Vec<PageQuery>>>,
    calls: watch::Sender<usize>,
    hang_at: Option<usize>,
    /// Has a receiver for each call that hangs.
    hanging: watch::Sender<()>,
}

impl Fake {
    /// Answers each query; `answer` also gets the number of calls before it.
    pub(super) fn new(
        answer: impl Fn(&PageQuery, usize) -> Result<Page, Error> + Send + Sync + 'static,
    ) -> Self {
        Self {
            answer: Arc::new(answer),
            log: Arc::default(),
            calls: watch::Sender::new(0),
            hang_at: None,
            hanging: watch::Sender::new(()),
        }
    }

    /// Never answers the call of this number.
    pub(super) fn hanging_at(self, call: usize) -> Self {
        Self {
            hang_at: Some(call),
            ..self
        }
    }

    pub(super) fn queries(&self) -> Vec<PageQuery> {
        self.log.lock().unwrap().clone()
    }

    pub(super) fn calls(&self) -> usize {
        *self.calls.borrow()
    }

    pub(super) async fn called(&self, times: usize) {
        let mut calls = self.calls.subscribe();
        let called = calls.wait_for(|calls| *calls >= times);
        timeout(TIMEOUT, called).await.unwrap().unwrap();
    }

    /// Until no call hangs any more.
    pub(super) async fn released(&self) {
        timeout(TIMEOUT, self.hanging.closed()).await.unwrap();
    }
}

impl Api for Fake {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        let call = self.calls();
        self.log.lock().unwrap().push(query.clone());
        self.calls.send_modify(|calls| *calls += 1);
        if self.hang_at == Some(call) {
            let _hanging = self.hanging.subscribe();
            std::future::pending::<()>().await;
        }
        tokio::task::yield_now().await;
        (self.answer)(query, call)
    }

    async fn get(&self, _: &str, _: Option<&str>, _: &str) -> Result<Remediation, Error> {
        Err(Error::NotFound)
    }
}

pub(in crate::together::listing) fn remediation(id: &str, state: &str) -> Remediation {
    Remediation {
        id: id.into(),
        state: state.into(),
        ..Remediation::default()
    }
}

pub(in crate::together::listing) fn page(items: Vec<Remediation>, next: Option<&str>) -> Page {
    Page {
        items: items.into_iter().map(Ok).collect(),
        has_next: next.is_some(),
        next_page_token: next.map(str::to_owned),
    }
}

/// Pages of a fixed list by offset, as a server that understands `query.names` would cut them.
pub(super) fn cut(items: &[Remediation], query: &PageQuery) -> Page {
    let from = query
        .page_token
        .as_ref()
        .map_or(0, |token| token.parse().unwrap());
    let to = (from + usize::from(query.page_size)).min(items.len());
    let next = (to < items.len()).then(|| to.to_string());
    page(items[from.min(to)..to].to_vec(), next.as_deref())
}

/// The same, where the names are not understood: size and page are the server's own.
pub(super) fn first_page(items: &[Remediation], query: &PageQuery) -> Page {
    cut(
        items,
        &PageQuery {
            page_token: None,
            page_size: 3,
            ..query.clone()
        },
    )
}
