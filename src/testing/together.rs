//! A model of the Together API: pages, the state filter, the request by id, and faults on demand.

use std::{
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;
use reqwest::header::{DATE, HeaderMap};

use crate::together::{
    Api, ApiClock, ApiKey, Dialects, Error, Malformed, Moment, Page, PageQuery, Remediation,
    Service, Skew, StateFilter,
};

/// A request that reached the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A page of these states (none: all).
    Page(Vec<String>),
    /// One by id, under its instance or `-`.
    One(Option<String>, String),
}

/// How the server treats the state filter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Filter {
    #[default]
    Honored,
    Ignored,
    Refused,
    /// Of repeated states only the first is honored, of comma-separated ones all.
    First,
}

type OneFault = dyn Fn(&str) -> Option<Error> + Send;
type Dated = dyn Fn() -> (Timestamp, Moment) + Send;
type KeyFault = dyn FnMut([u8; 32]) -> Option<Error> + Send;

#[derive(Default)]
pub(crate) struct State {
    /// The listed items.
    pub(crate) items: Vec<Remediation>,
    /// What only the request by id returns.
    pub(crate) unlisted: Vec<Remediation>,
    /// Ids of listed items that are otherwise unreadable.
    pub(crate) unreadable: Vec<String>,
    /// Listed items that are unreadable, including the id.
    pub(crate) unnamed: usize,
    pub(crate) filter: Filter,
    pub(crate) faults: Faults,
    /// How long each request by id takes.
    pub(crate) one_takes: Duration,
    /// Runs while a page is in flight.
    pub(crate) meanwhile: Option<Box<dyn Fn() + Send>>,
    asked: Vec<Asked>,
    dated: Option<Box<Dated>>,
}

/// The requests that fail.
#[derive(Default)]
pub(crate) struct Faults {
    /// The page that fails, from 0, and its error.
    pub(crate) page: Option<(usize, Error)>,
    /// Pages that fail once each, from 0, and their errors.
    pub(crate) hiccups: Vec<(usize, Error)>,
    /// The error for pages requested with this key.
    pub(crate) key: Option<Box<KeyFault>>,
    one: Option<Box<OneFault>>,
}

impl Faults {
    /// The error for a page that is requested with this key.
    fn of_key(&mut self, key: Option<[u8; 32]>) -> Option<Error> {
        let fault = self.key.as_mut()?;
        fault(key?)
    }

    /// The error for this page, from 0.
    fn of_page(&mut self, page: usize) -> Option<Error> {
        let lasting = self.page.as_ref().filter(|(at, _)| *at == page);
        if let Some((_, error)) = lasting {
            return Some(error.clone());
        }
        let at = self.hiccups.iter().position(|(at, _)| *at == page)?;
        Some(self.hiccups.swap_remove(at).1)
    }

    /// The error for the request by this id.
    fn of_one(&self, id: &str) -> Option<Error> {
        let fault = self.one.as_ref()?;
        fault(id)
    }
}

impl State {
    /// All that a list with this filter returns.
    fn listed(&self, filter: &StateFilter) -> Vec<Result<Remediation, Malformed>> {
        let admitted = |item: &&Remediation| match (self.filter, filter) {
            (Filter::Ignored, _) => true,
            (Filter::First, StateFilter::Repeated(states)) => *item.state == *states[0],
            (_, filter) => filter.admits(&item.state),
        };
        let unreadable = |position| Malformed {
            position,
            id: None,
            field: "id".into(),
            problem: "missing",
        };
        let listed = self.items.iter().filter(admitted).enumerate();
        let listed = listed.map(|(position, item)| {
            if self.unreadable.iter().all(|id| *id != *item.id) {
                return Ok(item.clone());
            }
            Err(Malformed {
                id: Some(item.id.to_string()),
                field: "state".into(),
                ..unreadable(position)
            })
        });
        let unnamed = (0..self.unnamed).map(|at| Err(unreadable(at)));
        listed.chain(unnamed).collect()
    }
}

/// Clones share the API.
#[derive(Clone, Default)]
pub(crate) struct MemoryTogether {
    state: Arc<Mutex<State>>,
    dialects: Dialects,
    skew: Skew,
    key: Option<[u8; 32]>,
}

impl MemoryTogether {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    /// The requests since the last call of this.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        std::mem::take(&mut self.state().asked)
    }

    /// From now on the request by id fails if this returns an error.
    pub(crate) fn fail_ids(&self, fault: impl Fn(&str) -> Option<Error> + Send + 'static) {
        self.state().faults.one = Some(Box::new(fault));
    }

    /// From now on pages have this `Date` at this instant of our clocks.
    pub(crate) fn date(&self, dated: impl Fn() -> (Timestamp, Moment) + Send + 'static) {
        self.state().dated = Some(Box::new(dated));
    }

    /// Adds it to the list, replacing one with its id.
    pub(crate) fn show(&self, item: Remediation) {
        self.hide(&item.id);
        self.state().items.push(item);
    }

    /// The API no longer has it.
    pub(crate) fn hide(&self, id: &str) {
        self.state().items.retain(|item| item.id != id);
    }
}

impl Service for MemoryTogether {
    type Api = Self;

    fn with_key(&self, key: &ApiKey) -> Self {
        Self {
            key: Some(key.fingerprint()),
            ..self.clone()
        }
    }

    fn dialects(&self) -> &Dialects {
        &self.dialects
    }

    fn clock(&self) -> ApiClock {
        self.skew.clock()
    }
}

impl Api for MemoryTogether {
    async fn list_page(&self, query: &PageQuery) -> Result<Page, Error> {
        let state = &mut *self.state();
        state
            .asked
            .push(Asked::Page(query.filter.states().to_vec()));
        if let Some(error) = state.faults.of_key(self.key) {
            return Err(error);
        }
        if let Some(pass) = &state.meanwhile {
            pass();
        }
        if let Some(dated) = &state.dated {
            let (date, ours) = dated();
            let date = httpdate::fmt_http_date(date.into());
            let headers = HeaderMap::from_iter([(DATE, date.parse().unwrap())]);
            self.skew.note(&headers, ours, ours);
        }
        if state.filter == Filter::Refused && query.filter != StateFilter::None {
            return Err(Error::BadRequest { status: 400 });
        }
        let token = query.page_token.as_deref();
        let page: usize = token.map_or(0, |token| token.parse().unwrap());
        if let Some(error) = state.faults.of_page(page) {
            return Err(error);
        }
        let listed = state.listed(&query.filter);
        let size = usize::from(query.page_size);
        let has_next = listed.len() > (page + 1) * size;
        Ok(Page {
            items: listed.into_iter().skip(page * size).take(size).collect(),
            has_next,
            next_page_token: has_next.then(|| (page + 1).to_string()),
        })
    }

    async fn get(&self, _: &str, instance: Option<&str>, id: &str) -> Result<Remediation, Error> {
        let takes = self.state().one_takes;
        if takes > Duration::ZERO {
            tokio::time::sleep(takes).await;
        }
        let mut state = self.state();
        state
            .asked
            .push(Asked::One(instance.map(str::to_owned), id.to_owned()));
        if let Some(error) = state.faults.of_one(id) {
            return Err(error);
        }
        let mut known = state.items.iter().chain(&state.unlisted);
        known
            .find(|item| item.id == id)
            .cloned()
            .ok_or(Error::NotFound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hiccup_fails_its_page_once_and_a_fault_each_time() {
        let mut faults = Faults {
            page: Some((0, Error::Unauthorized)),
            hiccups: vec![(1, Error::Forbidden)],
            ..Faults::default()
        };
        let errors = [0, 1, 0, 1, 2].map(|page| faults.of_page(page));
        let (lasting, once) = (Some(Error::Unauthorized), Some(Error::Forbidden));
        assert_eq!(errors, [lasting.clone(), once, lasting, None, None]);
        assert_eq!(faults.of_key(Some([0; 32])), None);
        assert_eq!(faults.of_one("r"), None);
    }
}
