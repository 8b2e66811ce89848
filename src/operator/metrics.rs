//! Metrics of the operator itself: version, leadership and tasks.

use prometheus_client::{
    collector::Collector,
    encoding::DescriptorEncoder,
    metrics::{MetricType, counter::Counter, gauge::ConstGauge},
};
use tokio::runtime::Handle;

use crate::{
    controller::metrics::Watches,
    health::readiness::Readiness,
    k8s::leadership::Leadership,
    metrics::{Metrics, family, plain},
    together::{self, Client},
};

/// All metrics of one operator: its own, those of its `ClusterWatches` and those of the Together API.
#[must_use]
pub fn metrics(operator: Operator, watches: &Watches, together: &Client) -> Metrics {
    Metrics::new(|ours| {
        ours.register_collector(Box::new(operator));
        watches.clone().register(ours);
        together::metrics::register(ours, together);
    })
}

/// Metrics of the operator itself.
pub struct Operator {
    leadership: Leadership,
    events_dropped: Counter,
    runtime: Handle,
    readiness: Option<Readiness>,
}

impl Operator {
    /// The metrics for `leadership` and the tasks of the current runtime; `events_dropped` counts Events that were not
    /// published.
    ///
    /// # Panics
    /// Outside of a tokio runtime.
    #[must_use]
    pub fn new(leadership: Leadership, events_dropped: Counter) -> Self {
        Self {
            leadership,
            events_dropped,
            runtime: Handle::current(),
            readiness: None,
        }
    }

    /// The same, with the objects and namespaces that `readiness` reports as unreachable.
    #[must_use]
    pub fn reaching(mut self, readiness: Readiness) -> Self {
        self.readiness = Some(readiness);
        self
    }
}

impl std::fmt::Debug for Operator {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Operator")
    }
}

impl Collector for Operator {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        family(
            &mut encoder,
            ("build_info", "The running version; always 1.", None),
            MetricType::Gauge,
            [([("version", env!("CARGO_PKG_VERSION"))], ConstGauge::new(1))],
        )?;
        plain(
            &mut encoder,
            ("leader", "1 while this replica leads, else 0.", None),
            &ConstGauge::new(i64::from(self.leadership.holds())),
        )?;
        plain(
            &mut encoder,
            (
                "events_dropped",
                "Events that could not be published.",
                None,
            ),
            &self.events_dropped,
        )?;
        let tasks = u32::try_from(self.runtime.metrics().num_alive_tasks()).unwrap_or(u32::MAX);
        plain(
            &mut encoder,
            ("tasks", "Running tasks of the async runtime.", None),
            &ConstGauge::new(i64::from(tasks)),
        )?;
        let readiness = self.readiness.as_ref();
        readiness.map_or(Ok(()), |readiness| reach(readiness, &mut encoder))
    }
}

/// Encodes what cannot be reached.
fn reach(
    readiness: &Readiness,
    encoder: &mut DescriptorEncoder<'_>,
) -> Result<(), std::fmt::Error> {
    let unreadable = readiness.unreadable_objects().into_iter();
    family(
        encoder,
        (
            "unreadable_objects",
            "ClusterWatches and Remediations with a spec that the operator cannot read; they are ignored.",
            None,
        ),
        MetricType::Gauge,
        unreadable.map(|((namespace, kind), count)| {
            let labels = [
                ("clusterwatch_namespace", namespace),
                ("kind", kind.to_owned()),
            ];
            (
                labels,
                ConstGauge::new(i64::try_from(count).unwrap_or(i64::MAX)),
            )
        }),
    )?;
    let refused = readiness.refused().into_iter();
    family(
        encoder,
        (
            "namespace_refused",
            "1 while the operator may not list ClusterWatches or Remediations in this namespace (empty: all namespaces).",
            None,
        ),
        MetricType::Gauge,
        refused.map(|namespace| {
            let namespace = String::from(namespace);
            ([("clusterwatch_namespace", namespace)], ConstGauge::new(1))
        }),
    )
}
