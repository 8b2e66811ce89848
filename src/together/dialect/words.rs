//! What was learned of a server, in words: for people, and for metrics.

use std::collections::BTreeSet;

use super::{Dialects, Learnt, QueryNames, StateFilter, fresh, sorted};

/// How a server is asked, in small fixed sets of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spoken {
    /// `reference` or `sdk`.
    pub names: &'static str,
    /// `repeated`, or each of `repeated-reference`, `comma`, `comma-reference`, `refused` and `ignored` that is in use.
    pub filters: BTreeSet<&'static str>,
}

impl Learnt {
    /// In one word: how these states, sorted, are asked for.
    pub(super) fn word(&self, asked: &[String]) -> &'static str {
        let all = self.filter.states().len() == asked.len();
        match (&self.filter, all) {
            (StateFilter::None, _) if self.ignored => "ignored",
            (StateFilter::None, _) => "refused",
            (StateFilter::Repeated(_), true) => "repeated",
            (StateFilter::Repeated(_), false) => "repeated-reference",
            (StateFilter::Comma(_), true) => "comma",
            (StateFilter::Comma(_), false) => "comma-reference",
        }
    }
}

impl Dialects {
    /// For people: what is asked otherwise than in the reference page's words, where these states are listed; `None`:
    /// nothing.
    #[must_use]
    pub fn note(&self, states: &[String]) -> Option<String> {
        let names = (self.names() == QueryNames::Sdk).then_some(
            "the API is asked with the query names of its SDKs (page_size): it does not heed those of its reference page",
        );
        let word = self
            .recall(states)
            .map(|learnt| learnt.word(&sorted(states)));
        let filter = word.and_then(|word| match word {
            "ignored" => Some("the API ignores the state filter: every poll lists everything"),
            "refused" => Some("the API refuses the state filter: every poll lists everything"),
            "repeated-reference" => Some(
                "the API refuses the newer states as a filter: remediations in those are asked for one by one",
            ),
            "comma" => Some("the API is asked for states joined by commas: it refuses the reference page's form"),
            "comma-reference" => Some(
                "the API is asked for states joined by commas, and without the newer ones, which it refuses: remediations in those are asked for one by one",
            ),
            _ => None,
        });
        let told: Vec<_> = names.into_iter().chain(filter).collect();
        (!told.is_empty()).then(|| told.join("; "))
    }

    /// How the server is asked, for metrics.
    #[must_use]
    pub fn spoken(&self) -> Spoken {
        let names = match self.names() {
            QueryNames::Reference => "reference",
            QueryNames::Sdk => "sdk",
        };
        let learned = self.learned();
        let known = learned
            .filters
            .iter()
            .filter(|(_, learnt)| fresh(learnt.at));
        let mut filters: BTreeSet<_> = known.map(|(asked, learnt)| learnt.word(asked)).collect();
        if filters.is_empty() {
            filters.insert("repeated");
        }
        Spoken { names, filters }
    }
}
