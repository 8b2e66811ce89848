//! The query format of one list: which one is in use, what is tried after a rejection, and what the list learns about
//! the server.

use std::mem;

use crate::together::{
    query::{
        dialect::{Dialects, QueryNames, StateFilter},
        list::ListRequest,
        page::PageQuery,
    },
    wire::{page::Page, remediation::Remediation},
};

/// The query format of one list. What it learns is recorded in the server's [`Dialects`] once per list, however often
/// the list starts over.
pub(super) struct Negotiation {
    request: ListRequest,
    dialects: Dialects,
    filter: FilterForms,
    names: Names,
}

/// The forms of the state filter that one list tries.
struct FilterForms {
    /// The form in use.
    current: StateFilter,
    /// The server rejected a better form.
    rejected: bool,
    /// That rejection is recorded.
    recorded: bool,
    /// An item in another state proved that the server ignores the filter.
    ignored: bool,
}

impl FilterForms {
    /// The form for these `states` that is known to work, or the best one.
    fn start(states: &[String], dialects: &Dialects) -> Self {
        Self {
            current: dialects.filter(states),
            rejected: false,
            recorded: false,
            ignored: false,
        }
    }

    /// Uses the next form for these `states`, because the server rejected the current one. Returns `false` if that was
    /// the last.
    fn next(&mut self, states: &[String]) -> bool {
        let mut forms = StateFilter::fallbacks(states).into_iter();
        let next = forms
            .find(|form| *form == self.current)
            .and_then(|_| forms.next());
        if let Some(next) = next {
            self.current = next;
            self.rejected = true;
            return true;
        }
        false
    }

    /// Whether a page has an item in a state that was not requested.
    fn is_ignored_by(&self, page: &Page) -> bool {
        let filter = &self.current;
        let outside = |item: &Result<Remediation, _>| {
            item.as_ref()
                .is_ok_and(|remediation| !filter.admits(&remediation.state))
        };
        page.items.iter().any(outside)
    }
}

/// The names of the query parameters that one list uses.
struct Names {
    current: QueryNames,
    /// They are not the ones that the list started with.
    switched: bool,
    /// That they work is recorded.
    recorded: bool,
}

impl Names {
    const fn start(current: QueryNames) -> Self {
        Self {
            current,
            switched: false,
            recorded: false,
        }
    }

    fn switch(&mut self) {
        self.switched = true;
        self.current = self.current.other();
    }

    /// Whether these names were not known to work; only once. What was known already is not recorded
    /// again, so that it expires and the better form is tried again.
    fn take_new_names(&mut self) -> bool {
        let is_new = self.switched || self.current == QueryNames::Reference;
        is_new && !mem::replace(&mut self.recorded, true)
    }
}

impl Negotiation {
    /// Starts with the format that is known to work for `request`.
    pub(super) fn start(mut request: ListRequest, dialects: &Dialects) -> Self {
        request.states.sort_unstable();
        request.states.dedup();
        Self {
            filter: FilterForms::start(&request.states, dialects),
            names: Names::start(dialects.names()),
            request,
            dialects: dialects.clone(),
        }
    }

    /// The request for the page of this token (`None`: the first page).
    pub(super) fn query(&self, page_token: Option<String>) -> PageQuery {
        PageQuery {
            cluster: self.request.cluster.clone(),
            instance: self.request.instance.clone(),
            names: self.names.current,
            filter: self.filter.current.clone(),
            page_size: self.request.page_size,
            page_token,
            order_by: self.request.order_by.clone(),
        }
    }

    /// The names of the query parameters in use.
    pub(super) const fn names(&self) -> QueryNames {
        self.names.current
    }

    /// The form of the state filter in use.
    pub(super) fn filter(&self) -> StateFilter {
        self.filter.current.clone()
    }

    /// Whether an item in another state proved that the API ignores the filter.
    pub(super) const fn filter_ignored(&self) -> bool {
        self.filter.ignored
    }

    /// Whether this list uses the other names already.
    pub(super) const fn names_switched(&self) -> bool {
        self.names.switched
    }

    /// Uses the other names from now on.
    pub(super) fn switch_names(&mut self) {
        self.names.switch();
    }

    /// Chooses the next format after the server rejected the first page. Returns `false` if there is none.
    ///
    /// The filter may be the cause: its next form is tried. If the last form is rejected too, the names may be the
    /// cause: the others are tried once, without a filter, and the next list searches for one. This is not done if an
    /// order is requested, which may be the cause: a server that ignores the other names would list, and the wrong
    /// order would go unnoticed.
    pub(super) fn fall_back(&mut self) -> bool {
        if self.filter.next(&self.request.states) {
            true
        } else if !self.names.switched && self.request.order_by.is_none() {
            self.names.switch();
            // The filter was not the cause.
            self.filter.rejected = false;
            true
        } else {
            false
        }
    }

    /// Learns from the states in a page.
    pub(super) fn page_arrived(&mut self, page: &Page) {
        if self.request.states.is_empty() || self.filter.ignored {
            return;
        }
        if self.filter.is_ignored_by(page) {
            self.filter.ignored = true;
            self.dialects.filter_ignored(&self.request);
        } else if self.filter.rejected && !mem::replace(&mut self.filter.recorded, true) {
            self.dialects
                .filter_taken(&self.request, &self.filter.current);
        }
    }

    /// Page number `pages` has a next one. The first page did not use a token, so it says nothing about the token's
    /// name.
    pub(super) fn page_continues(&mut self, pages: usize) {
        if pages > 1 {
            self.record_names();
        }
    }

    /// The list is complete after this many `pages`: the format that it started with works.
    pub(super) fn list_completed(&mut self, pages: usize) {
        if pages > 1 || self.names.switched {
            self.record_names();
        }
        if !self.filter.rejected && !self.filter.ignored && !self.request.states.is_empty() {
            self.dialects
                .filter_honored(&self.request, &self.filter.current);
        }
    }

    fn record_names(&mut self) {
        if self.names.take_new_names() {
            let names = self.names.current;
            self.dialects.names_work(&self.request, names);
        }
    }
}

#[cfg(test)]
mod tests;
