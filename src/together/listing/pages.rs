//! One pass over the pages of a list: the ids it met, and whether it loops.

use std::{
    collections::{HashSet, hash_map::RandomState},
    hash::BuildHasher,
};

use crate::together::{
    error::Incomplete,
    wire::{
        page::Page,
        remediation::{Malformed, Remediation},
    },
};

/// Maximum number of pages of a list: a million remediations. It ends a list whose tokens and ids never repeat.
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

/// The pass so far.
#[derive(Debug, Default)]
pub(super) struct Pass {
    ids: SeenIds,
    loops: LoopDetector,
    counts: Counts,
    pages: usize,
}

impl Pass {
    /// A new pass from the first page, which does not return again what this one did.
    pub(super) fn start_over(self) -> Self {
        Self {
            ids: self.ids.start_over(),
            ..Self::default()
        }
    }

    /// Processes the next page: its new items, and what follows.
    pub(super) fn take(&mut self, page: Page) -> (Vec<Item>, Next) {
        let next = self.next(&page);
        self.pages += 1;
        let mut items = page.items;
        items.retain_mut(|item| {
            let position = self.counts.next_position();
            if let Err(malformed) = item {
                malformed.position = position;
            }
            self.is_new(item)
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
            let known = ids.all(|id| self.ids.contains(id));
            self.loops.page_with_ids(known);
        }
        if self.loops.detects(token) {
            return Next::Broken(Incomplete::Loop);
        }
        if self.pages + 1 >= MAX_PAGES {
            return Next::Broken(Incomplete::TooManyPages(MAX_PAGES));
        }
        Next::Token(token.clone())
    }

    /// Records an item. Returns whether it is new, that is, no pass returned it yet.
    fn is_new(&mut self, item: &Item) -> bool {
        // An item without an id may be any, so each one is new.
        let sighting = id(item).map_or(Sighting::New, |id| self.ids.record(id, item.is_ok()));
        if sighting != Sighting::Repeated {
            self.counts.add(item);
        }
        sighting == Sighting::New
    }

    pub(super) fn contains(&self, id: &str) -> bool {
        self.ids.contains(id)
    }

    pub(super) fn is_readable(&self, id: &str) -> bool {
        self.ids.is_readable(id)
    }

    pub(super) fn pages(&self) -> usize {
        self.pages
    }

    pub(super) fn items(&self) -> usize {
        self.counts.items
    }

    pub(super) fn skipped(&self) -> usize {
        self.counts.skipped
    }

    pub(super) fn unnamed(&self) -> usize {
        self.counts.unnamed
    }
}

/// Where an id was met before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sighting {
    /// Nowhere.
    New,
    /// In an abandoned pass, which returned its item already.
    Returned,
    /// In this pass.
    Repeated,
}

/// The ids of a pass. It stores only hashes, about 8 bytes per id. The chance that two of
/// 100,000 ids have the same hash is one in four billion, and the next pass has other hashes.
#[derive(Debug, Default)]
struct SeenIds {
    hasher: RandomState,
    seen: HashSet<u64>,
    /// The ids of unreadable items.
    unreadable: HashSet<u64>,
    /// Ids that an abandoned pass already returned.
    returned: HashSet<u64>,
}

impl SeenIds {
    /// Those of a new pass, which knows what this one returned.
    fn start_over(self) -> Self {
        let mut returned = self.returned;
        returned.extend(self.seen);
        Self {
            hasher: self.hasher,
            returned,
            ..Self::default()
        }
    }

    /// Records the id of an item, which is `readable` or not. Only the first item of an id counts.
    fn record(&mut self, id: &str, readable: bool) -> Sighting {
        let hash = self.hash(id);
        let first = self.seen.insert(hash);
        if !first {
            return Sighting::Repeated;
        }
        if !readable {
            self.unreadable.insert(hash);
        }
        if self.returned.contains(&hash) {
            Sighting::Returned
        } else {
            Sighting::New
        }
    }

    fn contains(&self, id: &str) -> bool {
        self.seen.contains(&self.hash(id))
    }

    fn is_readable(&self, id: &str) -> bool {
        !self.unreadable.contains(&self.hash(id))
    }

    fn hash(&self, text: &str) -> u64 {
        self.hasher.hash_one(text)
    }
}

/// Notices that a server returns the same pages again and again.
#[derive(Debug, Default)]
struct LoopDetector {
    hasher: RandomState,
    /// Hashes, because tokens may be long.
    tokens: HashSet<u64>,
    /// Pages in a row with known ids only.
    repeated: usize,
}

impl LoopDetector {
    /// A page arrived, all of whose ids are `known` or not. Pages without ids prove nothing.
    fn page_with_ids(&mut self, known: bool) {
        self.repeated = if known { self.repeated + 1 } else { 0 };
    }

    /// Whether the list loops, if the next page has this token.
    fn detects(&mut self, token: &str) -> bool {
        self.repeated >= REPEATED || !self.tokens.insert(self.hasher.hash_one(token))
    }
}

/// What a pass contains.
#[derive(Debug, Default)]
struct Counts {
    entries: usize,
    items: usize,
    skipped: usize,
    unnamed: usize,
}

impl Counts {
    /// The position of the next entry, whether or not its id was met before.
    fn next_position(&mut self) -> usize {
        self.entries += 1;
        self.entries - 1
    }

    /// Counts the first item of an id, or one without an id.
    fn add(&mut self, item: &Item) {
        match item {
            Ok(_) => self.items += 1,
            Err(_) => self.skipped += 1,
        }
        self.unnamed += usize::from(id(item).is_none());
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
