//! What `/metrics` shows, as `OpenMetrics` or in Prometheus' text. Every family is registered once, when the operator starts,
//! by the room that it is of; this one knows no other.

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

/// What each name of the operator's own begins with; those of the process have the names that every exporter gives
/// them.
const PREFIX: &str = "together_remediation";

/// All that is shown. Clones show the same.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
}

impl Metrics {
    /// Metrics of the process, and all that `register` adds under the operator's prefix.
    #[must_use]
    pub fn new(register: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process::default()));
        register(registry.sub_registry_with_prefix(PREFIX));
        Self {
            registry: Arc::new(registry),
        }
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
