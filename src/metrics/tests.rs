use std::{sync::Arc, time::Duration};

use openmetrics_parser::openmetrics::parse_openmetrics;
use prometheus_client::metrics::counter::Counter;
use testbed::openmetrics::without_histogram_units;

use super::*;
use crate::{
    api::{
        Reason,
        remediation::{RemediationStatus, Transition},
    },
    clock::Clock,
    controller::metrics::Watches,
    health::readiness::Readiness,
    k8s::{error::KubeApiError, leadership::Leadership},
    mirror::{
        name::object_name,
        status::{Synced, from_api},
    },
    network::Cause,
    operator::metrics::{self, Operator},
    store::Index,
    sync::change::{Done, MirrorChange},
    testing::{
        CLUSTER, NAMESPACE, ZERO_TIMES, at, clock::TestClock, creation, id, index, item, some,
        spec, target,
    },
    together::{self, BaseUrl, Client, Limits},
};

mod flow;
mod reference;

/// The metrics of two `ClusterWatches` and one API before anything has happened.
fn metrics() -> (Metrics, Watches, Client, Arc<TestClock>) {
    metrics_of(Readiness::new(Index::new(0)))
}

/// The same, where this much is listed.
fn metrics_of(readiness: Readiness) -> (Metrics, Watches, Client, Arc<TestClock>) {
    let clock = Arc::new(TestClock::default());
    let port: Arc<dyn Clock> = clock.clone();
    let base = BaseUrl::parse("http://api.example:8080", true).unwrap();
    let together = Client::new(base, Limits::default(), None).unwrap();
    let operator = Operator::new(Leadership::new(port.clone()), Counter::default());
    let operator = operator.reaching(readiness);
    let watches = Watches::new(port);
    let metrics = metrics::metrics(operator, &watches, &together);
    (metrics, watches, together, clock)
}

/// The scrape's lines with `part`, once an independent parser has read it all.
fn lines(metrics: &Metrics, part: &str) -> Vec<String> {
    let text = metrics.text(Format::OpenMetrics);
    if let Err(error) = parse_openmetrics(&without_histogram_units(&text)) {
        panic!("{error}\n{text}");
    }
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    let found = lines.filter(|line| line.contains(part));
    found.map(str::to_owned).collect()
}

#[tokio::test]
async fn what_is_shown_from_the_start_reads_as_openmetrics() {
    let (metrics, ..) = metrics();
    let leader = lines(&metrics, "_leader");
    assert_eq!(leader, ["together_remediation_leader 0"]);
    assert_eq!(lines(&metrics, "_tasks"), ["together_remediation_tasks 0"]);
    assert_eq!(
        lines(&metrics, "dialect_info"),
        [
            r#"together_remediation_api_dialect_info{api_host="api.example:8080",names="reference",filter="repeated"} 1"#
        ]
    );
    assert!(lines(&metrics, "skew").is_empty(), "it is not known yet");
    assert!(lines(&metrics, "clusterwatch=").is_empty());
    for process in [
        "process_resident_memory_bytes ",
        "process_open_fds ",
        "process_max_fds ",
        "process_cpu_seconds_total ",
        "process_start_time_seconds ",
    ] {
        assert_eq!(lines(&metrics, process).len(), 1, "{process}");
    }
}

#[tokio::test]
async fn a_watch_is_shown_as_long_as_somebody_holds_its_meter() {
    let (metrics, watches, _, clock) = metrics();
    let [one, again, other] = ["one", "one", "other"].map(|name| watches.meter("gpu-ops", name));
    one.polled(Reason::Synced);
    again.polled(Reason::Synced);
    one.polled(Reason::Unavailable);
    one.synced(clock.elapsed(), Duration::ZERO);
    other.polled(Reason::Unauthorized);
    other.synced(clock.elapsed(), Duration::from_secs(300));
    clock.advance(Duration::from_secs(7));
    let of_one = r#"{clusterwatch_namespace="gpu-ops",clusterwatch="one""#;
    let of_watch = |part: &str| {
        let lines = lines(&metrics, part).into_iter();
        let lines = lines.filter(|line| !line.contains("items_skipped"));
        lines.collect::<Vec<_>>()
    };
    assert_eq!(
        of_watch(of_one),
        [
            format!(r#"together_remediation_polls_total{of_one},reason="Synced"}} 2"#),
            format!(r#"together_remediation_polls_total{of_one},reason="Unavailable"}} 1"#),
            format!("together_remediation_sync_age_seconds{of_one}}} 7.0"),
        ]
    );
    let age = r#"sync_age_seconds{clusterwatch_namespace="gpu-ops",clusterwatch="other"} 307.0"#;
    assert_eq!(lines(&metrics, age).len(), 1);
    drop(one);
    assert_eq!(of_watch(of_one).len(), 3, "another still holds it");
    drop(again);
    assert!(lines(&metrics, of_one).is_empty());
    assert_eq!(of_watch(r#"clusterwatch="other""#).len(), 2);
    assert!(lines(&metrics, "sync_age").len() == 1);
}

#[tokio::test]
async fn calls_are_shown_by_status() {
    let (metrics, _, together, _) = metrics();
    together.meter().answered(200);
    together.meter().answered(418);
    together.meter().unanswered(Cause::TimedOut);
    together.meter().waited(Duration::from_millis(1500));
    for (status, count) in [("200", 1), ("4xx", 1), ("timed_out", 1)] {
        let line = format!(
            r#"together_remediation_api_calls_total{{api_host="api.example:8080",status="{status}"}} {count}"#
        );
        assert_eq!(lines(&metrics, &line), [&*line]);
    }
    let waited = r#"together_remediation_api_wait_seconds_total{api_host="api.example:8080"} 1.5"#;
    assert_eq!(lines(&metrics, "_wait_"), [waited]);
}

#[tokio::test]
async fn a_namespace_that_cannot_be_listed_is_named_until_it_can() {
    let index = Index::new(2);
    let (metrics, ..) = metrics_of(Readiness::new(index.clone()));
    index.refuse(Some("gone"));
    assert_eq!(
        lines(&metrics, "refused"),
        [r#"together_remediation_namespace_refused{clusterwatch_namespace="gone"} 1"#]
    );
    let epoch = index.begin(Some("gone"));
    index.end(epoch, Some("gone"));
    assert!(lines(&metrics, "refused").is_empty());
}
