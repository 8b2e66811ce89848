//! The proof that a listing ended properly.

use crate::together::{
    listing::pages::Pass,
    query::dialect::{QueryNames, StateFilter},
};

/// A listing that the API ended itself (`has_next` false). Only a
/// [`Listing`](crate::together::Listing) that came to its end makes one, so whoever holds one may say
/// what is absent.
#[derive(Debug)]
pub struct CompleteListing {
    pass: Pass,
    names: QueryNames,
    filter: StateFilter,
    filter_ignored: bool,
}

impl CompleteListing {
    /// To be called for a pass that has met the API's own end, and for nothing else.
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

    /// Whether the listing holds this id, readable or not (by a 64-bit keyed hash: a false
    /// yes is as good as impossible, a false no is impossible, save for what
    /// [`skipped_unnamed`](Self::skipped_unnamed) counts).
    #[must_use]
    pub fn contains(&self, id: &str) -> bool {
        self.pass.contains(id)
    }

    /// Whether the listing shows this id and what it is: one that cannot be read confirms nothing.
    #[must_use]
    pub fn shows(&self, id: &str) -> bool {
        self.contains(id) && self.pass.is_readable(id)
    }

    /// Pages, so also calls to the API, of the pass that ended.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.pass.pages()
    }

    /// Remediations in it, each id counted once, malformed ones left out.
    #[must_use]
    pub fn items(&self) -> usize {
        self.pass.items()
    }

    /// Malformed items in it.
    #[must_use]
    pub fn skipped(&self) -> usize {
        self.pass.skipped()
    }

    /// Malformed items whose id could not be read: any mirror might be one of them.
    #[must_use]
    pub fn skipped_unnamed(&self) -> usize {
        self.pass.unnamed()
    }

    /// The states that the API was asked for; empty: all, a full listing. May be fewer than
    /// were wanted, where the server refuses the newer ones.
    #[must_use]
    pub fn states(&self) -> &[String] {
        self.filter.states()
    }

    /// How states were asked for.
    pub(crate) fn filter(&self) -> &StateFilter {
        &self.filter
    }

    /// Whether an item in another state proved that the API ignores the filter.
    #[must_use]
    pub fn filter_ignored(&self) -> bool {
        self.filter_ignored
    }

    /// The spelling of the query's names that led to the end.
    #[must_use]
    pub fn names(&self) -> QueryNames {
        self.names
    }
}
