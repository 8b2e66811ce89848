//! Metrics of each `ClusterWatch`: results of its syncs, its conditions and totals over its mirrors.

pub mod mirrors;

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex, Weak},
};

use prometheus_client::{
    collector::Collector,
    encoding::DescriptorEncoder,
    metrics::{MetricType, counter::Counter, gauge::ConstGauge},
    registry::{Registry, Unit},
};

use crate::{
    clock::Clock,
    controller::metrics::mirrors::{Looked, MOST},
    metrics::{family, gauge},
    sync::metrics::{
        meter::{Values, WatchMeter, lock},
        totals::Totals,
    },
};

/// The meters in use, by namespace and name. Clones are handles to the same ones.
#[derive(Clone)]
pub struct Watches {
    clock: Arc<dyn Clock>,
    meters: Arc<Mutex<Meters>>,
    totals: Totals,
}

/// By namespace and name.
type Meters = BTreeMap<(String, String), Weak<WatchMeter>>;

/// Namespace and name of a `ClusterWatch`, in labels that differ from those of the scrape target.
type Of = [(&'static str, String); 2];

impl Watches {
    /// Without meters; `clock` measures ages.
    #[must_use]
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            clock,
            meters: Arc::default(),
            totals: Totals::default(),
        }
    }

    /// The meter of this `ClusterWatch`; the same one for each caller.
    #[must_use]
    pub fn meter(&self, namespace: &str, name: &str) -> Arc<WatchMeter> {
        let mut meters = lock(&self.meters);
        // Not at each call: when the operator starts, thousands may be added. A scrape leaves out those that are gone.
        if meters.len().is_power_of_two() {
            meters.retain(|_, meter| meter.strong_count() > 0);
        }
        let key = (namespace.to_owned(), name.to_owned());
        if let Some(meter) = meters.get(&key).and_then(Weak::upgrade) {
            return meter;
        }
        let meter = Arc::new(WatchMeter::new(self.totals.clone()));
        meters.insert(key, Arc::downgrade(&meter));
        meter
    }

    /// Counts panics of tasks of kind `task` (`clusterwatch`, `write` or `admin`).
    #[must_use]
    pub fn panics(&self, task: &'static str) -> Counter {
        self.totals.panics(task)
    }

    /// A task of kind `task` panicked.
    pub fn panicked(&self, task: &'static str) {
        self.totals.panicked(task);
    }

    pub(crate) fn register(self, registry: &mut Registry) {
        self.totals.register(registry);
        registry.register_collector(Box::new(self));
    }
}

impl fmt::Debug for Watches {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watches")
    }
}

/// Encodes one family for all `ClusterWatches`.
struct Shown<'a, 'e> {
    encoder: &'a mut DescriptorEncoder<'e>,
    live: &'a [(Of, Arc<WatchMeter>)],
}

impl Shown<'_, '_> {
    /// Encodes a gauge for each `ClusterWatch` that has a value.
    fn gauge(
        &mut self,
        what: (&str, &str, Option<Unit>),
        number: impl Fn(&WatchMeter) -> Option<f64>,
    ) -> fmt::Result {
        let series = self.live.iter().filter_map(|(of, meter)| {
            let number = number(meter)?;
            Some((of.clone(), ConstGauge::new(number)))
        });
        family(self.encoder, what, MetricType::Gauge, series)
    }

    /// Encodes counters for each `ClusterWatch`, by one label.
    fn counters(
        &mut self,
        (name, help): (&str, &str),
        label: &'static str,
        counts: impl Fn(&Values) -> &BTreeMap<&'static str, Counter>,
    ) -> fmt::Result {
        let series = self.live.iter().flat_map(|(of, meter)| {
            let [namespace, name] = of;
            let counts = counts(&meter.values()).clone();
            counts.into_iter().map(move |(value, count)| {
                let value = (label, value.to_owned());
                ([namespace.clone(), name.clone(), value], count)
            })
        });
        let what = (name, help, None);
        family(self.encoder, what, MetricType::Counter, series)
    }

    fn all(&mut self, clock: &dyn Clock) -> fmt::Result {
        let now = clock.elapsed();
        self.counters(
            (
                "polls",
                "Syncs by result: Synced, or the reason that Ready has, or would have if the failure persisted.",
            ),
            "reason",
            |values| &values.polls,
        )?;
        self.gauge(
            (
                "sync_age",
                "Time since the last complete list of the Together API.",
                Some(Unit::Seconds),
            ),
            |meter| Some(meter.sync_age(now)?.as_secs_f64()),
        )?;
        self.gauge(
            (
                "clusterwatch_stale",
                "1 if the ClusterWatch is stale, that is, without a complete list for longer than its stale time, else 0.",
                None,
            ),
            |meter| Some(f64::from(u8::from(meter.is_stale(now)?))),
        )?;
        self.ready()?;
        self.lists()?;
        self.mirrors()
    }

    /// What lists showed, and what changed from one to the next.
    fn lists(&mut self) -> fmt::Result {
        self.gauge(
            (
                "listed_remediations",
                "Remediations in the last full sync.",
                None,
            ),
            |meter| Some(number(meter.values().items?)),
        )?;
        let skipped = self
            .live
            .iter()
            .map(|(of, meter)| (of.clone(), meter.values().skipped.clone()));
        family(
            self.encoder,
            (
                "items_skipped",
                "List items that could not be mirrored; each sync counts them again.",
                None,
            ),
            MetricType::Counter,
            skipped,
        )?;
        self.counters(
            (
                "transitions",
                "State changes of remediations, without those that precede the first sync.",
            ),
            "to",
            |values| &values.transitions,
        )?;
        self.counters(
            (
                "disappeared",
                "Open remediations that the Together API no longer lists: marked NotFound, NotListed or Forbidden. MassDisappearance: many at once, to be confirmed by a second full sync.",
            ),
            "reason",
            |values| &values.disappeared,
        )
    }

    fn ready(&mut self) -> fmt::Result {
        self.gauge(
            (
                "clusterwatch_ready",
                "1 if the ClusterWatch's Ready condition is True, else 0.",
                None,
            ),
            |meter| Some(f64::from(u8::from(meter.values().ready.as_ref()?.0))),
        )?;
        // The reason is a label of its own series, so that a new reason does not end the series above.
        let reasons = self.live.iter().filter_map(|([namespace, name], meter)| {
            let (_, reason) = meter.values().ready.clone().filter(|(ready, _)| !ready)?;
            let labels = [namespace.clone(), name.clone(), ("reason", reason)];
            Some((labels, ConstGauge::new(1)))
        });
        family(
            self.encoder,
            (
                "clusterwatch_not_ready",
                "1 with the reason of the ClusterWatch's Ready condition; no series while Ready is True.",
                None,
            ),
            MetricType::Gauge,
            reasons,
        )
    }

    fn mirrors(&mut self) -> fmt::Result {
        let (of, targets): (Vec<&Of>, Vec<_>) = self
            .live
            .iter()
            .filter_map(|(of, meter)| Some((of, meter.values().mirrors.clone()?)))
            .unzip();
        let looked = mirrors::look(&targets, MOST);
        let looked: Vec<_> = of.into_iter().zip(looked).collect();
        self.states(&looked)?;
        self.open(&looked)
    }

    fn states(&mut self, looked: &[(&Of, Looked)]) -> fmt::Result {
        let states = looked.iter().flat_map(|([namespace, name], found)| {
            found.states.iter().map(|(state, count)| {
                let state = ("state", (*state).to_owned());
                let labels = [namespace.clone(), name.clone(), state];
                (labels, ConstGauge::new(*count))
            })
        });
        family(
            self.encoder,
            (
                "mirrors",
                "Mirrors by state, without those that are gone from the Together API.",
                None,
            ),
            MetricType::Gauge,
            states,
        )?;
        let failed = looked
            .iter()
            .map(|(of, found)| ((*of).clone(), ConstGauge::new(found.failed_nodes)));
        family(
            self.encoder,
            (
                "failed_nodes",
                "Nodes whose most recent remediation failed.",
                None,
            ),
            MetricType::Gauge,
            failed,
        )
    }

    fn open(&mut self, looked: &[(&Of, Looked)]) -> fmt::Result {
        let open = looked.iter().flat_map(|([namespace, name], found)| {
            found.open.iter().map(|open| {
                let [remediation, node, state, mode] = open.labels();
                let (namespace, name) = (namespace.clone(), name.clone());
                let labels = [namespace, name, remediation, node, state, mode];
                (labels, ConstGauge::new(open.since))
            })
        });
        family(
            self.encoder,
            (
                "open_since_timestamp",
                "When an open remediation entered its state, by the API's times (Unix time); at most 500 series per process.",
                Some(Unit::Seconds),
            ),
            MetricType::Gauge,
            open,
        )?;
        let overflow = looked.iter().map(|(_, found)| found.overflow).sum();
        gauge(
            self.encoder,
            (
                "open_overflow",
                "Open remediations without a series of open_since_timestamp_seconds, because the limit is reached.",
                None,
            ),
            number(overflow),
        )
    }
}

#[allow(clippy::cast_precision_loss, reason = "exact up to 2^53")]
fn number(count: usize) -> f64 {
    count as f64
}

impl Collector for Watches {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), fmt::Error> {
        let live: Vec<_> = lock(&self.meters)
            .iter()
            .filter_map(|((namespace, name), meter)| {
                let of = [
                    ("clusterwatch_namespace", namespace.clone()),
                    ("clusterwatch", name.clone()),
                ];
                Some((of, meter.upgrade()?))
            })
            .collect();
        let mut shown = Shown {
            encoder: &mut encoder,
            live: &live,
        };
        shown.all(&*self.clock)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::clock::TestClock;

    #[test]
    fn the_meters_of_those_that_ended_take_no_room() {
        let watches = Watches::new(Arc::new(TestClock::default()));
        let name = |number: usize| format!("training-{number}");
        let _kept: Vec<_> = (0..100)
            .map(|number| watches.meter("n", &name(number)))
            .collect();
        for number in 100..10_000 {
            drop(watches.meter("n", &name(number)));
        }
        let meters = lock(&watches.meters).len();
        assert!(meters <= 200, "{meters}");
    }
}
