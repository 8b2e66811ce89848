//! The labels of mirrors: who writes them, and the effect of `--mirror-label`.

use std::time::Duration;

use kube::{ResourceExt, api::ListParams};
use testbed::simulator::Remediation as Truth;
use together_remediation_operator::api::cluster_watch::DeletionPolicy;

use crate::{
    conditions::condition,
    fixture::{CLUSTER, Fixture},
    steps::becomes,
};

/// The mirrors that `kubectl get remediations -l` shows by this selector.
async fn selected(fixture: &Fixture, selector: &str) -> usize {
    let how = ListParams::default().labels(selector);
    fixture.mirrors().list(&how).await.unwrap().items.len()
}

/// Waits until all three mirrors have this label.
async fn all_have(fixture: &Fixture, label: &str) {
    becomes(label, 3, async || selected(fixture, label).await).await;
}

fn writer(name: &str) -> String {
    format!("compute.together.ai/cluster-watch={name}")
}

fn put_three(fixture: &Fixture) {
    fixture.put(0..3);
}

#[tokio::test(flavor = "multi_thread")]
async fn mirrors_bear_the_name_of_the_cluster_watch_that_writes_them_and_a_take_over_changes_it() {
    let fixture = Fixture::new("writers").await;
    put_three(&fixture);
    let retain = DeletionPolicy::Retain;
    fixture
        .synced_watch(|spec| spec.deletion_policy = retain)
        .await;
    let managed = "app.kubernetes.io/managed-by=together-remediation-operator";
    for label in [&writer("training"), managed] {
        assert_eq!(selected(&fixture, label).await, 3, "{label}");
    }
    let before = fixture.versions().await;
    fixture.sync("training").await;
    assert_eq!(fixture.versions().await, before, "nothing is written again");

    fixture.delete_watch("training").await;
    fixture.watch("inference", |_| {}).await;
    // This needs no poll, which waits for its turn.
    all_have(&fixture, &writer("inference")).await;
    fixture.turn(Duration::from_secs(61)).await;
    fixture
        .watch_where("inference", "all are its own", |status, generation| {
            status.mirrors_generation == generation
        })
        .await;
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_watch_with_a_name_too_long_for_a_label_mirrors_without_it() {
    let fixture = Fixture::new("long").await;
    put_three(&fixture);
    fixture
        .synced_watch(|spec| spec.deletion_policy = DeletionPolicy::Retain)
        .await;
    all_have(&fixture, &writer("training")).await;
    fixture.delete_watch("training").await;
    let long = "w".repeat(64);
    fixture.watch(&long, |_| {}).await;
    all_have(&fixture, "!compute.together.ai/cluster-watch").await;
    fixture.turn(Duration::from_secs(61)).await;
    fixture.ready(&long, "Synced").await;
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_policy_demands_a_label_mirrors_are_made_and_changed_with_it() {
    let mut fixture = Fixture::idle("demanded").await;
    put_three(&fixture);
    let demand = "has(object.metadata.labels) && 'team' in object.metadata.labels";
    let message = "the label team is missing";
    fixture.demand(demand, message, "probe").await;
    fixture.start(&[]).await;
    fixture.watch("training", |_| {}).await;
    let refused = fixture
        .watch_where(
            "training",
            "the status names the missing label",
            |status, _| {
                let mut conditions = status.conditions.iter();
                conditions.any(|c| c.message.contains("the label team is missing"))
            },
        )
        .await;
    assert_eq!(condition(&refused, "Ready").reason, "Progressing");
    assert!(fixture.all().await.is_empty());
    fixture.stop().await;

    fixture.start_with(&[], &["--mirror-label=team=gpu"]).await;
    fixture.ready("training", "Synced").await;
    all_have(&fixture, "team=gpu").await;
    fixture.agrees().await;
    let id = Truth::numbered(CLUSTER, 1).id;
    fixture.enter(&id, "RUNNING");
    fixture.sync("training").await;
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_label_reaches_mirrors_after_a_restart_and_one_that_is_taken_off_stays() {
    let mut fixture = Fixture::new("changed").await;
    put_three(&fixture);
    fixture.synced_watch(|_| {}).await;
    for team in ["gpu", "ml"] {
        fixture.stop().await;
        let flag = format!("--mirror-label=team={team}");
        fixture.start_with(&[], &[&flag]).await;
        all_have(&fixture, &format!("team={team}")).await;
    }
    fixture.stop().await;
    let before = fixture.versions().await;
    fixture.start(&[]).await;
    fixture.sync("training").await;
    assert_eq!(selected(&fixture, "team=ml").await, 3);
    assert_eq!(fixture.versions().await, before);
    let first = &fixture.all().await[0];
    assert_eq!(first.labels().len(), 5, "{:?}", first.labels());
}
