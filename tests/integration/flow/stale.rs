//! An API that fails for long: every open mirror is marked stale, and so is the watch.

use std::time::Duration;

use kube::ResourceExt;
use testbed::simulator::{Fault, Remediation as Truth, Times};
use together_remediation_operator::api::cluster_watch::ClusterWatch;

use crate::{
    conditions::{assert_contains, condition},
    fixture::{CLUSTER, Fixture, mirror_condition},
    steps::pages_of,
};

const OUTAGE: Fault = Fault::status(503);

/// Lets polls fail one by one, `times` times, each after `step`.
async fn fail(fixture: &Fixture, times: u64, step: Duration) {
    let before = fixture.simulator.counters().risen(&OUTAGE);
    for turn in 1..=times {
        fixture.advance(step).await;
        fixture.rises(&OUTAGE, before + turn - 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_outage_is_marked_on_every_open_mirror_and_ends_with_one_write() {
    let fixture = Fixture::new("outage").await;
    let (open, ended) = (Truth::numbered(CLUSTER, 1), Truth::numbered(CLUSTER, 2));
    for truth in [&open, &ended] {
        fixture.simulator.put(truth.clone());
    }
    fixture.enter(&open.id, "RUNNING");
    fixture.enter(&ended.id, "SUCCEEDED");
    fixture.synced_watch(|_| {}).await;
    let (before, watch) = (
        fixture.versions().await,
        fixture.ready("training", "Synced").await,
    );

    fixture.simulator.fault(OUTAGE, Times::UntilCleared);
    fail(&fixture, 4, Duration::from_secs(20)).await;
    assert_eq!(fixture.versions().await, before, "a hiccup writes nothing");
    let now = fixture.ready("training", "Synced").await;
    assert_eq!(
        now.metadata.resource_version, watch.metadata.resource_version,
        "nor on the watch"
    );

    fail(&fixture, 5, Duration::from_secs(20)).await;
    let stale = fixture.mirror_is(&open.id, "Stale").await;
    assert_eq!(mirror_condition(&stale, "Synced")[0], "Unknown");
    let watch = fixture.ready("training", "Unavailable").await;
    let reconciling = watch
        .status
        .unwrap()
        .conditions
        .into_iter()
        .find(|condition| condition.type_ == "Reconciling");
    assert_eq!(reconciling.unwrap().status, "True");
    let mirror = fixture.mirror(&open.id).await;
    assert_eq!(
        mirror.status.as_ref().unwrap().state.as_deref(),
        Some("RUNNING")
    );
    assert_eq!(
        fixture.reason(&ended.id).await,
        "Final",
        "what is final is never stale"
    );

    let marked = fixture.versions().await;
    fail(&fixture, 2, Duration::from_secs(20)).await;
    assert_eq!(fixture.versions().await, marked, "one write when it begins");

    fixture.simulator.clear_faults();
    fixture.sync("training").await;
    fixture.ready("training", "Synced").await;
    assert_eq!(
        mirror_condition(&fixture.mirror(&open.id).await, "Synced"),
        ["True", "Listed"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_operator_that_restarts_while_the_key_is_refused_marks_stale_mirrors_at_once() {
    let mut fixture = Fixture::new("restarted").await;
    let truth = fixture.put_in(1, "RUNNING");
    fixture.synced_watch(|_| {}).await;
    let refused = Fault::status(403);
    fixture.simulator.fault(refused, Times::UntilCleared);
    fixture.turn(Duration::from_secs(20)).await;
    fixture.ready("training", "Forbidden").await;
    fixture.stop().await;
    fixture.clock.advance(Duration::from_secs(240));
    fixture.start(&[]).await;
    fixture.mirror_is(&truth.id, "Stale").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_was_never_synced_reports_why() {
    let fixture = Fixture::new("never").await;
    fixture.simulator.fault(Fault::NotJson, Times::UntilCleared);
    fixture.watch("training", |_| {}).await;
    let watch = fixture.ready_contains("training", "cannot read").await;
    let ready = watch
        .status
        .unwrap()
        .conditions
        .into_iter()
        .find(|condition| condition.type_ == "Ready")
        .unwrap();
    assert_eq!(
        (ready.status.as_str(), ready.reason.as_str()),
        ("Unknown", "Progressing")
    );
    fixture.simulator.clear_faults();
    fixture.pass(Duration::from_secs(70)).await;
    fixture.ready("training", "Synced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_heartbeat_shows_that_an_operator_runs() {
    let fixture = Fixture::new("heartbeat").await;
    let first = fixture.synced_watch(|_| {}).await.status.unwrap();
    for _ in 0..3 {
        fixture.pass(Duration::from_secs(70)).await;
    }
    let same = fixture.ready("training", "Synced").await.status.unwrap();
    assert_eq!(same, first, "not before five minutes");
    for _ in 0..2 {
        fixture.pass(Duration::from_secs(70)).await;
    }
    let later = fixture
        .watch_where("training", "the heartbeat", |status, _| {
            status.last_sync_time != first.last_sync_time
        })
        .await
        .status
        .unwrap();
    assert!(later.stale_after > first.stale_after);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_retry_after_is_honored_and_the_mirror_is_still_marked() {
    for (status, reason) in [(503, "Unavailable"), (429, "RateLimited")] {
        let fixture = Fixture::new("retry-after").await;
        let truth = fixture.put_in(1, "RUNNING");
        fixture.synced_watch(|_| {}).await;
        let fault = Fault::Status {
            status,
            retry_after: Some("3600".to_owned()),
        };
        fixture.simulator.fault(fault, Times::UntilCleared);
        fixture.pass(Duration::from_secs(20)).await;
        let asked = fixture.calls();
        for _ in 0..10 {
            fixture.turn(Duration::from_secs(20)).await;
        }
        fixture.mirror_is(&truth.id, "Stale").await;
        fixture.ready("training", reason).await;
        assert_eq!(fixture.calls(), asked, "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_listing_is_reported_on_the_watch_too_and_ends_well() {
    let fixture = Fixture::new("drags-on").await;
    for number in 1..=3 {
        fixture.put_in(number, "RUNNING");
    }
    let synced = fixture
        .synced_watch(|spec| {
            spec.query = Some(pages_of(1));
        })
        .await;
    let drip = Fault::SlowDrip { pause_ms: 10 };
    fixture.simulator.fault(drip.clone(), Times::UntilCleared);
    fixture.advance(Duration::from_secs(20)).await;
    fixture.rises(&drip, 0).await;
    fixture.clock.advance(Duration::from_secs(110));
    let watch = fixture.watches().get("training").await.unwrap();
    assert_eq!(
        watch.resource_version(),
        synced.resource_version(),
        "not yet"
    );

    fixture.clock.advance(Duration::from_secs(60));
    let watch = fixture.ready("training", "IncompleteListing").await;
    let (ready, stalled) = (condition(&watch, "Ready"), condition(&watch, "Stalled"));
    assert_eq!((&*ready.status, &*stalled.status), ("False", "False"));
    assert_contains(&ready.message, &["spec.query.pageSize"]);
    assert_eq!(condition(&watch, "Reconciling").status, "True");
    let id = Truth::numbered(CLUSTER, 3).id;
    fixture.mirror_is(&id, "Stale").await;

    let stale_after = |watch: &ClusterWatch| watch.status.as_ref().unwrap().stale_after.clone();
    fixture.clock.advance(Duration::from_secs(300));
    fixture
        .watch_where("training", "somebody lives", |status, _| {
            status.stale_after > stale_after(&watch)
        })
        .await;

    fixture.simulator.clear_faults();
    fixture.ready("training", "Synced").await;
    for number in 1..=3 {
        fixture
            .mirror_where(
                &Truth::numbered(CLUSTER, number).id,
                "it is listed",
                |mirror| mirror_condition(mirror, "Synced")[1] == "Listed",
            )
            .await;
    }
}
