//! What earlier listings cost, and what follows from that for the next one.

use std::time::Duration;

use super::schedule::{Cadence, FULL_APART, FULL_SPACING, after_failure};
use crate::sync::outcome::SyncOutcome;

/// A full listing that came to its end.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FullListing {
    /// When (monotonic).
    pub(crate) ended: Duration,
    /// From its first call to its last page, with the writes that went on meanwhile.
    pub(crate) lasted: Duration,
    /// The API's part of that.
    pub(crate) taken: Duration,
}

/// The calls of one listing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Calls {
    /// All of them.
    pub(crate) made: usize,
    /// Those that repeated a call that had failed.
    pub(crate) repeated: usize,
}

/// The listings so far of one `ClusterWatch`.
#[derive(Debug, Default)]
pub(crate) struct ListHistory {
    pub(crate) last_full: Option<FullListing>,
    /// The next listing is to be a full one.
    pub(crate) full_wanted: bool,
    /// No full listing has ended since the last restore of etcd.
    pub(crate) restored: bool,
    /// When a full listing last began (monotonic), whether or not it ended.
    full_began: Option<Duration>,
    /// Whether the listing under way, or the last one, is a full one.
    full: bool,
    /// Of the listing under way, or the last one.
    pub(crate) calls: Calls,
    /// Listings that failed in a row.
    failures: u32,
    /// Pages of the last complete full listing; 0: none yet.
    full_pages: usize,
    /// Pages of the last complete listing of what is open; 0: none yet.
    open_pages: usize,
    /// How long the API had to be left alone after the last listing.
    pub(crate) rest: Duration,
}

impl ListHistory {
    /// Whether a full listing is due `now` (monotonic), the next one at the latest after `full_after` because of failed writes.
    pub(crate) fn full_is_due(
        &self,
        cadence: &Cadence,
        full_after: Option<Duration>,
        now: Duration,
    ) -> bool {
        let since = self.last_full.map(|full| now.saturating_sub(full.ended));
        let taken = self.last_full.unwrap_or_default().taken;
        let wanted = self.full_wanted || self.restored;
        let sooner = wanted || full_after.is_some_and(|after| since >= Some(after));
        cadence.full_is_due(since, taken, sooner) && !self.too_soon(now)
    }

    /// Whether a full listing of several pages began less than [`FULL_APART`] before `now`. It can wait, because another
    /// one came to its end: until one has, nothing else can be listed instead.
    fn too_soon(&self, now: Duration) -> bool {
        let several = self.full_pages > 1 && self.last_full.is_some();
        several
            && self
                .full_began
                .is_some_and(|began| now < began + FULL_APART)
    }

    /// A listing begins at `now` (monotonic).
    pub(crate) fn begin(&mut self, full: bool, now: Duration) {
        (self.full, self.calls) = (full, Calls::default());
        if full {
            self.full_began = Some(now);
        }
    }

    /// Whether a first page that fails is not asked for again in the listing that begins: the last one failed, or one page
    /// is all there is, so that the next poll is soon enough.
    pub(crate) fn first_page_once(&self) -> bool {
        let one_page = self.full_pages == 1 || (!self.full && self.open_pages == 1);
        self.failures > 0 || one_page
    }

    /// The listing is complete, with this many pages.
    pub(crate) fn completed(&mut self, pages: usize) {
        self.failures = 0;
        if self.full {
            self.full_pages = pages;
        } else {
            self.open_pages = pages;
        }
    }

    /// A full listing is complete, and what it shows is written.
    pub(crate) fn completed_full(&mut self, listing: FullListing) {
        (self.last_full, self.restored) = (Some(listing), false);
    }

    /// The listing failed at `now` (monotonic). How long to leave the API alone: until its calls are paid for, and as long as
    /// no listing was ever complete, until a full one may begin again. `None`: no longer than the interval.
    pub(crate) fn failed(&mut self, cadence: &Cadence, now: Duration) -> Option<Duration> {
        self.failures = self.failures.saturating_add(1);
        // What a complete one costs is not known before there was one.
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
                (began + FULL_APART).saturating_sub(now)
            });
        let paid = after_failure(cadence.active_interval, self.calls.made, usual);
        let rest = apart.max(paid);
        (rest > cadence.active_interval).then_some(rest)
    }

    /// How long to leave the API alone after a complete listing: until the calls that it repeated are paid for. If `all_full`,
    /// the next listing is a full one too, and full ones keep their distance.
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
            return paid.max(outcome.taken * FULL_SPACING);
        }
        paid
    }

    /// When a full listing may begin that a person asks for (monotonic): full ones keep their distance all the same.
    pub(crate) fn full_allowed_at(&self) -> Duration {
        let last = self.last_full.unwrap_or_default();
        last.ended + last.taken * FULL_SPACING
    }

    /// When a full listing last began (monotonic), and whether the last complete one took several pages.
    pub(crate) fn last_began(&self) -> (Option<Duration>, bool) {
        (self.full_began, self.full_pages > 1)
    }

    /// Makes the next poll a full listing, because a person asks for it.
    pub(crate) fn want_full(&mut self) {
        (self.full_wanted, self.full_began) = (true, None);
    }
}
