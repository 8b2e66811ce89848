//! What is counted of one watch.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use prometheus_client::metrics::counter::Counter;

use super::{
    change::Change,
    totals::{Totals, verb},
};
use crate::{
    api::Reason,
    k8s::api::KubeApiError,
    mirror::status::Synced,
    store::Index,
    sync::{
        credentials::CredentialsError,
        decide::plan::MirrorTarget,
        write::object::{Done, MirrorChange},
    },
};

const NEVER: i64 = i64::MIN;

/// Counts for one watch. Its series are shown until the last holder drops it.
#[derive(Debug)]
pub struct WatchMeter {
    pub(crate) totals: Totals,
    /// When the API was last read to the end: milliseconds of the monotonic clock, negative before the process began.
    synced: AtomicI64,
    pub(crate) held: Mutex<Held>,
}

/// The numbers of a watch.
#[derive(Default)]
pub(crate) struct Held {
    /// By outcome, which is `Synced` or a reason of Ready.
    pub(crate) polls: BTreeMap<&'static str, Counter>,
    pub(crate) transitions: BTreeMap<&'static str, Counter>,
    pub(crate) disappeared: BTreeMap<&'static str, Counter>,
    /// Whether Ready is True, and its reason.
    pub(crate) ready: Option<(bool, String)>,
    /// How long it may go unconfirmed, and since when (monotonic) it is looked at.
    pub(crate) stale_after: Option<(Duration, Duration)>,
    pub(crate) items: Option<usize>,
    pub(crate) skipped: Counter,
    /// Where its mirrors are.
    pub(crate) mirrors: Option<(Index, MirrorTarget)>,
}

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

impl Default for WatchMeter {
    /// A meter that nobody shows.
    fn default() -> Self {
        Self::new(Totals::default())
    }
}

/// One write that is under way.
#[derive(Debug)]
pub struct Writing {
    verb: &'static str,
    change: Option<Change>,
    /// How what is marked disappeared.
    how: Option<&'static str>,
}

impl Writing {
    /// Of `change`. What was created after `news` (by the API's clock; `None`: nothing was) is no history.
    #[must_use]
    pub fn of(change: &MirrorChange, news: Option<Timestamp>) -> Self {
        Self {
            verb: verb(change),
            change: Change::of(change, news),
            how: match change {
                MirrorChange::Mark(_, synced)
                    if synced.is_gone() || *synced == Synced::Forbidden =>
                {
                    Some(synced.reason().as_str())
                }
                _ => None,
            },
        }
    }
}

impl WatchMeter {
    pub(crate) fn new(totals: Totals) -> Self {
        Self {
            totals,
            synced: AtomicI64::new(NEVER),
            held: Mutex::default(),
        }
    }

    /// Shows the mirrors of `target` out of `index`.
    pub fn shows(&self, index: &Index, target: &MirrorTarget) {
        self.held().mirrors = Some((index.clone(), target.clone()));
    }

    /// A poll ended so: `Synced` or a reason of Ready, out of a small fixed set.
    pub fn polled(&self, outcome: Reason) {
        let outcome = outcome.as_str();
        self.held().polls.entry(outcome).or_default().inc();
    }

    /// The Secret was read, which failed so.
    pub fn read_secret(&self, error: Option<&CredentialsError>) {
        self.totals.read_secret(match error {
            None => Reason::Found,
            Some(error) => error.reason().unwrap_or(Reason::Unavailable),
        });
    }

    /// A complete listing ended: how long it took, how many remediations it held and how many items were left out.
    pub fn listed(&self, full: bool, lasted: Duration, (items, skipped): (usize, usize)) {
        self.totals.listed(full, lasted);
        let mut held = self.held();
        held.skipped.inc_by(skipped as u64);
        if full {
            held.items = Some(items);
        }
    }

    /// Its Ready condition is told to be so.
    pub fn stands(&self, conditions: &[Condition]) {
        let ready = conditions.iter().find(|told| told.type_ == "Ready");
        if let Some(ready) = ready {
            self.held().ready = Some((ready.status == "True", ready.reason.clone()));
        }
    }

    /// It may go unconfirmed for so long, as it is `now` (monotonic).
    pub fn stale_after(&self, now: Duration, time: Duration) {
        let mut held = self.held();
        let since = held.stale_after.map_or(now, |(_, since)| since);
        held.stale_after = Some((time, since));
    }

    /// A write ended.
    pub fn wrote(&self, writing: &Writing, outcome: &Result<Done, KubeApiError>) {
        self.totals.wrote(writing.verb, outcome);
        if !matches!(outcome, Ok(Done::Created | Done::Updated)) {
            return;
        }
        if let Some(change) = &writing.change {
            self.totals.changed(change);
            let mut held = self.held();
            held.transitions.entry(change.to).or_default().inc();
        }
        if let Some(how) = writing.how {
            self.held().disappeared.entry(how).or_default().inc();
        }
    }

    /// A write panicked.
    pub fn write_panicked(&self) {
        self.totals.panicked("write");
    }

    /// So many vanished at once that a second full listing has to confirm it.
    pub fn vanished(&self, how_many: usize) {
        if how_many > 0 {
            let mut held = self.held();
            let mass = Reason::MassDisappearance.as_str();
            let mass = held.disappeared.entry(mass).or_default();
            mass.inc_by(how_many as u64);
        }
    }

    /// The API was read to the end `ago`, as it is `now` (monotonic).
    pub fn synced(&self, now: Duration, ago: Duration) {
        let when = milliseconds(now).saturating_sub(milliseconds(ago));
        self.synced.fetch_max(when, Ordering::Relaxed);
    }

    /// How long ago it was at `now`; `None`: never, as far as is known.
    pub(crate) fn sync_age(&self, now: Duration) -> Option<Duration> {
        let when = self.synced.load(Ordering::Relaxed);
        let age = milliseconds(now).saturating_sub(when);
        (when != NEVER).then(|| Duration::from_millis(u64::try_from(age).unwrap_or_default()))
    }

    /// Whether it has been unconfirmed for too long at `now`; `None`: nobody knows how long that is.
    pub(crate) fn is_stale(&self, now: Duration) -> Option<bool> {
        let (time, since) = self.held().stale_after?;
        let age = self.sync_age(now);
        Some(age.unwrap_or(now.saturating_sub(since)) > time)
    }

    pub(crate) fn held(&self) -> MutexGuard<'_, Held> {
        lock(&self.held)
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock leaves a whole value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
