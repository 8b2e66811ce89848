//! The `/metrics` of an operator at work, over HTTP.

use std::time::Duration;

use serde_json::json;
use testbed::simulator::{Fault, Remediation as Truth, Times};

use crate::fixture::{CLUSTER, Fixture, until};

const OUTAGE: Fault = Fault::status(503);

#[tokio::test(flavor = "multi_thread")]
async fn polls_calls_and_the_age_of_the_last_sync_are_counted_for_each_watch() {
    let fixture = Fixture::new("metrics").await;
    fixture.put([1]);
    let before = fixture.scrape().await;
    assert_eq!(before.get("leader", &[]), Some(1.0));
    assert_eq!(
        before.get("build_info", &[("version", env!("CARGO_PKG_VERSION"))]),
        Some(1.0)
    );
    assert_eq!(before.get("polls", &[]), None);
    assert_eq!(before.get("sync_age_seconds", &[]), None);

    fixture.synced_watch(|_| {}).await;
    fixture.turn(Duration::from_secs(20)).await;
    fixture.simulator.fault(OUTAGE, Times::UntilCleared);
    fixture.turn(Duration::from_secs(20)).await;
    fixture.turn(Duration::from_secs(20)).await;

    let watch = [
        ("clusterwatch_namespace", &*fixture.namespace),
        ("clusterwatch", "training"),
    ];
    let scrape = fixture.scrape().await;
    let polls = |reason| scrape.get("polls", &[watch[0], watch[1], ("reason", reason)]);
    assert_eq!(
        (polls("Synced"), polls("Unavailable")),
        (Some(2.0), Some(2.0))
    );
    assert_eq!(scrape.get("polls", &[]), Some(4.0), "and none besides");
    assert_eq!(scrape.get("sync_age_seconds", &watch), Some(40.0));

    let counters = fixture.simulator.counters();
    for (status, label) in [(200, "200"), (503, "503")] {
        #[allow(clippy::cast_precision_loss)]
        let answered = counters.by_status[&status] as f64;
        assert_eq!(
            scrape.get("api_calls", &[("status", label)]),
            Some(answered)
        );
    }
    let host = fixture.simulator.url();
    let host = host.trim_start_matches("http://").trim_end_matches("/v1");
    assert_eq!(scrape.values("api_calls", "api_host"), [host]);
    assert!(scrape.get("tasks", &[]) > Some(1.0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_series_of_a_watch_go_with_it_and_stay_with_an_edit() {
    let fixture = Fixture::new("series").await;
    fixture.synced_watch(|_| {}).await;
    let other = |spec: &mut together_remediation_operator::api::cluster_watch::ClusterWatchSpec| {
        spec.instance_id = Some("elsewhere".to_owned());
        spec.cluster_id = "another".to_owned();
    };
    fixture.watch("other", other).await;
    fixture.ready("other", "InstanceNotFound").await;
    let names = || async {
        fixture
            .scrape()
            .await
            .values("polls", "clusterwatch")
            .join(" ")
    };
    assert_eq!(names().await, "other training");

    fixture.respec(json!({"interval": "50s"})).await;
    fixture.ready("training", "Synced").await;
    fixture.wait_until_idle().await;
    assert_eq!(
        names().await,
        "other training",
        "each once: the parser refuses doubles"
    );

    for name in ["other", "training"] {
        fixture.delete_watch(name).await;
    }
    until("their series are gone", || async {
        let scrape = fixture.scrape().await;
        if scrape.text.contains("clusterwatch=") {
            Err(scrape.text)
        } else {
            Ok(())
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_label_names_a_finished_remediation_or_a_person() {
    let fixture = Fixture::new("labels").await;
    let truth = Truth {
        requested_by: Some("planted-person".to_owned()),
        state: "SUCCEEDED".to_owned(),
        reason: Some("planted-reason".to_owned()),
        ..Truth::numbered(CLUSTER, 1)
    };
    fixture.simulator.put(truth.clone());
    fixture.synced_watch(|_| {}).await;
    let text = fixture.scrape().await.text;
    for planted in [
        &*truth.id,
        &*truth.instance_id,
        CLUSTER,
        "planted",
        fixture.simulator.key(),
    ] {
        assert!(!text.contains(planted), "{planted}:\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mirrors_show_and_what_became_of_them_is_counted() {
    let fixture = Fixture::new("counted-mirrors").await;
    let old = Truth {
        state: "FAILED".to_owned(),
        ..Truth::numbered(CLUSTER, 1)
    };
    let open = Truth {
        state: "RUNNING".to_owned(),
        ..Truth::numbered(CLUSTER, 2)
    };
    fixture.simulator.put(old);
    fixture.simulator.put(open.clone());
    fixture.synced_watch(|_| {}).await;
    let scrape = fixture.scrape().await;
    let mirrors = |state| scrape.get("mirrors", &[("state", state)]);
    assert_eq!(
        (mirrors("FAILED"), mirrors("RUNNING")),
        (Some(1.0), Some(1.0))
    );
    assert_eq!(scrape.get("listed_remediations", &[]), Some(2.0));
    assert_eq!(scrape.get("clusterwatch_ready", &[]), Some(1.0));
    assert_eq!(scrape.get("clusterwatch_not_ready", &[]), None);
    assert_eq!(scrape.get("clusterwatch_stale", &[]), Some(0.0));
    assert_eq!(scrape.get("open_overflow", &[]), Some(0.0));
    assert_eq!(
        scrape.values("open_since_timestamp_seconds", "remediation"),
        [&*open.id]
    );
    let created = [("verb", "create"), ("outcome", "ok")];
    assert_eq!(scrape.get("mirror_writes", &created), Some(2.0));
    assert_eq!(scrape.get("transitions", &[]), None, "all is history");

    fixture.enter(&open.id, "SUCCEEDED");
    fixture.sync("training").await;
    let scrape = fixture.scrape().await;
    assert_eq!(scrape.get("transitions", &[("to", "SUCCEEDED")]), Some(1.0));
    assert_eq!(scrape.get("mirrors", &[("state", "RUNNING")]), None);
    assert!(
        scrape
            .values("open_since_timestamp_seconds", "gpu_node")
            .is_empty()
    );
    let polls = scrape.get("poll_duration_seconds", &[("listing", "full")]);
    assert!(polls >= Some(2.0), "{polls:?}");
    assert!(scrape.get("api_call_duration_seconds", &[]) >= polls);
}
