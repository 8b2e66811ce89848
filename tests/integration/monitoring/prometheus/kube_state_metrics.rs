//! What kube-state-metrics shows by docs/kube-state-metrics.yaml, scraped by a real Prometheus.

use std::fmt::Write as _;

use axum::{Router, routing::get};
use tokio::net::TcpListener;

use super::*;
use crate::setup;

/// A sample of each metric of the file, with all labels that it gives.
fn samples() -> String {
    let config = setup::yaml("docs/kube-state-metrics.yaml");
    let mut text = String::new();
    for resource in config["spec"]["resources"].as_array().unwrap() {
        let prefix = resource["metricNamePrefix"].as_str().unwrap();
        for metric in resource["metrics"].as_array().unwrap() {
            let each = &metric["each"];
            let kind = each["type"].as_str().unwrap().to_lowercase();
            let labels = [resource, &each[&kind]].map(|of| of["labelsFromPath"].as_object());
            let labels = labels.into_iter().flatten().flatten();
            let labels: Vec<_> = labels.map(|(name, _)| format!("{name}=\"own\"")).collect();
            let name = metric["name"].as_str().unwrap();
            let _ = writeln!(text, "{prefix}_{name}{{{}}} 1", labels.join(","));
        }
    }
    text
}

#[tokio::test(flavor = "multi_thread")]
async fn no_label_of_kube_state_metrics_is_one_of_its_target() {
    let Some(program) = Tool::Prometheus.find_or_note() else {
        return;
    };
    let text = samples();
    let all = text.lines().count();
    assert!(all > 5, "{text}");
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let page = Router::new().route("/metrics", get(|| async { text }));
    let serving = tokio::spawn(async move { axum::serve(listener, page).await });
    let prometheus = Prometheus::start(&program, &target);
    let scraped = "count({__name__=~\"kube_.+\"}) or vector(0)";
    let expected = f64::from(u32::try_from(all).unwrap());
    prometheus
        .until(scraped, |values| *values == [expected])
        .await;
    assert_no_label_is_taken(&prometheus).await;
    serving.abort();
}
