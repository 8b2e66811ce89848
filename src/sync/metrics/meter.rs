//! Counters of one `ClusterWatch`.

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
    api::{Reason, conditions::of_type},
    clock::MonoTime,
    k8s::error::KubeApiError,
    mirror::status::Synced,
    store::Index,
    sync::{
        change::{Done, MirrorChange},
        credentials::CredentialsError,
        target::MirrorTarget,
    },
};

const NEVER: i64 = i64::MIN;

/// Counts for one `ClusterWatch`. Its series exist until the last holder drops it.
#[derive(Debug)]
pub struct WatchMeter {
    pub(crate) totals: Totals,
    /// Time of the last complete list: milliseconds of the monotonic clock, negative before the process started.
    synced: AtomicI64,
    pub(crate) values: Mutex<Values>,
}

/// The numbers of a `ClusterWatch`.
#[derive(Default)]
pub(crate) struct Values {
    /// By result: `Synced` or a reason of Ready.
    pub(crate) polls: BTreeMap<&'static str, Counter>,
    pub(crate) transitions: BTreeMap<&'static str, Counter>,
    pub(crate) disappeared: BTreeMap<&'static str, Counter>,
    /// Whether Ready is True, and its reason.
    pub(crate) ready: Option<(bool, String)>,
    /// How long it may stay unconfirmed, and since when it is observed.
    pub(crate) stale_after: Option<(Duration, MonoTime)>,
    pub(crate) items: Option<usize>,
    pub(crate) skipped: Counter,
    /// Where its mirrors are.
    pub(crate) mirrors: Option<(Index, MirrorTarget)>,
}

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Held")
    }
}

impl Default for WatchMeter {
    /// A meter that is not registered.
    fn default() -> Self {
        Self::new(Totals::default())
    }
}

/// One write in progress.
#[derive(Debug)]
pub struct Writing {
    verb: &'static str,
    change: Option<Change>,
    /// Why it disappeared, if it is marked gone.
    how: Option<&'static str>,
}

impl Writing {
    /// For `change`. Remediations created after `event_cutoff` (by the API's clock; `None`: never) are not history.
    #[must_use]
    pub fn of(change: &MirrorChange, event_cutoff: Option<Timestamp>) -> Self {
        Self {
            verb: verb(change),
            change: Change::of(change, event_cutoff),
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
            values: Mutex::default(),
        }
    }

    /// Exposes the mirrors of `target` in `index`.
    pub fn shows(&self, index: &Index, target: &MirrorTarget) {
        self.values().mirrors = Some((index.clone(), target.clone()));
    }

    /// A sync ended with this result: `Synced` or a reason of Ready.
    pub fn polled(&self, outcome: Reason) {
        let outcome = outcome.as_str();
        self.values().polls.entry(outcome).or_default().inc();
    }

    /// The Secret was read, with this error.
    pub fn read_secret(&self, error: Option<&CredentialsError>) {
        self.totals.read_secret(match error {
            None => Reason::Found,
            Some(error) => error.reason().unwrap_or(Reason::Unavailable),
        });
    }

    /// A complete list ended: its duration, number of remediations and number of skipped items.
    pub fn listed(&self, full: bool, lasted: Duration, (items, skipped): (usize, usize)) {
        self.totals.listed(full, lasted);
        let mut values = self.values();
        values.skipped.inc_by(skipped as u64);
        if full {
            values.items = Some(items);
        }
    }

    /// The Ready condition was written.
    pub fn stands(&self, conditions: &[Condition]) {
        if let Some(ready) = of_type(conditions, "Ready") {
            self.values().ready = Some((ready.status == "True", ready.reason.clone()));
        }
    }

    /// It may stay unconfirmed for this long, as of `now`.
    pub fn stale_after(&self, now: MonoTime, time: Duration) {
        let mut values = self.values();
        let since = values.stale_after.map_or(now, |(_, since)| since);
        values.stale_after = Some((time, since));
    }

    /// A write ended.
    pub fn wrote(&self, writing: &Writing, outcome: &Result<Done, KubeApiError>) {
        self.totals.wrote(writing.verb, outcome);
        if !matches!(outcome, Ok(Done::Created | Done::Updated)) {
            return;
        }
        if let Some(change) = &writing.change {
            self.totals.changed(change);
            let mut values = self.values();
            values.transitions.entry(change.to).or_default().inc();
        }
        if let Some(how) = writing.how {
            self.values().disappeared.entry(how).or_default().inc();
        }
    }

    /// A write panicked.
    pub fn write_panicked(&self) {
        self.totals.panicked("write");
    }

    /// This many vanished at once, so that a second full sync must confirm it.
    pub fn vanished(&self, how_many: usize) {
        if how_many > 0 {
            let mut values = self.values();
            let mass = Reason::MassDisappearance.as_str();
            let mass = values.disappeared.entry(mass).or_default();
            mass.inc_by(how_many as u64);
        }
    }

    /// The last complete list was this long `ago`, as of `now`.
    pub fn synced(&self, now: MonoTime, ago: Duration) {
        let when = milliseconds(now.since_zero()).saturating_sub(milliseconds(ago));
        self.synced.fetch_max(when, Ordering::Relaxed);
    }

    /// The age of the last complete list at `now`; `None` if there was none, as far as known.
    pub(crate) fn sync_age(&self, now: MonoTime) -> Option<Duration> {
        let when = self.synced.load(Ordering::Relaxed);
        let age = milliseconds(now.since_zero()).saturating_sub(when);
        (when != NEVER).then(|| Duration::from_millis(u64::try_from(age).unwrap_or_default()))
    }

    /// Whether it has been unconfirmed for too long at `now`; `None` if the limit is unknown.
    pub(crate) fn is_stale(&self, now: MonoTime) -> Option<bool> {
        let (time, since) = self.values().stale_after?;
        let age = self.sync_age(now);
        Some(age.unwrap_or(now.duration_since(since)) > time)
    }

    pub(crate) fn values(&self) -> MutexGuard<'_, Values> {
        lock(&self.values)
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while the lock is held cannot leave a partial value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
