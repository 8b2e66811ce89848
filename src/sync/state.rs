//! The state that a `ClusterWatch` keeps between syncs, and what follows from it for the next one.

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

/// Maximum number of unknown states that are requested by name.
const UNKNOWN_STATES: usize = 8;
/// How long a state that no longer occurs is requested.
const UNKNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The state kept between syncs.
#[derive(Debug, Default)]
pub struct SyncState {
    /// When its Secret was read, and when it is to be read.
    pub(crate) secret: SecretReads,
    /// Throttles edits; informed of every sync that may call the API.
    pub(crate) pace: Arc<EditThrottle>,
    pub(crate) absences: Absences,
    pub(crate) regressions: Regressions,
    /// Open states that this version does not know. They are requested by name once seen. The value is when each was
    /// last seen (monotonic).
    unknown_states: BTreeMap<String, Duration>,
    /// The last active sync.
    pub(crate) short: Comparison,
    pub(crate) last_full: Option<FullListing>,
    pub(crate) full_wanted: bool,
    /// Writes that failed.
    pub(crate) backlog: Backlog,
    /// When a full sync last started (monotonic), whatever its result.
    full_began: Option<Duration>,
    /// Whether the current or last sync is a full one.
    full: bool,
    /// Requests of the last list, and how many of them were retries.
    pub(crate) calls: usize,
    pub(crate) retries: usize,
    /// Failed lists in a row.
    failures: u32,
    /// Pages of the last successful full sync and active sync; 0 before the first.
    full_pages: usize,
    open_pages: usize,
    /// What the last full sync left out, as text.
    pub(crate) left_out: Option<String>,
    /// How long the API must not be called after the last list.
    pub rest: Duration,
    /// When open mirrors become stale (monotonic), even during a list.
    pub stale_at: Option<Duration>,
    refusal: Option<Refusal>,
    /// Number of completed lists of mirrors when all labels and owner references were last checked.
    pub(crate) surveyed: u64,
    /// Number of completed lists of mirrors after restores of etcd when the last sync started.
    pub(crate) restores: u64,
    /// Whether etcd was restored after the last full sync ended.
    pub(crate) restored: bool,
    /// When all requests of an earlier generation have taken effect (monotonic).
    pub(crate) all_landed: Duration,
    /// Informed of every page and every finished write.
    pub heartbeat: Heartbeat,
    /// Counts the results of syncs.
    pub meter: Arc<WatchMeter>,
    /// The time (by the API's clock) of the first complete list. Remediations created earlier are history.
    pub(crate) news: Option<Timestamp>,
}

/// The reads of the Secret.
#[derive(Debug, Default)]
pub(crate) struct SecretReads {
    /// When this `ClusterWatch` last read its key itself (monotonic).
    pub(crate) own: Option<Duration>,
    /// When an unusable Secret is read again (monotonic).
    pub(crate) again: Duration,
    /// The next sync reads it again, however recently it was found unusable.
    pub(crate) wanted: bool,
}

/// A complete full sync.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct FullListing {
    /// When it ended (monotonic).
    pub(crate) ended: Duration,
    /// From its first request to its last page, including concurrent writes.
    pub(crate) lasted: Duration,
    /// The part of it that the API needed.
    pub(crate) taken: Duration,
}

/// An API key that was rejected or rate-limited, and until when (monotonic) it is not used.
#[derive(Debug)]
struct Refusal {
    key: [u8; 32],
    error: Error,
    times: u32,
    until: Duration,
}

impl SyncState {
    /// Makes the next sync a full one that ignores earlier rejections. A Retry-After is still honored.
    pub fn want_everything_now(&mut self) {
        self.full_wanted = true;
        self.secret.wanted = true;
        self.full_began = None;
        self.refusal.take_if(|refusal| !refusal.error.retryable());
    }

    /// What could not be written, and what to do about it; `None` if everything was.
    #[must_use]
    pub fn unwritten(&self) -> Option<String> {
        self.backlog.message()
    }

    /// The states to list at `now` (monotonic); empty means everything.
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

    /// Whether a full sync with several pages started so recently that another must not start at `now` (monotonic).
    /// Before the first complete one, nothing else can be listed instead.
    fn too_soon(&self, now: Duration) -> bool {
        let several = self.full_pages > 1 && self.last_full.is_some();
        several
            && self
                .full_began
                .is_some_and(|began| now < began + FULL_APART)
    }

    /// A list starts at `now` (monotonic).
    pub(crate) fn begin(&mut self, full: bool, now: Duration) {
        (self.full, self.calls, self.retries) = (full, 0, 0);
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

    /// How long not to call the API after a complete list: one interval for each of its retries, and after a full sync
    /// that another must follow, as long as full syncs keep their distance.
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

    /// How long not to call the API at `now` (monotonic) after a failed list: in proportion to its requests, and if
    /// there was never a complete list, until a full sync may start again.
    fn rest_after_failure(&self, cadence: &Cadence, now: Duration) -> Option<Duration> {
        // The cost of a successful list is unknown before the first one.
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
        // The interval passes anyway.
        (rest > cadence.active_interval).then_some(rest)
    }

    /// There is an API key, so the API may be called `now` (monotonic).
    pub(crate) fn polls(&self, now: Duration) {
        self.pace.polls(now, self.full_began.is_none());
    }

    /// Passes limits on to the `ClusterWatch`'s next generation.
    pub(crate) fn tell(&self) {
        let (began, several) = (self.full_began, self.full_pages > 1);
        self.pace.listed(began, several, self.may_list_all_at());
    }

    /// When a requested full sync may start (monotonic): full syncs keep their distance even then.
    #[must_use]
    pub fn may_list_all_at(&self) -> Duration {
        let last = self.last_full.unwrap_or_default();
        last.ended + last.taken * FULL_SPACING
    }

    /// Records a state that the API returned at `now` (monotonic).
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

    /// Forgets unknown states that were not seen for a day at `now` (monotonic).
    pub(crate) fn forget_states(&mut self, now: Duration) {
        self.unknown_states
            .retain(|_, last| now.saturating_sub(*last) < UNKNOWN_FOR);
    }

    /// The states that an active sync requests.
    pub(crate) fn open_states(&self) -> Vec<String> {
        let known = state::OPEN_REFERENCE
            .into_iter()
            .chain(state::OPEN_NEWER)
            .map(str::to_owned);
        known.chain(self.unknown_states.keys().cloned()).collect()
    }

    /// A rejected key is not used for a while. Another key is used at once.
    pub(crate) fn check_backoff(&self, key: &ApiKey, now: Duration) -> Result<(), Error> {
        match &self.refusal {
            Some(refusal) if refusal.key == key.fingerprint() && now < refusal.until => {
                Err(refusal.error.clone())
            }
            _ => Ok(()),
        }
    }

    /// A list with this many pages is complete: earlier rejections are forgotten.
    pub(crate) fn accepted(&mut self, pages: usize) {
        self.refusal = None;
        self.failures = 0;
        if self.full {
            self.full_pages = pages;
        } else {
            self.open_pages = pages;
        }
    }

    /// The API returned an error, or did not respond.
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

/// The `ClusterWatch`'s states if all of them are final: then every sync lists just these.
pub(crate) fn only_final(target: &MirrorTarget) -> Option<&[String]> {
    target
        .states
        .as_deref()
        .filter(|states| states.iter().all(|state| state::is_final(state)))
}
