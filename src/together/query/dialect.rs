//! The query format that the server at one base URL accepts. The reference page's format is tried first; an alternative
//! is remembered for a while once two lists agree on it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
};

use crate::together::query::list::ListRequest;

mod filter;
mod strikes;
mod term;

pub use filter::StateFilter;
pub(crate) use strikes::About;
use strikes::Strikes;
use term::Term;

/// Maximum number of state sets remembered. A `ClusterWatch` rarely requests more than two.
const MAX_SETS: usize = 256;

/// The names of the query parameters. A server silently ignores names that it does not know, and then returns the first
/// page forever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum QueryNames {
    /// `pageSize`, `pageToken`, `orderBy`, as in the reference page.
    #[default]
    Reference,
    /// `page_size`, `page_token`, `order_by`, as the official SDKs send.
    Sdk,
}

impl QueryNames {
    /// The other spelling.
    #[must_use]
    pub fn other(self) -> Self {
        match self {
            Self::Reference => Self::Sdk,
            Self::Sdk => Self::Reference,
        }
    }
}

/// What was learned about the server, shared by all users of a client. What one list meets counts for that list only (a
/// strike). What two in a row meet is remembered: for 10 minutes at first, and for twice as long each time it is met
/// again, at most 6 hours.
#[derive(Debug, Clone, Default)]
pub struct Dialects(Arc<Mutex<Learned>>);

#[derive(Debug, Default)]
pub(super) struct Learned {
    /// Since when the SDKs' names work and the reference page's do not.
    sdk_names: Option<Term>,
    /// The alternative for each set of states, sorted.
    pub(super) filters: HashMap<Vec<String>, LearnedFilter>,
    strikes: Strikes,
    /// How often each alternative was remembered.
    fallbacks: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Clone)]
pub(crate) struct LearnedFilter {
    pub(super) filter: StateFilter,
    pub(super) why: About,
    pub(super) term: Term,
}

impl Dialects {
    /// Whether a list of these states uses the state filter. If not, the server rejects or ignores that filter, or
    /// returns too little with it, and for now every list is a full one.
    #[must_use]
    pub fn filters(&self, states: &[String]) -> bool {
        self.filter(states) != StateFilter::None
    }

    /// How often each alternative was remembered: `sdk-names` or a word of
    /// [`filters`](crate::together::DialectSummary::filters).
    #[must_use]
    pub fn fallbacks(&self) -> BTreeMap<&'static str, u64> {
        self.learned().fallbacks.clone()
    }

    /// The names that a list starts with.
    pub(crate) fn names(&self) -> QueryNames {
        match self.learned().sdk_names {
            Some(term) if term.runs() => QueryNames::Sdk,
            _ => QueryNames::Reference,
        }
    }

    /// The filter that a list starts with.
    pub(crate) fn filter(&self, asked: &[String]) -> StateFilter {
        if asked.is_empty() {
            return StateFilter::None;
        }
        let remembered = self
            .recall(asked)
            .map(|learned_filter| learned_filter.filter);
        remembered.unwrap_or_else(|| StateFilter::Repeated(asked.to_vec()))
    }

    /// The list of `request` found that these names work. If they are the SDKs', it started with the others.
    pub(crate) fn names_work(&self, request: &ListRequest, names: QueryNames) {
        const WORD: &str = "sdk-names";
        let mut learned = self.learned();
        let learned = &mut *learned;
        if names == QueryNames::Reference {
            learned.sdk_names = None;
            learned.strikes.clear(About::Names, request);
            return;
        }
        let term = match learned.sdk_names {
            Some(term) if term.runs() => return,
            Some(term) => term.again(),
            None if learned.strikes.agrees(About::Names, request, WORD) => Term::first(),
            None => return,
        };
        learned.sdk_names = Some(term);
        *learned.fallbacks.entry(WORD).or_default() += 1;
    }

    /// The server accepted this filter, after it rejected the better forms.
    pub(crate) fn filter_taken(&self, request: &ListRequest, filter: &StateFilter) {
        self.learn(request, About::Refused, filter.clone());
    }

    /// The server returned a state that was not requested.
    pub(crate) fn filter_ignored(&self, request: &ListRequest) {
        self.learn(request, About::Ignored, StateFilter::None);
    }

    /// The list of `request` completed with the filter that it started with, and contained only what was requested.
    pub(crate) fn filter_honored(&self, request: &ListRequest, filter: &StateFilter) {
        let mut learned = self.learned();
        learned.strikes.clear(About::Refused, request);
        learned.strikes.clear(About::Ignored, request);
        learned.forget(&request.states, |known| {
            known.why != About::Lacking && *filter == StateFilter::Repeated(sorted(&request.states))
        });
    }

    /// A list of `request` with this filter lacked a remediation in a requested state.
    pub(crate) fn filter_lacks(&self, request: &ListRequest, filter: &StateFilter) {
        let set = sorted(&request.states);
        let known = self.learned().filters.get(&set).cloned();
        let known = known.filter(|known| known.why == About::Lacking && !known.term.runs());
        let next = known.map_or_else(|| filter.other_form(&set), |known| known.filter);
        self.learn(request, About::Lacking, next);
    }

    /// A full list showed nothing that the last list of `request` lacked.
    pub(crate) fn filter_lacks_nothing(&self, request: &ListRequest) {
        let mut learned = self.learned();
        learned.strikes.clear(About::Lacking, request);
        learned.forget(&request.states, |learned_filter| {
            learned_filter.why == About::Lacking && !learned_filter.term.runs()
        });
    }

    pub(crate) fn recall(&self, asked: &[String]) -> Option<LearnedFilter> {
        let learned = self.learned();
        let learned_filter = learned.filter(asked);
        learned_filter
            .filter(|learned_filter| learned_filter.term.runs())
            .cloned()
    }

    fn learn(&self, request: &ListRequest, why: About, filter: StateFilter) {
        let mut learned = self.learned();
        let learned = &mut *learned;
        let set = sorted(&request.states);
        let word = filter.word(why, &set);
        let known = learned.filters.get(&set);
        let known = known.filter(|known| known.filter == filter && known.why == why);
        let term = match known.map(|known| known.term) {
            Some(term) if term.runs() => return,
            Some(term) => term.again(),
            None if learned.strikes.agrees(why, request, word) => Term::first(),
            None => return,
        };
        if learned.filters.len() >= MAX_SETS {
            learned.filters.clear();
        }
        learned
            .filters
            .insert(set, LearnedFilter { filter, why, term });
        *learned.fallbacks.entry(word).or_default() += 1;
    }

    pub(super) fn learned(&self) -> std::sync::MutexGuard<'_, Learned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Learned {
    /// What is known about these states. For most servers nothing is known about any.
    fn filter(&self, states: &[String]) -> Option<&LearnedFilter> {
        if self.filters.is_empty() {
            return None;
        }
        self.filters.get(&sorted(states))
    }

    /// Forgets what is known about these states, if it is `wrong`.
    fn forget(&mut self, states: &[String], wrong: impl Fn(&LearnedFilter) -> bool) {
        if self.filter(states).is_some_and(wrong) {
            self.filters.remove(&sorted(states));
        }
    }
}

pub(crate) fn sorted(states: &[String]) -> Vec<String> {
    let mut states = states.to_vec();
    states.sort_unstable();
    states.dedup();
    states
}

#[cfg(test)]
mod tests;
