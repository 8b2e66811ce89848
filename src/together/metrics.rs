//! Metrics of the Together API: requests by status, rate limiting, query format and clock.

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

/// Statuses with their own series. The others share one per hundred, which bounds the number of series.
const STATUSES: [u16; 14] = [
    200, 400, 401, 403, 404, 408, 409, 422, 425, 429, 500, 502, 503, 504,
];

/// Counts the requests of one client. Clones share it.
#[derive(Clone, Debug)]
pub struct ApiMeter {
    calls: Family<[(&'static str, String); 1], Counter>,
    waited: Counter<f64>,
    took: Histogram,
}

/// From a page that is returned at once to a list of many pages.
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
    /// A request got a response with this HTTP status.
    pub fn answered(&self, status: u16) {
        self.count(status_label(status));
    }

    /// A request got no response.
    pub fn unanswered(&self, why: Cause) {
        self.count(why.word());
    }

    /// A request took this long until the response started, or until it failed.
    pub fn took(&self, time: Duration) {
        self.took.observe(time.as_secs_f64());
    }

    /// A request was delayed by the rate limit of its key.
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

/// The query format and clock of the API at one base URL.
#[derive(Debug)]
struct Seen {
    dialects: Dialects,
    skew: Skew,
}

/// Registers all metrics of `client`, labeled with the host and port of its base URL.
pub(crate) fn register(registry: &mut Registry, client: &Client) {
    let host = ("api_host".into(), client.host().into());
    let registry = registry.sub_registry_with_label(host);
    let meter = client.meter();
    registry.register(
        "api_calls",
        "Requests by HTTP status, or by the cause if there was no response",
        meter.calls.clone(),
    );
    registry.register_with_unit(
        "api_wait",
        "Time that requests were delayed by client-side rate limiting",
        Unit::Seconds,
        meter.waited.clone(),
    );
    registry.register_with_unit(
        "api_call_duration",
        "Time from a request to the response header or the failure",
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
            let ahead = "How far the Together API's clock is ahead of the node's.";
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
                "Query format in use: names of the parameters and form of the state filter; always 1.",
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
                "Changes to a query format other than that of the API's reference page.",
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
