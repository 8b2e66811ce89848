//! Each `ClusterWatch` that polls: what its polls came to, and how long ago the API was last read to the end.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use prometheus_client::{
    collector::Collector,
    encoding::DescriptorEncoder,
    metrics::{MetricType, counter::Counter, gauge::ConstGauge},
    registry::Unit,
};

use super::family;
use crate::clock::Clock;

const NEVER: i64 = i64::MIN;

/// The meters in use, by namespace and name. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Watches {
    clock: Arc<dyn Clock>,
    meters: Arc<Mutex<Meters>>,
}

/// By namespace and name.
type Meters = BTreeMap<(String, String), Weak<WatchMeter>>;

/// Counts for one watch. Its series are shown until the last holder drops it.
#[derive(Debug)]
pub struct WatchMeter {
    /// By outcome, which is `Synced` or a reason of Ready.
    polls: Mutex<BTreeMap<&'static str, Counter>>,
    /// When the API was last read to the end: milliseconds of the monotonic clock, negative before the process began.
    synced: AtomicI64,
}

impl WatchMeter {
    /// A poll ended so: `Synced` or a reason of Ready, out of a small fixed set.
    pub fn polled(&self, outcome: &'static str) {
        lock(&self.polls).entry(outcome).or_default().inc();
    }

    /// The API was read to the end `ago`, as it is `now` (monotonic).
    pub fn synced(&self, now: Duration, ago: Duration) {
        let when = milliseconds(now).saturating_sub(milliseconds(ago));
        self.synced.fetch_max(when, Ordering::Relaxed);
    }

    /// How long ago it was at `now`; `None`: never, as far as is known.
    fn sync_age(&self, now: Duration) -> Option<Duration> {
        let when = self.synced.load(Ordering::Relaxed);
        let age = milliseconds(now).saturating_sub(when);
        (when != NEVER).then(|| Duration::from_millis(u64::try_from(age).unwrap_or_default()))
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl Watches {
    /// No meters yet; ages are measured by `clock`.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            meters: Arc::default(),
        }
    }

    /// The one meter of this watch.
    #[must_use]
    pub fn meter(&self, namespace: &str, name: &str) -> Arc<WatchMeter> {
        let mut meters = lock(&self.meters);
        meters.retain(|_, meter| meter.strong_count() > 0);
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(meter) = meters.get(&key).and_then(Weak::upgrade) {
            return meter;
        }
        let meter = Arc::new(WatchMeter {
            polls: Mutex::default(),
            synced: AtomicI64::new(NEVER),
        });
        meters.insert(key, Arc::downgrade(&meter));
        meter
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watches")
    }
}

impl Collector for Watches {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let now = self.clock.elapsed();
        let live: Vec<_> = lock(&self.meters)
            .iter()
            .filter_map(|((namespace, name), meter)| {
                let of = [("namespace", namespace.clone()), ("name", name.clone())];
                Some((of, meter.upgrade()?))
            })
            .collect();
        let polls = live.iter().flat_map(|([namespace, name], meter)| {
            let polls = lock(&meter.polls).clone();
            polls.into_iter().map(|(outcome, count)| {
                let outcome = ("outcome", outcome.to_owned());
                ([namespace.clone(), name.clone(), outcome], count)
            })
        });
        family(
            &mut encoder,
            (
                "polls",
                "Polls by outcome: Synced, or the reason that Ready has or would have were it to last.",
                None,
            ),
            MetricType::Counter,
            polls,
        )?;
        let ages = live.iter().filter_map(|(of, meter)| {
            let age = meter.sync_age(now)?;
            Some((of.clone(), ConstGauge::new(age.as_secs_f64())))
        });
        family(
            &mut encoder,
            (
                "sync_age",
                "Time since the API was last read to the end.",
                Some(Unit::Seconds),
            ),
            MetricType::Gauge,
            ages,
        )
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic under the lock leaves a whole value.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
