//! The `/metrics` of a running operator, read by a parser that is independent of the writer.

use std::collections::BTreeMap;

use openmetrics_parser::{OpenMetricsValue, openmetrics::parse_openmetrics};
use testbed::openmetrics::without_histogram_units;

use crate::fixture::Fixture;

/// One scrape.
pub(crate) struct Scrape {
    samples: Vec<Sample>,
    pub(crate) text: String,
}

struct Sample {
    family: String,
    labels: BTreeMap<String, String>,
    value: f64,
}

impl Scrape {
    /// The sum of the samples of a family (without our prefix, as it is named in `# TYPE`) that have these labels;
    /// `None`: there is none.
    pub(crate) fn get(&self, family: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let family = format!("together_remediation_{family}");
        let fits = |sample: &&Sample| {
            sample.family == family
                && labels.iter().all(|(name, value)| {
                    sample.labels.get(*name).is_some_and(|found| found == value)
                })
        };
        let found: Vec<_> = self
            .samples
            .iter()
            .filter(fits)
            .map(|sample| sample.value)
            .collect();
        (!found.is_empty()).then(|| found.iter().sum())
    }

    /// The values that a label has in a family.
    pub(crate) fn values(&self, family: &str, label: &str) -> Vec<&str> {
        let family = format!("together_remediation_{family}");
        let of = self.samples.iter().filter(|sample| sample.family == family);
        let mut values: Vec<_> = of.filter_map(|sample| sample.labels.get(label)).collect();
        values.sort_unstable();
        values.dedup();
        values.into_iter().map(String::as_str).collect()
    }
}

impl Fixture {
    /// Scrapes the operator by a scraper that asks for `accept`; fails unless the answer has this `Content-Type`.
    pub(crate) async fn scrape_as(&self, accept: &str, content_type: &str) -> String {
        let request = reqwest::Client::new().get(self.admin_url("/metrics"));
        let answer = request.header("accept", accept).send().await.unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(answer.headers()["content-type"], content_type);
        answer.text().await.unwrap()
    }

    /// Scrapes the operator; fails unless the answer is good `OpenMetrics`.
    pub(crate) async fn scrape(&self) -> Scrape {
        let text = self
            .scrape_as(
                "application/openmetrics-text;version=1.0.0",
                "application/openmetrics-text; version=1.0.0; charset=utf-8",
            )
            .await;
        let read = parse_openmetrics(&without_histogram_units(&text));
        let read = read.unwrap_or_else(|error| panic!("{error}\n{text}"));
        let mut samples = Vec::new();
        for (family, metrics) in read.families {
            for sample in metrics.iter_samples() {
                let labels = sample.get_labelset().unwrap();
                let value = match &sample.value {
                    OpenMetricsValue::Gauge(value) => value.as_f64(),
                    OpenMetricsValue::Counter(counter) => counter.value.as_f64(),
                    // How often it was observed.
                    #[allow(clippy::cast_precision_loss)]
                    OpenMetricsValue::Histogram(histogram) => {
                        histogram.count.unwrap_or_default() as f64
                    }
                    other => panic!("{family}: {other:?}"),
                };
                samples.push(Sample {
                    family: family.clone(),
                    labels: labels
                        .iter()
                        .map(|(name, value)| (name.clone(), value.clone()))
                        .collect(),
                    value,
                });
            }
        }
        Scrape { samples, text }
    }
}
