//! The proof that a list is complete.

use crate::together::{
    listing::pages::Pass,
    query::dialect::{QueryNames, StateFilter},
};

/// A list that the API ended itself (`has_next` is false). Only a complete [`Listing`](crate::together::Listing)
/// creates one, so its owner may conclude what is gone.
#[derive(Debug)]
pub struct CompleteListing {
    pass: Pass,
    names: QueryNames,
    filter: StateFilter,
    filter_ignored: bool,
}

impl CompleteListing {
    /// Must be called only for a pass that reached the API's own end.
    pub(super) fn of(
        pass: Pass,
        names: QueryNames,
        filter: StateFilter,
        filter_ignored: bool,
    ) -> Self {
        Self {
            pass,
            names,
            filter,
            filter_ignored,
        }
    }

    /// Whether the list contains this id, readable or not. It compares a 64-bit keyed hash: a wrong yes is practically
    /// impossible. A wrong no is impossible, except for what [`skipped_unnamed`](Self::skipped_unnamed) counts.
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.pass.contains(id)
    }

    /// Whether the list contains this id with readable content. An unreadable item confirms nothing.
    #[must_use]
    pub fn shows(&self, id: &str) -> bool {
        self.contains(id) && self.pass.is_readable(id)
    }

    /// The pages, that is, requests, of the pass that ended.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.pass.pages()
    }

    /// The remediations in it: each id once, without malformed items.
    #[must_use]
    pub fn items(&self) -> usize {
        self.pass.items()
    }

    /// Malformed items in it.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.pass.skipped()
    }

    /// Malformed items with an unreadable id, which could be any mirror's.
    #[must_use]
    pub fn skipped_unnamed(&self) -> usize {
        self.pass.unnamed()
    }

    /// The requested states; empty for a full list. May be fewer than wanted, if the server rejects newer states.
    #[must_use]
    pub fn states(&self) -> &[String] {
        self.filter.states()
    }

    /// The form of the state filter.
    pub(crate) fn filter(&self) -> &StateFilter {
        &self.filter
    }

    /// Whether an item in another state proved that the API ignores the filter.
    #[must_use]
    pub fn filter_ignored(&self) -> bool {
        self.filter_ignored
    }

    /// The names of the query parameters that worked.
    #[must_use]
    pub fn names(&self) -> QueryNames {
        self.names
    }
}
