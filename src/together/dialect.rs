//! How the server at one base URL wants to be asked: the reference page's way first, and what
//! it takes instead, remembered for a while.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::state;

mod words;

pub use words::Spoken;

/// After this long the better form is tried again.
const RETRY: Duration = Duration::from_secs(6 * 60 * 60);

/// Most sets of states that are remembered; a watch rarely asks for more than two.
const MAX_SETS: usize = 256;

/// Which spelling the query's names have: a server silently ignores names that it does not
/// know, and then serves the first page for ever.
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

/// How a listing asks for states.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StateFilter {
    /// Not at all: every state is listed.
    None,
    /// `state=A&state=B`, as in the reference page.
    Repeated(Vec<String>),
    /// `state=A,B`, as the SDKs send.
    Comma(Vec<String>),
}

impl StateFilter {
    /// The states asked for; empty: all.
    #[must_use]
    pub fn states(&self) -> &[String] {
        match self {
            Self::None => &[],
            Self::Repeated(states) | Self::Comma(states) => states,
        }
    }

    /// Whether a server that heeds the filter lists this state.
    #[must_use]
    pub fn admits(&self, state: &str) -> bool {
        matches!(self, Self::None) || self.states().iter().any(|asked| asked == state)
    }

    /// The ways to ask for these states, best first: each is for a server that refuses (400)
    /// the one before. The reference page's states alone come before another form.
    pub(super) fn ladder(asked: &[String]) -> Vec<Self> {
        let known = |state: &&String| state::is_reference(state);
        let reference: Vec<String> = asked.iter().filter(known).cloned().collect();
        let mut sets = vec![asked.to_vec(), reference];
        sets.dedup();
        sets.retain(|states| !states.is_empty());
        let repeated = sets.iter().cloned().map(Self::Repeated);
        // one value alone looks the same in both forms
        let comma = sets
            .iter()
            .filter(|set| set.len() > 1)
            .cloned()
            .map(Self::Comma);
        repeated.chain(comma).chain([Self::None]).collect()
    }
}

/// What was learned of the server, shared by all users of one client.
#[derive(Debug, Clone, Default)]
pub struct Dialects(Arc<Mutex<Learned>>);

#[derive(Debug, Default)]
struct Learned {
    /// When the SDKs' names were seen to work where the reference page's had not.
    sdk_names: Option<Instant>,
    /// What the server took instead of each set of states, sorted.
    filters: HashMap<Vec<String>, Learnt>,
    /// How often another way than the reference page's was taken, by that way.
    fallbacks: BTreeMap<&'static str, u64>,
}

#[derive(Debug, Clone)]
struct Learnt {
    filter: StateFilter,
    ignored: bool,
    at: Instant,
}

fn fresh(at: Instant) -> bool {
    at.elapsed() < RETRY
}

impl Dialects {
    /// Whether a listing of these states is asked for by state. If not, the server refused
    /// or ignored that filter within the last six hours, and every listing is a full one.
    #[must_use]
    pub fn filters(&self, states: &[String]) -> bool {
        self.filter(states) != StateFilter::None
    }

    /// How often another way than the reference page's was taken, by that way: `sdk-names` or a word of
    /// [`Spoken::filters`].
    #[must_use]
    pub fn fallbacks(&self) -> BTreeMap<&'static str, u64> {
        self.learned().fallbacks.clone()
    }

    /// The names to begin a listing with.
    pub(super) fn names(&self) -> QueryNames {
        match self.learned().sdk_names {
            Some(at) if fresh(at) => QueryNames::Sdk,
            _ => QueryNames::Reference,
        }
    }

    /// The filter to begin a listing with.
    pub(super) fn filter(&self, asked: &[String]) -> StateFilter {
        if asked.is_empty() {
            return StateFilter::None;
        }
        let remembered = self.recall(asked).map(|learnt| learnt.filter);
        remembered.unwrap_or_else(|| StateFilter::Repeated(asked.to_vec()))
    }

    /// These names led from page to page.
    pub(super) fn names_work(&self, names: QueryNames) {
        let mut learned = self.learned();
        if names == QueryNames::Reference {
            learned.sdk_names = None;
            return;
        }
        if !learned.sdk_names.is_some_and(fresh) {
            *learned.fallbacks.entry("sdk-names").or_default() += 1;
        }
        learned.sdk_names = Some(Instant::now());
    }

    /// The server answered this filter, having refused those before it on the ladder.
    pub(super) fn filter_taken(&self, asked: &[String], filter: &StateFilter) {
        let best = StateFilter::Repeated(asked.to_vec());
        let learnt = (*filter != best).then(|| filter.clone());
        self.learn(asked, learnt, false);
    }

    /// The server listed a state that was not asked for.
    pub(super) fn filter_ignored(&self, asked: &[String]) {
        self.learn(asked, Some(StateFilter::None), true);
    }

    fn recall(&self, asked: &[String]) -> Option<Learnt> {
        let learned = self.learned();
        learned
            .filters
            .get(&sorted(asked))
            .filter(|learnt| fresh(learnt.at))
            .cloned()
    }

    fn learn(&self, asked: &[String], filter: Option<StateFilter>, ignored: bool) {
        let mut learned = self.learned();
        let set = sorted(asked);
        let Some(filter) = filter else {
            learned.filters.remove(&set);
            return;
        };
        if learned.filters.len() >= MAX_SETS {
            learned.filters.clear();
        }
        let learnt = Learnt {
            filter,
            ignored,
            at: Instant::now(),
        };
        *learned.fallbacks.entry(learnt.word(&set)).or_default() += 1;
        learned.filters.insert(set, learnt);
    }

    fn learned(&self) -> std::sync::MutexGuard<'_, Learned> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn sorted(states: &[String]) -> Vec<String> {
    let mut states = states.to_vec();
    states.sort_unstable();
    states.dedup();
    states
}

#[cfg(test)]
mod tests;
