//! Renders `/metrics` as `OpenMetrics` or Prometheus text. Each room registers its own metrics when the operator
//! starts; this one depends on none of them.

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

/// The prefix of the operator's own metrics. Metrics of the process have the usual names.
const PREFIX: &str = "together_remediation";

/// All metrics. Clones share them.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
}

impl Metrics {
    /// The metrics of the process, and all that `register` adds with the operator's prefix.
    #[must_use]
    pub fn new(register: impl FnOnce(&mut Registry)) -> Self {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Process::default()));
        register(registry.sub_registry_with_prefix(PREFIX));
        Self {
            registry: Arc::new(registry),
        }
    }

    /// The response to a scrape.
    #[must_use]
    pub fn text(&self, format: Format) -> String {
        let mut text = String::new();
        // Writing to a String cannot fail.
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

/// Encodes a gauge with one series and no labels.
pub(crate) fn gauge(
    encoder: &mut DescriptorEncoder<'_>,
    what: (&str, &str, Option<Unit>),
    value: f64,
) -> Result<(), std::fmt::Error> {
    plain(encoder, what, &ConstGauge::new(value))
}

/// Encodes a family of `metric_type`; nothing if it has no series.
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
