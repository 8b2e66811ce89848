//! The query format of a server, as text for people and as words for metrics.

use std::collections::BTreeSet;

use crate::together::query::dialect::{Dialects, LearnedFilter, QueryNames, sorted};

/// The query format, in small fixed sets of words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DialectSummary {
    /// `reference` or `sdk`.
    pub names: &'static str,
    /// `repeated`, or each of `repeated-known`, `repeated-reference`, `comma`, `comma-known`, `comma-reference`, `refused`,
    /// `ignored` and `lacking` that is in use.
    pub filters: BTreeSet<&'static str>,
}

impl LearnedFilter {
    fn word(&self, asked: &[String]) -> &'static str {
        self.filter.word(self.why, asked)
    }
}

impl Dialects {
    /// A sentence for each part of the query format that differs from the reference page, when these states are listed;
    /// `None` if nothing differs.
    #[must_use]
    pub fn note(&self, states: &[String]) -> Option<String> {
        let word = self
            .recall(states)
            .map(|learned_filter| learned_filter.word(&sorted(states)));
        Self::note_of(self.names(), word)
    }

    /// The same for these query names and this word for the state filter (`None`: nothing is known of it).
    pub(crate) fn note_of(names: QueryNames, word: Option<&'static str>) -> Option<String> {
        let names = (names == QueryNames::Sdk).then_some(
            "The operator uses the SDKs' query parameters (page_size), because the API ignores those of its reference page",
        );
        let filter = word.and_then(|word| match word {
            "ignored" => Some("The API ignores the state filter, so every sync lists everything"),
            "lacking" => Some(
                "The API returns too few remediations if filtered by state, so every sync lists everything",
            ),
            "refused" => Some("The API rejects the state filter, so every sync lists everything"),
            "repeated-reference" => Some(
                "The API rejects newer states in the filter, so remediations in those states are fetched one by one",
            ),
            "repeated-known" => Some(
                "The API rejects unknown states in the filter, so remediations in those states are fetched one by one",
            ),
            "comma" => Some(
                "The operator joins states by commas, because the API rejects the filter format of its reference page",
            ),
            "comma-known" => Some(
                "The operator joins states by commas and fetches remediations in unknown states one by one, because the API rejects those states in the filter",
            ),
            "comma-reference" => Some(
                "The operator joins states by commas and fetches remediations in newer states one by one, because the API rejects those states in the filter",
            ),
            _ => None,
        });
        let parts: Vec<_> = names.into_iter().chain(filter).collect();
        (!parts.is_empty()).then(|| parts.join("; "))
    }

    /// The query format, for metrics.
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
            .filter(|(_, learned_filter)| learned_filter.term.runs());
        let mut filters: BTreeSet<_> = known
            .map(|(asked, learned_filter)| learned_filter.word(asked))
            .collect();
        if filters.is_empty() {
            filters.insert("repeated");
        }
        DialectSummary { names, filters }
    }
}
