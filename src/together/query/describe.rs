//! What was learned of a server, in words: for people, and for metrics.

use std::collections::BTreeSet;

use crate::together::{
    query::dialect::{About, Dialects, Learnt, QueryNames, StateFilter, sorted},
    wire::state,
};

/// How a server is asked, in small fixed sets of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialectSummary {
    /// `reference` or `sdk`.
    pub names: &'static str,
    /// `repeated`, or each of `repeated-known`, `repeated-reference`, `comma`, `comma-known`, `comma-reference`, `refused`,
    /// `ignored` and `lacking` that is in use.
    pub filters: BTreeSet<&'static str>,
}

/// In one word: how these states, sorted, are asked for.
pub(crate) fn of(filter: &StateFilter, why: About, asked: &[String]) -> &'static str {
    let all = filter.states().len() == asked.len();
    let newer = filter
        .states()
        .iter()
        .any(|state| !state::is_reference(state));
    match (filter, all, newer) {
        (StateFilter::None, ..) => match why {
            About::Ignored => "ignored",
            About::Lacking => "lacking",
            About::Refused | About::Names => "refused",
        },
        (StateFilter::Repeated(_), true, _) => "repeated",
        (StateFilter::Repeated(_), false, true) => "repeated-known",
        (StateFilter::Repeated(_), false, false) => "repeated-reference",
        (StateFilter::Comma(_), true, _) => "comma",
        (StateFilter::Comma(_), false, true) => "comma-known",
        (StateFilter::Comma(_), false, false) => "comma-reference",
    }
}

impl Learnt {
    fn word(&self, asked: &[String]) -> &'static str {
        of(&self.filter, self.why, asked)
    }
}

impl Dialects {
    /// For people: what is asked otherwise than in the reference page's words, where these states are listed; `None`:
    /// nothing.
    #[must_use]
    pub fn note(&self, states: &[String]) -> Option<String> {
        let word = self
            .recall(states)
            .map(|learnt| learnt.word(&sorted(states)));
        Self::note_of(self.names(), word)
    }

    /// The same for these query names and this word for the state filter (`None`: nothing is known of it).
    pub(crate) fn note_of(names: QueryNames, word: Option<&'static str>) -> Option<String> {
        let names = (names == QueryNames::Sdk).then_some(
            "the API is asked with the query names of its SDKs (page_size): it does not heed those of its reference page",
        );
        let filter = word.and_then(|word| match word {
            "ignored" => Some("the API ignores the state filter: every poll lists everything"),
            "lacking" => Some(
                "the API lists too few remediations where it is asked for states: every poll lists everything",
            ),
            "refused" => Some("the API refuses the state filter: every poll lists everything"),
            "repeated-reference" => Some(
                "the API refuses the newer states as a filter: remediations in those are asked for one by one",
            ),
            "repeated-known" => Some(
                "the API refuses unknown states as a filter: remediations in those are asked for one by one",
            ),
            "comma" => Some(
                "the API is asked for states joined by commas: it does not take the reference page's form",
            ),
            "comma-known" => Some(
                "the API is asked for states joined by commas, and without unknown ones, which it refuses: remediations in those are asked for one by one",
            ),
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
    pub fn spoken(&self) -> DialectSummary {
        let names = match self.names() {
            QueryNames::Reference => "reference",
            QueryNames::Sdk => "sdk",
        };
        let learned = self.learned();
        let known = learned
            .filters
            .iter()
            .filter(|(_, learnt)| learnt.term.runs());
        let mut filters: BTreeSet<_> = known.map(|(asked, learnt)| learnt.word(asked)).collect();
        if filters.is_empty() {
            filters.insert("repeated");
        }
        DialectSummary { names, filters }
    }
}
