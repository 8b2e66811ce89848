//! What a watch remembers from poll to poll, and what follows from it for the next one.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;

use super::schedule::{Cadence, FULL_APART, FULL_SPACING, after_failure, after_refusal};
use crate::{
    health::liveness::Heartbeat,
    sync::{
        decide::{absence::Absences, plan::MirrorTarget, regression::Regressions},
        edit_throttle::EditThrottle,
        filter_check::Comparison,
        metrics::meter::WatchMeter,
        outcome::SyncOutcome,
        write::failed::Backlog,
    },
    together::{ApiKey, Error, Service, wire::state},
};

/// States that nobody knows and that are asked for by name all the same, at most.
const UNKNOWN_STATES: usize = 8;
/// How long one is asked for that is not met any more.
const UNKNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// What is remembered from poll to poll.
#[derive(Debug, Default)]
pub struct SyncState {
    /// When its Secret was read, and is to be.
    pub(crate) secret: SecretReads,
    /// Told of every poll that may call the API.
    pub(crate) pace: Arc<EditThrottle>,
    pub(crate) absences: Absences,
    pub(crate) regressions: Regressions,
    /// Open states met that this program was not written for: asked for by name from then on. When each was last met
    /// (monotonic).
    unknown_states: BTreeMap<String, Duration>,
    /// The last listing of some states.
    pub(crate) short: Comparison,
    pub(crate) last_full: Option<FullListing>,
    pub(crate) full_wanted: bool,
    /// What could not be written.
    pub(crate) backlog: Backlog,
    /// When a full listing last began (monotonic), whatever became of it.
    full_began: Option<Duration>,
    /// Whether the listing under way, or the last one, is a full one.
    full: bool,
    /// Calls that the last listing made, and how many of them repeated one that had failed.
    pub(crate) calls: usize,
    pub(crate) retries: usize,
    /// Listings that failed in a row.
    failures: u32,
    /// Pages of the last good full listing, and of the last good one of what is open; 0: none yet.
    full_pages: usize,
    open_pages: usize,
    /// What the last full listing had to leave out, in words.
    pub(crate) left_out: Option<String>,
    /// How long the API had to be left alone after the last listing.
    pub rest: Duration,
    /// When what is open gets stale (monotonic), even while a listing is under way.
    pub stale_at: Option<Duration>,
    refusal: Option<Refusal>,
    /// How many lists of mirrors had ended when all of them were last looked at for labels and owner references.
    pub(crate) surveyed: u64,
    /// How many lists of mirrors had ended after restores of etcd when the last poll began.
    pub(crate) restores: u64,
    /// No full listing has ended since the last of them.
    pub(crate) restored: bool,
    /// When everything that an earlier generation sent has landed (monotonic).
    pub(crate) all_landed: Duration,
    /// Told of every page and every finished write.
    pub heartbeat: Heartbeat,
    /// Counts what polls come to.
    pub meter: Arc<WatchMeter>,
    /// When (by the API's clock) the API was first read to the end: what it created before is history.
    pub(crate) news: Option<Timestamp>,
}

/// The reads of the Secret.
#[derive(Debug, Default)]
pub(crate) struct SecretReads {
    /// When this watch last read its key itself (monotonic).
    pub(crate) own: Option<Duration>,
    /// When a Secret that could not be used is read again (monotonic).
    pub(crate) again: Duration,
    /// The next poll reads it anew, however lately it could not be used.
    pub(crate) wanted: bool,
}

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

/// A key that the API refused or asked to be patient with, and until when (monotonic) it is left alone.
#[derive(Debug)]
struct Refusal {
    key: [u8; 32],
    error: Error,
    times: u32,
    until: Duration,
}

impl SyncState {
    /// Makes the next poll a full listing that heeds no earlier refusal; a Retry-After is still heeded.
    pub fn want_everything_now(&mut self) {
        self.full_wanted = true;
        self.secret.wanted = true;
        self.full_began = None;
        self.refusal.take_if(|refusal| !refusal.error.retryable());
    }

    /// What could not be written, and what to do about it; `None`: everything was.
    #[must_use]
    pub fn unwritten(&self) -> Option<String> {
        self.backlog.message()
    }

    /// The states to list at `now` (monotonic); empty: everything.
    pub(crate) fn states_to_list(
        &self,
        target: &MirrorTarget,
        cadence: &Cadence,
        together: &impl Service,
        now: Duration,
    ) -> Vec<String> {
        if let Some(states) = only_final(target) {
            return states.to_vec();
        }
        let open = self.open_states();
        let since = self.last_full.map(|full| now.saturating_sub(full.ended));
        let taken = self.last_full.unwrap_or_default().taken;
        let left = self.backlog.full_after(cadence.interval);
        let wanted = self.full_wanted || self.restored;
        let sooner = wanted || left.is_some_and(|after| since >= Some(after));
        let full = cadence.full_is_due(since, taken, sooner);
        if !together.dialects().filters(&open) || (full && !self.too_soon(now)) {
            return Vec::new();
        }
        open
    }

    /// Whether a full listing of several pages began so lately that another must not begin at `now` (monotonic). Where
    /// none has come to its end yet, nothing else can be listed instead.
    fn too_soon(&self, now: Duration) -> bool {
        let several = self.full_pages > 1 && self.last_full.is_some();
        several
            && self
                .full_began
                .is_some_and(|began| now < began + FULL_APART)
    }

    /// A listing begins at `now` (monotonic).
    pub(crate) fn begin(&mut self, full: bool, now: Duration) {
        (self.full, self.calls, self.retries) = (full, 0, 0);
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

    /// How long to leave the API alone after a listing that came to its end: until the calls that it repeated are paid for,
    /// and after a full one that must be the next one too, as long as those keep their distance.
    #[must_use]
    pub fn rest_after(
        &self,
        outcome: &SyncOutcome,
        cadence: &Cadence,
        target: &MirrorTarget,
        together: &impl Service,
    ) -> Duration {
        let calls = outcome.pages + self.retries;
        let paid = if self.retries > 0 {
            after_failure(cadence.active_interval, calls, outcome.pages)
        } else {
            Duration::ZERO
        };
        let open = self.open_states();
        if outcome.full && !together.dialects().filters(&open) && only_final(target).is_none() {
            return paid.max(outcome.taken * FULL_SPACING);
        }
        paid
    }

    /// How long to leave the API alone at `now` (monotonic) after a listing that failed: until its calls are paid for, and
    /// where nothing was ever listed to the end, until a full one may begin again.
    fn rest_after_failure(&self, cadence: &Cadence, now: Duration) -> Option<Duration> {
        // What a good one costs is not known before there was one.
        let usual = match (self.full, self.full_pages) {
            (true, 0) => self.calls,
            (true, pages) => pages,
            (false, _) => self.open_pages,
        };
        let first = self.full && self.last_full.is_none() && self.calls > 1;
        let apart = self
            .full_began
            .filter(|_| first)
            .map_or(Duration::ZERO, |began| {
                (began + FULL_APART).saturating_sub(now)
            });
        let paid = after_failure(cadence.active_interval, self.calls, usual);
        let rest = apart.max(paid);
        // The interval is waited for anyway.
        (rest > cadence.active_interval).then_some(rest)
    }

    /// There is a key, so that the API may be called `now` (monotonic).
    pub(crate) fn polls(&self, now: Duration) {
        self.pace.polls(now, self.full_began.is_none());
    }

    /// Tells the next generation of the watch what it must heed.
    pub(crate) fn tell(&self) {
        let (began, several) = (self.full_began, self.full_pages > 1);
        self.pace.listed(began, several, self.may_list_all_at());
    }

    /// When a full listing may begin because somebody asks for one (monotonic): its distance is kept all the same.
    #[must_use]
    pub fn may_list_all_at(&self) -> Duration {
        let last = self.last_full.unwrap_or_default();
        last.ended + last.taken * FULL_SPACING
    }

    /// Takes in a state that the API showed at `now` (monotonic).
    pub(crate) fn met(&mut self, state: &str, now: Duration) {
        if state::is_known(state) {
            return;
        }
        let permits = self.unknown_states.len() < UNKNOWN_STATES;
        match self.unknown_states.get_mut(state) {
            Some(last) => *last = now,
            None if permits => drop(self.unknown_states.insert(state.to_owned(), now)),
            None => {}
        }
    }

    /// Forgets the unknown states that were not met for a day at `now` (monotonic).
    pub(crate) fn forget_states(&mut self, now: Duration) {
        self.unknown_states
            .retain(|_, last| now.saturating_sub(*last) < UNKNOWN_FOR);
    }

    /// The states to ask for when what is open is listed.
    pub(crate) fn open_states(&self) -> Vec<String> {
        let known = state::OPEN_REFERENCE
            .into_iter()
            .chain(state::OPEN_NEWER)
            .map(str::to_owned);
        known.chain(self.unknown_states.keys().cloned()).collect()
    }

    /// A key that was refused is left alone for a while; another one is tried at once.
    pub(crate) fn check_backoff(&self, key: &ApiKey, now: Duration) -> Result<(), Error> {
        match &self.refusal {
            Some(refusal) if refusal.key == key.fingerprint() && now < refusal.until => {
                Err(refusal.error.clone())
            }
            _ => Ok(()),
        }
    }

    /// The API was listed to the end, in this many pages: earlier refusals are forgotten.
    pub(crate) fn accepted(&mut self, pages: usize) {
        self.refusal = None;
        self.failures = 0;
        if self.full {
            self.full_pages = pages;
        } else {
            self.open_pages = pages;
        }
    }

    /// The API answered with an error, or not at all.
    pub(crate) fn refused(
        &mut self,
        key: &ApiKey,
        error: &Error,
        cadence: &Cadence,
        now: Duration,
    ) {
        let key = key.fingerprint();
        self.failures = self.failures.saturating_add(1);
        let before = self.refusal.take().filter(|refusal| refusal.key == key);
        let times = before.map_or(0, |refusal| refusal.times + 1);
        let rest = self.rest_after_failure(cadence, now);
        let wait = if error.retryable() {
            error.retry_after().into_iter().chain(rest).max()
        } else {
            Some(after_refusal(cadence.interval, times).max(rest.unwrap_or_default()))
        };
        self.refusal = wait.map(|wait| Refusal {
            key,
            error: error.clone(),
            times: if error.retryable() { 0 } else { times },
            until: now + wait,
        });
    }
}

/// The watch's states, where all of them are final: then every poll lists just these.
pub(crate) fn only_final(target: &MirrorTarget) -> Option<&[String]> {
    target
        .states
        .as_deref()
        .filter(|states| states.iter().all(|state| state::is_final(state)))
}
