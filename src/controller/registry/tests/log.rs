//! The log of a worker.

use serde_json::{Value, json};

use super::*;
use crate::{config::LogFormat, testing::log::KeptLog};

/// The lines with this message that `filter` lets through, while one `ClusterWatch` syncs and panics once.
async fn lines(format: LogFormat, filter: &str, message: &str) -> Vec<String> {
    let log = KeptLog::start(format, filter);
    let world = World::new();
    world.api.inner.show(item(1, "RUNNING"));
    world.create("training", None);
    world.pass(5).await;
    world.api.panics.store(1, Ordering::SeqCst);
    world.pass(60).await;
    let text = log.text();
    let found = text.lines().filter(|line| line.contains(message));
    found.map(str::to_owned).collect()
}

#[tokio::test(start_paused = true)]
async fn each_line_of_a_worker_names_its_clusterwatch_whatever_the_filter() {
    let span = json!({"name": "worker", "namespace": NAMESPACE, "clusterwatch": "training"});
    for (filter, message) in [("info", "\"synced\""), ("error", "panicked; restarting")] {
        let lines = lines(LogFormat::Json, filter, message).await;
        assert_ne!(lines.len(), 0, "{message}");
        for line in lines {
            let line: Value = serde_json::from_str(&line).unwrap();
            assert_eq!(line["span"], span, "{line}");
            assert_eq!(line["spans"], Value::Null, "they are there once: {line}");
        }
    }
    let lines = lines(LogFormat::Text, "info", "synced").await;
    let names = format!("worker{{namespace={NAMESPACE} clusterwatch=training}}:");
    assert!(!lines.is_empty() && lines.iter().all(|line| line.contains(&names)));
}
