//! What `/metrics` shows, as `OpenMetrics` or in Prometheus' text. Every family is registered once, when the operator starts; what has a
//! life of its own (a watch) is shown for as long as somebody holds its meter.

mod exposition;
mod process;

use std::sync::Arc;

use prometheus_client::{
    encoding::{self, DescriptorEncoder, EncodeLabelSet, EncodeMetric},
    metrics::{MetricType, gauge::ConstGauge},
    registry::{Registry, Unit},
};

pub use self::exposition::Format;
use self::process::Process;
use crate::{controller::metrics::Watches, operator::metrics::Operator, together::Client};

/// What each name of the operator's own begins with; those of the process have the names that every exporter gives
/// them.
const PREFIX: &str = "together_remediation";

/// All that is shown. Clones show the same.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    watches: Watches,
}

impl Metrics {
    /// Metrics of one operator: itself, its watches and the API it asks. To be made within the tokio runtime whose
    /// tasks it counts.
    #[must_use]
    pub fn new(operator: Operator, watches: Watches, together: &Client) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process::default()));
        let ours = registry.sub_registry_with_prefix(PREFIX);
        ours.register_collector(Box::new(operator));
        watches.clone().register(ours);
        crate::together::metrics::register(ours, together);
        Self {
            registry: Arc::new(registry),
            watches,
        }
    }

    /// An answer of the admin server panicked.
    pub fn answer_panicked(&self) {
        self.watches.panicked("admin");
    }

    /// The answer to a scrape.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        let mut text = String::new();
        // A String takes all that is written.
        let _ = encoding::text::encode(&mut text, &self.registry);
        match format {
            Format::OpenMetrics => text,
            Format::Prometheus => exposition::prometheus(&text),
        }
    }
}

/// One series without labels.
pub(crate) fn plain(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): (&str, &str, Option<Unit>),
    metric: &impl EncodeMetric,
) -> Result<(), std::fmt::Error> {
    metric.encode(encoder.encode_descriptor(name, help, unit.as_ref(), metric.metric_type())?)
}

/// A gauge of one series without labels.
pub(crate) fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    what: (&str, &str, Option<Unit>),
    value: f64,
) -> Result<(), std::fmt::Error> {
    plain(encoder, what, &ConstGauge::new(value))
}

/// A family of `metric_type`; without any series, nothing is shown.
pub(crate) fn family<L: EncodeLabelSet, M: EncodeMetric>(
    encoder: &mut DescriptorEncoder<'_>,
    (name, help, unit): (&str, &str, Option<Unit>),
    metric_type: MetricType,
    series: impl IntoIterator<Item = (L, M)>,
) -> Result<(), std::fmt::Error> {
    let mut series = series.into_iter().peekable();
    if series.peek().is_none() {
        return Ok(());
    }
    let mut family = encoder.encode_descriptor(name, help, unit.as_ref(), metric_type)?;
    for (labels, metric) in series {
        metric.encode(family.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
