//! Mirrors that people delete or edit, and objects of theirs in a mirror's place.

use std::time::Duration;

use kube::{ResourceExt, api::PostParams};
use serde_json::json;
use testbed::simulator::Remediation as Truth;
use together_remediation_operator::api::remediation::{Remediation, RemediationSpec};

use crate::{
    conditions::{IN_SYNC, assert_contains, condition},
    fixture::{CLUSTER, Fixture},
    steps::state_of,
    truth::assert_mirrors,
};

/// A fixture with three running remediations and their mirrors.
async fn mirrored(name: &str) -> (Fixture, Vec<Truth>) {
    let fixture = Fixture::new(name).await;
    for number in 0..3 {
        fixture.put_in(number, "RUNNING");
    }
    fixture.synced_watch(|_| {}).await;
    let truth = fixture.truth();
    (fixture, truth)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_mirror_comes_back() {
    let (fixture, truth) = mirrored("deleted").await;
    let before = fixture.mirror(&truth[1].id).await;
    fixture.delete_mirror(&truth[1].id).await;
    let mirrors = fixture
        .sync_until("training", "the mirror is back", |mirrors| {
            mirrors.len() == 3
        })
        .await;
    let again = fixture.mirror(&truth[1].id).await;
    assert_ne!(again.uid(), before.uid());
    assert_eq!(again.owner_references(), before.owner_references());
    assert_mirrors(&mirrors, &truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_status_is_put_right() {
    let (fixture, truth) = mirrored("status").await;
    let id = &truth[0].id;
    let edited = fixture.patch_status(
        id,
        json!({"state": "SUCCEEDED", "open": false, "reason": null, "node": "elsewhere", "errorMessage": "by hand"}),
    )
    .await;
    assert_eq!(edited.status.unwrap().open, Some(false));
    let mirrors = fixture
        .sync_until("training", "it runs again", |mirrors| {
            mirrors
                .iter()
                .all(|mirror| state_of(mirror) == Some("RUNNING"))
        })
        .await;
    assert_mirrors(&mirrors, &truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_condition_is_put_right() {
    let (fixture, truth) = mirrored("conditions").await;
    let id = &truth[0].id;
    let before = fixture.mirror(id).await.status.unwrap().conditions;
    fixture.patch_status(id, json!({"conditions": []})).await;
    fixture
        .sync_until("training", "all conditions are back", |mirrors| {
            mirrors
                .iter()
                .all(|mirror| mirror.status.as_ref().unwrap().conditions.len() == 4)
        })
        .await;
    let after = fixture.mirror(id).await.status.unwrap().conditions;
    let summary = |conditions: &[k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition]| {
        let triples = conditions
            .iter()
            .map(|c| (c.type_.clone(), c.status.clone(), c.reason.clone()));
        triples.collect::<Vec<_>>()
    };
    assert_eq!(summary(&after), summary(&before));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_time_from_the_future_is_put_right_once_two_listings_agree() {
    let (fixture, truth) = mirrored("future").await;
    let id = &truth[0].id;
    fixture
        .patch_status(
            id,
            json!({"updateTime": "2999-01-01T00:00:00Z", "state": "PENDING"}),
        )
        .await;
    fixture.sync("training").await;
    for _ in 0..3 {
        fixture.turn(Duration::from_secs(301)).await;
        fixture.sync("training").await;
    }
    assert_mirrors(&fixture.all().await, &truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn edited_labels_are_put_right_and_those_of_other_people_stay() {
    let (fixture, truth) = mirrored("labels").await;
    let before = fixture.mirror(&truth[0].id).await;
    let mut labels = before.labels().clone();
    labels.insert("team".to_owned(), "training".to_owned());
    for (label, wrong) in [
        ("compute.together.ai/cluster-id", json!("wrong")),
        ("compute.together.ai/instance-id", json!(null)),
        ("compute.together.ai/cluster-watch", json!("wrong")),
        ("app.kubernetes.io/managed-by", json!(null)),
    ] {
        let edited = json!({"metadata": {
            "labels": {label: wrong, "team": "training"},
            "annotations": {"note": "ours"},
        }});
        fixture.patch_mirror(&truth[0].id, edited).await;
        fixture
            .sync_until("training", "its labels are right again", |mirrors| {
                mirrors.iter().any(|mirror| mirror.labels() == &labels)
            })
            .await;
    }
    let after = fixture.mirror(&truth[0].id).await;
    let note = after.annotations().get("note").map(String::as_str);
    assert_eq!(note, Some("ours"));
    assert_eq!(after.uid(), before.uid());
    assert_mirrors(&fixture.all().await, &truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn edited_owners_are_put_right() {
    let (fixture, truth) = mirrored("owners").await;
    let before = fixture.mirror(&truth[0].id).await;
    let edited = json!({"metadata": {"ownerReferences": null}});
    let edited = fixture.patch_mirror(&truth[0].id, edited).await;
    assert!(edited.owner_references().is_empty());
    fixture
        .sync_until("training", "it has its owner again", |mirrors| {
            mirrors
                .iter()
                .all(|mirror| mirror.owner_references() == before.owner_references())
        })
        .await;
    assert_eq!(fixture.mirror(&truth[0].id).await.uid(), before.uid());
    assert_mirrors(&fixture.all().await, &truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_object_in_a_mirrors_place_is_left_alone_and_reported() {
    let fixture = Fixture::new("foreign").await;
    fixture.put(0..3);
    let mut truth = fixture.truth();
    let taken = truth.remove(1);
    let spec = RemediationSpec {
        cluster_id: CLUSTER.to_owned(),
        id: "another".to_owned(),
    };
    let foreign = fixture
        .mirrors()
        .create(&PostParams::default(), &Remediation::new(&taken.id, spec))
        .await
        .unwrap();
    let watch = fixture.synced_watch(|_| {}).await;
    let ready = condition(&watch, "Ready");
    assert_eq!(ready.status, "True");
    assert_contains(&ready.message, &["Left out 1:", &taken.id]);
    fixture.sync("training").await;
    let mut mirrors = fixture.all().await;
    mirrors.retain(|mirror| mirror.spec.id != "another");
    assert_mirrors(&mirrors, &truth);
    let after = fixture.mirror(&taken.id).await;
    assert_eq!(after.resource_version(), foreign.resource_version());

    fixture.delete_mirror(&taken.id).await;
    let mirrors = fixture
        .sync_until("training", "its mirror is there", |mirrors| {
            mirrors.iter().any(|mirror| mirror.spec.id == taken.id)
        })
        .await;
    assert_mirrors(&mirrors, &fixture.truth());
    let watch = fixture.ready("training", "Synced").await;
    assert_eq!(condition(&watch, "Ready").message, IN_SYNC);
}
