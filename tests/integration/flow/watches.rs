//! Watches that are deleted, recreated, edited, or many.

use std::collections::{BTreeMap, BTreeSet};

use kube::{Api, ResourceExt, api::ListParams};
use serde_json::json;
use testbed::simulator::{Fault, Times};
use together_remediation_operator::api::{
    cluster_watch::{ClusterWatch, DeletionPolicy},
    remediation::Remediation,
};

use crate::{
    conditions::{condition, condition_status},
    fixture::{CLUSTER, Fixture},
    steps::becomes,
    truth::assert_mirrors,
};

const OUTAGE: Fault = Fault::status(503);

async fn with_remediations(name: &str, number: u32) -> Fixture {
    let fixture = Fixture::new(name).await;
    fixture.put(0..number);
    fixture
}

fn uids(mirrors: &[Remediation]) -> BTreeMap<String, String> {
    mirrors
        .iter()
        .map(|mirror| (mirror.name_any(), mirror.uid().unwrap()))
        .collect()
}

/// The uids of all owners of these.
fn owners(mirrors: &[Remediation]) -> BTreeSet<String> {
    let owners = mirrors.iter().flat_map(ResourceExt::owner_references);
    owners.map(|owner| owner.uid.clone()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_mirrors_go_with_a_deleted_watch_also_while_the_api_is_down() {
    let fixture = with_remediations("delete", 10).await;
    let watch = fixture.synced_watch(|_| {}).await;
    let mirrors = fixture.all().await;
    assert_eq!(owners(&mirrors), [watch.uid().unwrap()].into());
    assert!(mirrors.iter().all(|mirror| mirror.finalizers().is_empty()));
    assert!(watch.finalizers().is_empty());
    fixture.simulator.fault(OUTAGE, Times::UntilCleared);
    fixture.delete_watch("training").await;
    fixture.emptied().await;
    assert!(
        fixture
            .watches()
            .get_opt("training")
            .await
            .unwrap()
            .is_none()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_watch_is_polled_no_more() {
    let fixture = with_remediations("no-more", 1).await;
    fixture.synced_watch(|_| {}).await;
    fixture.wait_until_idle().await;
    let calls = fixture.calls();
    fixture.delete_watch("training").await;
    fixture.unwatched().await;
    assert_eq!(fixture.calls(), calls);
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_mirrors_stay_and_a_new_watch_takes_them_over() {
    let fixture = with_remediations("retain", 10).await;
    fixture
        .synced_watch(|spec| spec.deletion_policy = DeletionPolicy::Retain)
        .await;
    let mirrors = fixture.all().await;
    assert!(owners(&mirrors).is_empty());
    let before = uids(&mirrors);
    fixture.delete_watch("training").await;
    fixture.enter(&mirrors[0].spec.id, "RUNNING");

    fixture.watch("next", |_| {}).await;
    fixture.edit_takes_effect("next").await;
    let next = fixture.ready("next", "Synced").await;
    let mirrors = fixture.all().await;
    assert_eq!(uids(&mirrors), before, "none was created again");
    assert_eq!(owners(&mirrors), [next.uid().unwrap()].into());
    assert_mirrors(&mirrors, &fixture.truth());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_policy_changes_the_owners_of_mirrors_that_are_there() {
    let fixture = with_remediations("policy", 5).await;
    let watch = fixture.synced_watch(|_| {}).await;
    // One that the API has forgotten is no longer in any listing.
    let forgotten = fixture.truth()[0].id.clone();
    fixture.enter(&forgotten, "SUCCEEDED");
    fixture.sync("training").await;
    fixture.forget(&forgotten);
    for (policy, expected) in [
        ("Retain", BTreeSet::new()),
        ("Delete", [watch.uid().unwrap()].into()),
    ] {
        fixture.respec(json!({"deletionPolicy": policy})).await;
        fixture.edit_takes_effect("training").await;
        fixture.ready("training", "Synced").await;
        for mirror in fixture.all().await {
            let name = mirror.spec.id.clone();
            assert_eq!(owners(&[mirror]), expected, "{name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_is_recreated_at_once_ends_up_with_all_mirrors() {
    let fixture = with_remediations("recreated", 40).await;
    let old = fixture.synced_watch(|_| {}).await.uid().unwrap();
    fixture.delete_watch("training").await;
    let new = fixture.watch("training", |_| {}).await.uid().unwrap();
    assert_ne!(new, old);
    // It waits for the turn that the old one would have had.
    fixture.edit_takes_effect("training").await;
    let mirrors = fixture
        .sync_until("training", "the new watch owns all", |mirrors| {
            mirrors.len() == 40 && owners(mirrors) == [new.clone()].into()
        })
        .await;
    assert_mirrors(&mirrors, &fixture.truth());
    fixture.ready("training", "Synced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_namespaces_mirror_one_cluster_each_for_itself() {
    let mut fixture = with_remediations("two", 10).await;
    let other = fixture.control_plane.namespace("two-other").await.unwrap();
    fixture.stop().await;
    fixture.start(&[&other]).await;
    let theirs = fixture.furnish(&other, "training", CLUSTER).await;
    let watches: Api<ClusterWatch> = Api::namespaced(fixture.client.clone(), &other);
    let mirrors: Api<Remediation> = Api::namespaced(fixture.client.clone(), &other);
    let ours = fixture.synced_watch(|_| {}).await;
    becomes("Ready of the other one", "True".to_owned(), async || {
        condition_status(&watches.get("training").await.unwrap(), "Ready")
    })
    .await;
    let truth = fixture.truth();
    let in_other = mirrors.list(&ListParams::default()).await.unwrap().items;
    assert_mirrors(&fixture.all().await, &truth);
    assert_mirrors(&in_other, &truth);
    assert_eq!(owners(&fixture.all().await), [ours.uid().unwrap()].into());
    assert_eq!(owners(&in_other), [theirs.uid().unwrap()].into());

    let before = uids(&in_other);
    fixture.delete_watch("training").await;
    fixture.emptied().await;
    let in_other = mirrors.list(&ListParams::default()).await.unwrap().items;
    assert_eq!(uids(&in_other), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_watch_is_progressing_until_the_edit_is_synced() {
    let fixture = with_remediations("edit", 3).await;
    let first = fixture.synced_watch(|_| {}).await;
    assert_eq!(first.status.unwrap().observed_generation, Some(1));
    fixture.simulator.fault(OUTAGE, Times::UntilCleared);
    fixture.respec(json!({"omit": ["reason"]})).await;
    let watch = fixture.ready("training", "Progressing").await;
    assert_eq!(watch.metadata.generation, Some(2));
    assert_eq!(watch.status.as_ref().unwrap().observed_generation, Some(2));
    assert_eq!(condition_status(&watch, "Ready"), "Unknown");
    assert_eq!(condition_status(&watch, "Reconciling"), "True");
    let carried = watch
        .status
        .as_ref()
        .unwrap()
        .remediations
        .as_ref()
        .unwrap();
    assert_eq!(carried.total, 3, "what was known stays");
    let failing = fixture.ready_contains("training", "503").await;
    assert_eq!(condition(&failing, "Ready").reason, "Progressing");

    fixture.simulator.clear_faults();
    // Its first page was asked for three times, so the next list waits for a minute.
    fixture.turn(std::time::Duration::from_secs(61)).await;
    let watch = fixture.ready("training", "Synced").await;
    assert_eq!(watch.status.as_ref().unwrap().observed_generation, Some(2));
    let mut truth = fixture.truth();
    for truth in &mut truth {
        truth.reason = None;
    }
    assert_mirrors(&fixture.all().await, &truth);
}
