use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;

use super::*;
use crate::{
    api::cluster_watch::ClusterWatchSpec,
    testing::{NAMESPACE, cluster::MemoryKubeApi, now},
};

const MINUTE: Duration = Duration::from_secs(60);

/// A cluster with one `ClusterWatch`.
fn cluster_with_one() -> (MemoryKubeApi, ClusterWatch) {
    let cluster = MemoryKubeApi::default();
    let mut watch = ClusterWatch::new("w", ClusterWatchSpec::default());
    watch.metadata.namespace = Some(NAMESPACE.to_owned());
    watch.status = Some(ClusterWatchStatus {
        stale_after: Some("2026-11-23T10:00:00Z".to_owned()),
        ..ClusterWatchStatus::default()
    });
    cluster.put_watch(watch);
    let watch = cluster.watches().remove(0);
    (cluster, watch)
}

fn reporter(cluster: &MemoryKubeApi, watch: &ClusterWatch) -> Reporter<MemoryKubeApi> {
    Reporter::new(cluster.clone(), watch)
}

fn facts(stale_after: Duration) -> StatusInputs {
    StatusInputs {
        generation: 1,
        stale_after,
        ..StatusInputs::default()
    }
}

#[tokio::test]
async fn nothing_is_reported_on_one_that_has_changed_meanwhile() {
    let (cluster, watch) = cluster_with_one();
    let mut reporter = reporter(&cluster, &watch);
    let mut edited = watch.clone();
    edited.spec.suspend = true;
    cluster.put_watch(edited);
    let before = cluster.watches().remove(0).status;
    let synced = ReadyState::Synced(String::new());
    let facts = facts(Duration::ZERO);
    let report = reporter.report(&synced, &facts, now(), MonoTime::ZERO);
    assert_eq!(report.await, Ok(()));
    assert_eq!(cluster.watches().remove(0).status, before);
}

#[tokio::test]
async fn nothing_is_reported_on_another_spec_that_got_the_same_generation_after_a_restore_of_etcd()
{
    let (cluster, watch) = cluster_with_one();
    let snapshot = cluster.snapshot();
    let edited = |edit: fn(&mut ClusterWatchSpec)| {
        let mut watch = watch.clone();
        edit(&mut watch.spec);
        cluster.put_watch(watch);
        cluster.watches().remove(0)
    };
    let lost = edited(|spec| spec.suspend = true);
    let mut reporter = reporter(&cluster, &lost);
    cluster.restore(&snapshot, false);
    let other = edited(|spec| spec.interval = Some("1h".to_owned()));
    assert_eq!(lost.metadata.generation, other.metadata.generation);
    let facts = facts(Duration::ZERO);
    let report = reporter.report(&ReadyState::Suspended, &facts, now(), MonoTime::ZERO);
    assert_eq!(report.await, Ok(()));
    assert_eq!(cluster.watches().remove(0).status, other.status);
}

/// The writes of 35 minutes with a report a minute, where `promised` was written first and the time of day then jumps.
async fn writes(promised: Duration, jump: SignedDuration) -> usize {
    let (cluster, watch) = cluster_with_one();
    let mut reporter = reporter(&cluster, &watch);
    let synced = ReadyState::Synced(String::new());
    let mut writes = 0;
    for minute in 0..=35 {
        let stale_after = if minute == 0 { promised } else { MINUTE * 3 };
        let facts = facts(stale_after);
        let passed = MINUTE * minute;
        let jumped = if minute == 0 { now() } else { now() + jump };
        let day = jumped + passed;
        let before = cluster.watches().remove(0).status;
        reporter
            .report(&synced, &facts, day, MonoTime::at(passed))
            .await
            .unwrap();
        writes += usize::from(cluster.watches().remove(0).status != before);
    }
    writes
}

#[tokio::test]
async fn the_heartbeat_comes_every_five_minutes_whatever_was_promised_before() {
    let hour = SignedDuration::from_hours(1);
    for (promised, jump) in [
        (MINUTE * 3, SignedDuration::ZERO),
        (MINUTE * 40, SignedDuration::ZERO),
        (MINUTE * 3, -hour),
        (MINUTE * 3, hour),
    ] {
        let writes = writes(promised, jump).await;
        assert!(
            (8..=9).contains(&writes),
            "{promised:?} {jump}: {writes} writes"
        );
    }
}

#[tokio::test]
async fn a_promise_that_a_clock_set_ahead_has_ended_is_renewed_at_once() {
    // By how much the clock is set ahead, a minute after a promise of eight, and whether that is written at once.
    for (ahead, renewed) in [
        (MINUTE * 6, false),
        (MINUTE * 7, true),
        (MINUTE * 600, true),
    ] {
        let (cluster, watch) = cluster_with_one();
        let mut reporter = reporter(&cluster, &watch);
        let facts = facts(MINUTE * 3);
        let synced = ReadyState::Synced(String::new());
        let first = reporter.report(&synced, &facts, now(), MonoTime::ZERO);
        first.await.unwrap();
        let before = cluster.watches().remove(0).status;
        let set = now() + MINUTE + ahead;
        let second = reporter.report(&synced, &facts, set, MonoTime::at(MINUTE));
        second.await.unwrap();
        let written = cluster.watches().remove(0).status != before;
        assert_eq!(written, renewed, "{ahead:?}");
    }
}

#[tokio::test]
async fn a_status_that_a_restore_of_etcd_put_back_is_written_again_though_nothing_is_new() {
    let (cluster, watch) = cluster_with_one();
    let mut reporter = reporter(&cluster, &watch);
    let mut report = async |elapsed| {
        let ready_state = ReadyState::Suspended;
        let reported = reporter
            .report(&ready_state, &facts(Duration::ZERO), now(), elapsed)
            .await;
        reported.unwrap();
        cluster.watches().remove(0)
    };
    let written = report(MonoTime::ZERO).await.status;
    assert_ne!(written, watch.status);
    let mut restored = cluster.watches().remove(0);
    restored.status.clone_from(&watch.status);
    cluster.put_watch(restored);
    assert_eq!(report(MonoTime::at(MINUTE)).await.status, watch.status);
    assert_eq!(report(MonoTime::at(HEARTBEAT)).await.status, written);
}
