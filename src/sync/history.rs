//! The cost of earlier lists, and what follows from it for the next one.

use std::time::Duration;

use super::schedule::{Cadence, FULL_APART, FULL_SPACING, after_failure};
use crate::{
    clock::MonoTime,
    sync::outcome::{ListTime, SyncOutcome},
};

/// The requests of one list.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    /// All requests.
    pub(crate) made: usize,
    /// The retries among them.
    pub(crate) repeated: usize,
}

/// The earlier lists of one `ClusterWatch`.
#[derive(Debug, Default)]
pub(crate) struct ListHistory {
    /// The last complete full sync.
    pub(crate) last_full: Option<ListTime>,
    /// The next list must be a full one.
    pub(crate) full_wanted: bool,
    /// No full sync has ended since the last restore of etcd.
    pub(crate) restored: bool,
    /// When a full sync last started, whether or not it ended.
    full_began: Option<MonoTime>,
    /// Whether the current or last sync is a full one.
    full: bool,
    /// The requests of the current or last list.
    pub(crate) calls: Calls,
    /// Failed lists in a row.
    failures: u32,
    /// Pages of the last complete full sync; 0 before the first.
    full_pages: usize,
    /// Pages of the last complete active sync; 0 before the first.
    open_pages: usize,
    /// How long the API must not be called after the last list.
    pub(crate) rest: Duration,
}

impl ListHistory {
    /// Whether a full sync is due `now`. Failed writes make it due after `full_after`.
    pub(crate) fn full_is_due(
        &self,
        cadence: &Cadence,
        full_after: Option<Duration>,
        now: MonoTime,
    ) -> bool {
        let since = self.last_full.map(|full| now.duration_since(full.ended));
        let taken = self.last_full.unwrap_or_default().taken;
        let early = self.full_wanted || self.restored;
        let sooner = early || full_after.is_some_and(|after| since >= Some(after));
        cadence.full_is_due(since, taken, sooner) && !self.too_soon(now)
    }

    /// Whether a full sync with several pages started less than [`FULL_APART`] before `now` and another may wait.
    /// Before the first complete one, nothing else can be listed instead.
    fn too_soon(&self, now: MonoTime) -> bool {
        let several = self.full_pages > 1 && self.last_full.is_some();
        several
            && self
                .full_began
                .is_some_and(|began| now < began + FULL_APART)
    }

    /// A list starts at `now`.
    pub(crate) fn begin(&mut self, full: bool, now: MonoTime) {
        (self.full, self.calls) = (full, Calls::default());
        if full {
            self.full_began = Some(now);
        }
    }

    /// Whether a failed first page is not retried in the list that starts: the last one failed, or one page is the
    /// whole list, so that the next sync is soon enough.
    pub(crate) fn first_page_once(&self) -> bool {
        let one_page = self.full_pages == 1 || (!self.full && self.open_pages == 1);
        self.failures > 0 || one_page
    }

    /// A list with this many pages is complete.
    pub(crate) fn completed(&mut self, pages: usize) {
        self.failures = 0;
        if self.full {
            self.full_pages = pages;
        } else {
            self.open_pages = pages;
        }
    }

    /// A full sync is complete, and its changes are written.
    pub(crate) fn completed_full(&mut self, list: ListTime) {
        (self.last_full, self.restored) = (Some(list), false);
    }

    /// A list failed at `now`. Returns how long not to call the API: in proportion to its requests, and if no list was
    /// ever complete, until a full sync may start again. `None` means no longer than the interval.
    pub(crate) fn failed(&mut self, cadence: &Cadence, now: MonoTime) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        // The cost of a complete list is unknown before the first one.
        let usual = match (self.full, self.full_pages) {
            (true, 0) => self.calls.made,
            (true, pages) => pages,
            (false, _) => self.open_pages,
        };
        let first = self.full && self.last_full.is_none() && self.calls.made > 1;
        let apart = self
            .full_began
            .filter(|_| first)
            .map_or(Duration::ZERO, |began| {
                (began + FULL_APART).duration_since(now)
            });
        let paid = after_failure(cadence.active_interval, self.calls.made, usual);
        let rest = apart.max(paid);
        (rest > cadence.active_interval).then_some(rest)
    }

    /// How long not to call the API after a complete list: in proportion to its retries. With `all_full`, the next list
    /// is a full one too, and full syncs keep their distance.
    pub(crate) fn rest_after(
        &self,
        outcome: &SyncOutcome,
        cadence: &Cadence,
        all_full: bool,
    ) -> Duration {
        let calls = outcome.pages + self.calls.repeated;
        let paid = if self.calls.repeated > 0 {
            after_failure(cadence.active_interval, calls, outcome.pages)
        } else {
            Duration::ZERO
        };
        if outcome.full && all_full {
            return paid.max(outcome.list.taken * FULL_SPACING);
        }
        paid
    }

    /// When a requested full sync may start: full syncs keep their distance even then.
    pub(crate) fn full_allowed_at(&self) -> MonoTime {
        let last = self.last_full.unwrap_or_default();
        last.ended + last.taken * FULL_SPACING
    }

    /// When a full sync last started, and whether the last complete one had several pages.
    pub(crate) fn last_began(&self) -> (Option<MonoTime>, bool) {
        (self.full_began, self.full_pages > 1)
    }

    /// Makes the next sync a full one, because a person requested it.
    pub(crate) fn want_full(&mut self) {
        (self.full_wanted, self.full_began) = (true, None);
    }
}
