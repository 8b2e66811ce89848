//! The API: calls by status, waits for the bucket, its dialect and its clock.

use std::time::Duration;

use prometheus_client::{
    collector::Collector,
    encoding::DescriptorEncoder,
    metrics::{
        MetricType,
        counter::{ConstCounter, Counter},
        family::Family,
        gauge::ConstGauge,
        histogram::Histogram,
    },
    registry::{Registry, Unit},
};

use crate::{
    metrics::{family, gauge},
    network::Cause,
    together::{Client, Dialects, Skew},
};

/// Statuses that have a series of their own; others share one for each hundred, so that there are few.
const STATUSES: [u16; 14] = [
    200, 400, 401, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504,
];

/// Counts the calls of one client. Clones count together.
#[derive(Clone, Debug)]
pub struct ApiMeter {
    calls: Family<[(&'static str, String); 1], Counter>,
    waited: Counter<f64>,
    took: Histogram,
}

/// From a page that is answered at once to a listing of many.
fn calls() -> Histogram {
    Histogram::new([0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0])
}

impl Default for ApiMeter {
    fn default() -> Self {
        Self {
            calls: Family::default(),
            waited: Counter::default(),
            took: calls(),
        }
    }
}

impl ApiMeter {
    /// A call was answered with this HTTP status.
    pub fn answered(&self, status: u16) {
        self.count(status_label(status));
    }

    /// A call had no answer.
    pub fn unanswered(&self, why: Cause) {
        self.count(why.word());
    }

    /// A call took this long until its answer began, or until it was clear that there is none.
    pub fn took(&self, time: Duration) {
        self.took.observe(time.as_secs_f64());
    }

    /// A call waited for the bucket of its key.
    pub fn waited(&self, time: Duration) {
        self.waited.inc_by(time.as_secs_f64());
    }

    fn count(&self, status: String) {
        self.calls.get_or_create(&[("status", status)]).inc();
    }
}

fn status_label(status: u16) -> String {
    if STATUSES.contains(&status) {
        status.to_string()
    } else {
        format!("{}xx", status / 100)
    }
}

/// What the API at one base URL is seen to be: its dialect and its clock.
#[derive(Debug)]
struct Seen {
    dialects: Dialects,
    skew: Skew,
}

/// Shows all of `client`, labelled with the host and port of its base URL.
pub(crate) fn register(registry: &mut Registry, client: &Client) {
    let host = ("host".into(), client.host().into());
    let registry = registry.sub_registry_with_label(host);
    let meter = client.meter();
    registry.register(
        "api_calls",
        "Calls by HTTP status, or why there was no answer",
        meter.calls.clone(),
    );
    registry.register_with_unit(
        "api_wait",
        "Time that calls waited for the bucket of their key",
        Unit::Seconds,
        meter.waited.clone(),
    );
    registry.register_with_unit(
        "api_call_duration",
        "Time from a call to the head of its answer, or to none",
        Unit::Seconds,
        meter.took.clone(),
    );
    registry.register_collector(Box::new(Seen {
        dialects: client.dialects().clone(),
        skew: client.skew().clone(),
    }));
}

impl Collector for Seen {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        if let Some(skew) = self.skew.get() {
            let ahead = "How far the API's clock is ahead of this machine's.";
            let what = ("api_clock_skew", ahead, Some(Unit::Seconds));
            gauge(&mut encoder, what, skew.as_secs_f64())?;
        }
        let spoken = self.dialects.spoken();
        let forms = spoken.filters.iter().map(|form| {
            let labels = [("names", spoken.names), ("filter", *form)];
            (labels, ConstGauge::new(1))
        });
        family(
            &mut encoder,
            (
                "api_dialect_info",
                "How the API is asked: names of the query's parameters, form of the state filter; always 1.",
                None,
            ),
            MetricType::Gauge,
            forms,
        )?;
        let fallbacks = self.dialects.fallbacks();
        let fallbacks = fallbacks
            .into_iter()
            .map(|(to, count)| ([("to", to)], ConstCounter::new(count)));
        family(
            &mut encoder,
            (
                "api_dialect_fallbacks",
                "Times that another way to ask was taken than the reference page's.",
                None,
            ),
            MetricType::Counter,
            fallbacks,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_are_few() {
        let mut labels: Vec<_> = (100..1000).map(status_label).collect();
        labels.sort();
        labels.dedup();
        assert_eq!(labels.len(), STATUSES.len() + 9);
        assert_eq!(status_label(418), "4xx");
    }
}
