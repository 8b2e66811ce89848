//! Mirrors of finished remediations are deleted by retention, and what it would delete is never created.

use std::{collections::BTreeSet, time::Duration};

use futures::{StreamExt, TryStreamExt};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::{
    ResourceExt,
    api::{DeleteParams, ListParams, PostParams, WatchEvent, WatchParams},
};
use serde_json::json;
use testbed::simulator::Remediation as Truth;
use together_remediation_operator::api::{
    cluster_watch::Retention,
    remediation::{Remediation, RemediationSpec},
};

use crate::{
    fixture::{CLUSTER, Fixture},
    steps::kept_for,
    truth::assert_mirrors,
};

const MARKER: &str = "marker";

/// Where the history of the namespace's mirrors stands.
async fn now(fixture: &Fixture) -> String {
    let list = fixture
        .mirrors()
        .list(&ListParams::default())
        .await
        .unwrap();
    list.metadata.resource_version.unwrap()
}

/// Names of all mirrors created since `version`, those that are gone again too.
async fn created_since(fixture: &Fixture, version: &str) -> BTreeSet<String> {
    let spec = RemediationSpec {
        cluster_id: "another".to_owned(),
        id: MARKER.to_owned(),
    };
    let marker = Remediation::new(MARKER, spec);
    let mirrors = fixture.mirrors();
    mirrors
        .create(&PostParams::default(), &marker)
        .await
        .unwrap();
    let events = mirrors
        .watch(&WatchParams::default(), version)
        .await
        .unwrap();
    let added = events
        .try_filter_map(async |event| {
            Ok(match event {
                WatchEvent::Added(mirror) => Some(mirror.name_any()),
                WatchEvent::Error(error) => panic!("{error:?}"),
                _ => None,
            })
        })
        .map(Result::unwrap)
        .take_while(|name| std::future::ready(name != MARKER));
    let created = added.collect().await;
    mirrors
        .delete(MARKER, &DeleteParams::default())
        .await
        .unwrap();
    created
}

/// One of machine `machine` that finished `ago`.
fn finished(fixture: &Fixture, number: u32, machine: u32, ago: SignedDuration) -> Truth {
    let mut truth = Truth {
        instance_id: format!("instance-{machine}"),
        ..Truth::numbered(CLUSTER, number)
    };
    let ended: Timestamp = fixture.simulator.now() - ago;
    truth.enter("SUCCEEDED", ended);
    fixture.simulator.put(truth.clone());
    truth
}

/// One of machine `machine` that runs, and was created long ago.
fn running(fixture: &Fixture, number: u32, machine: u32) -> Truth {
    let truth = Truth {
        instance_id: format!("instance-{machine}"),
        create_time: Some("2020-01-01T00:00:00Z".to_owned()),
        state: "RUNNING".to_owned(),
        update_time: Some("2020-01-01T00:00:00Z".to_owned()),
        ..Truth::numbered(CLUSTER, number)
    };
    fixture.simulator.put(truth.clone());
    truth
}

fn names(all: &[&Truth]) -> BTreeSet<String> {
    all.iter().map(|truth| truth.id.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_ended_too_long_ago_is_pruned_by_time_and_never_created() {
    let fixture = Fixture::new("ttl").await;
    let long_ago = finished(&fixture, 1, 1, SignedDuration::from_mins(61));
    let lately = finished(&fixture, 2, 1, SignedDuration::from_mins(30));
    let open = running(&fixture, 3, 1);
    let begin = now(&fixture).await;
    fixture
        .synced_watch(|spec| {
            spec.retention = Some(kept_for("1h"));
        })
        .await;
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&[&lately, &open]));
    assert_eq!(
        created_since(&fixture, &begin).await,
        names(&[&lately, &open])
    );

    let later = Duration::from_secs(29 * 60);
    fixture.simulator.advance(later);
    fixture.turn(later).await;
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&[&lately, &open]));
    let later = Duration::from_secs(2 * 60);
    fixture.simulator.advance(later);
    fixture.turn(later).await;
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&[&open]));

    let begin = now(&fixture).await;
    fixture.sync("training").await;
    fixture.simulator.advance(Duration::from_secs(3600));
    fixture.turn(Duration::from_secs(3600)).await;
    fixture.sync("training").await;
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&[&open]));
    assert!(
        created_since(&fixture, &begin).await.is_empty(),
        "{} came back",
        long_ago.id
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_each_instance_only_the_newest_finished_ones_are_kept() {
    let fixture = Fixture::new("max").await;
    let all: Vec<_> = (1..=5)
        .map(|number| {
            finished(
                &fixture,
                number,
                1,
                SignedDuration::from_mins(number.into()),
            )
        })
        .collect();
    let open = running(&fixture, 6, 1);
    let other = finished(&fixture, 7, 2, SignedDuration::from_hours(1000));
    let begin = now(&fixture).await;
    fixture
        .synced_watch(|spec| {
            spec.retention = Some(Retention {
                max_finished_per_instance: Some(2),
                ..Retention::default()
            });
        })
        .await;
    let kept = [&all[0], &all[1], &open, &other];
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&kept));
    assert_eq!(
        created_since(&fixture, &begin).await,
        names(&kept),
        "nothing is created to be pruned"
    );

    let begin = now(&fixture).await;
    fixture.enter(&open.id, "FAILED");
    for _ in 0..2 {
        fixture.sync("training").await;
    }
    let kept = [&open, &all[0], &other];
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&kept));
    fixture.turn(Duration::from_secs(700)).await;
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&kept));
    assert!(
        created_since(&fixture, &begin).await.is_empty(),
        "nothing came back"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn retention_that_is_set_later_prunes_what_is_there() {
    let fixture = Fixture::new("later").await;
    let old = finished(&fixture, 1, 1, SignedDuration::from_mins(61));
    let newer = finished(&fixture, 2, 1, SignedDuration::from_mins(10));
    let open = running(&fixture, 3, 2);
    fixture.synced_watch(|_| {}).await;
    assert_mirrors(
        &fixture.all().await,
        &fixture.truth_of(&[&old, &newer, &open]),
    );

    fixture
        .respec(json!({"retention": {"ttlAfterFinished": "1h", "maxFinishedPerInstance": 5}}))
        .await;
    fixture.ready("training", "Synced").await;
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&[&newer, &open]));
}
