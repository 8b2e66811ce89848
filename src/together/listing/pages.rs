//! One pass over the pages of a list: the ids it met, and whether it loops.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
};

use crate::together::{
    error::Incomplete,
    service::Page,
    wire::remediation::{Malformed, Remediation},
};

/// Maximum number of pages of a list.
pub(super) const MAX_PAGES: usize = 10_000;
/// This many pages in a row without a new id mean a loop. A single one may occur if new remediations shift the pages.
const REPEATED: usize = 2;

type Item = Result<Remediation, Malformed>;

/// What follows a page.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// The end, according to the API.
    End,
    /// The page of this token.
    Token(String),
    /// No page that could be requested, so the list is incomplete.
    Broken(Incomplete),
}

/// The pass so far. It stores only hashes, about 8 bytes per id.
#[derive(Debug, Default)]
pub(super) struct Pass {
    hasher: RandomState,
    ids: HashSet<u64>,
    /// The ids of unreadable items.
    unreadable: HashSet<u64>,
    tokens: HashSet<u64>,
    /// Ids that an abandoned pass already returned.
    handed_out: HashSet<u64>,
    pages: usize,
    /// Pages in a row with known ids only.
    repeated: usize,
    entries: usize,
    items: usize,
    skipped: usize,
    unnamed: usize,
}

impl Pass {
    /// A new pass from the first page, which does not return again what this one did.
    pub(super) fn start_over(self) -> Self {
        let mut handed_out = self.handed_out;
        handed_out.extend(self.ids);
        Self {
            hasher: self.hasher,
            handed_out,
            ..Self::default()
        }
    }

    /// Processes the next page: its new items, and what follows.
    pub(super) fn take(&mut self, page: Page) -> (Vec<Item>, Next) {
        let next = self.next(&page);
        self.pages += 1;
        let mut items = page.items;
        items.retain_mut(|item| {
            if let Err(malformed) = item {
                malformed.position = self.entries;
            }
            self.entries += 1;
            self.count(item)
        });
        (items, next)
    }

    /// What follows a page. Called before the page's ids are recorded.
    fn next(&mut self, page: &Page) -> Next {
        if !page.has_next {
            return Next::End;
        }
        let Some(token) = &page.next_page_token else {
            return Next::Broken(Incomplete::NoToken);
        };
        let mut ids = page.items.iter().filter_map(id).peekable();
        if ids.peek().is_some() {
            let known = ids.all(|id| self.contains(id));
            self.repeated = if known { self.repeated + 1 } else { 0 };
        }
        if self.repeated >= REPEATED || !self.tokens.insert(self.hash(token)) {
            return Next::Broken(Incomplete::Loop);
        }
        if self.pages + 1 >= MAX_PAGES {
            return Next::Broken(Incomplete::TooManyPages(MAX_PAGES));
        }
        Next::Token(token.clone())
    }

    /// Counts an item. Returns whether it is new.
    fn count(&mut self, item: &Item) -> bool {
        let hash = id(item).map(|id| self.hash(id));
        let first = hash.is_none_or(|hash| self.ids.insert(hash));
        if first {
            match item {
                Ok(_) => self.items += 1,
                Err(_) => self.skipped += 1,
            }
            self.unreadable.extend(hash.filter(|_| item.is_err()));
            self.unnamed += usize::from(hash.is_none());
        }
        first && hash.is_none_or(|hash| !self.handed_out.contains(&hash))
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.ids.contains(&self.hash(id))
    }

    pub(super) fn is_readable(&self, id: &str) -> bool {
        !self.unreadable.contains(&self.hash(id))
    }

    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    pub(super) fn items(&self) -> usize {
        self.items
    }

    pub(super) fn skipped(&self) -> usize {
        self.skipped
    }

    pub(super) fn unnamed(&self) -> usize {
        self.unnamed
    }

    fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }
}

fn id(item: &Item) -> Option<&str> {
    match item {
        Ok(remediation) => Some(&remediation.id),
        Err(malformed) => malformed.id.as_deref(),
    }
}

#[cfg(test)]
mod tests;
