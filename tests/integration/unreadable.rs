//! Objects that the API server holds and the operator cannot read: it takes any offset for a time. Everything else
//! goes on, and such a status is rewritten.

use std::{collections::BTreeMap, time::Duration};

use kube::{
    Api,
    api::{ApiResource, DynamicObject, Patch, PatchParams},
    core::GroupVersionKind,
};
use serde_json::{Value, json};
use testbed::auditor::see;

use crate::{
    fixture::{Fixture, until},
    steps::becomes,
};

/// Right for the API server, and no time for anybody else.
const NO_TIME: &str = "2026-11-23T10:00:00+99:99";
const POLL: Duration = Duration::from_secs(70);

/// Objects of a kind as JSON: the typed client cannot read what this is about.
fn objects(fixture: &Fixture, kind: &str, plural: &str) -> Api<DynamicObject> {
    let kind = GroupVersionKind::gvk("compute.together.ai", "v1alpha1", kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, plural);
    Api::namespaced_with(fixture.client.clone(), &fixture.namespace, &resource)
}

/// Gives all conditions of an object a time that cannot be read.
async fn spoil(api: &Api<DynamicObject>, name: &str) {
    let mut object = api.get(name).await.unwrap();
    let conditions = object.data["status"]["conditions"].as_array_mut().unwrap();
    for condition in conditions.iter_mut() {
        condition["lastTransitionTime"] = NO_TIME.into();
    }
    let patch = json!({"status": {"conditions": conditions}});
    let spoilt = api
        .patch_status(name, &PatchParams::default(), &Patch::Merge(patch))
        .await
        .unwrap();
    let stored = &spoilt.data["status"]["conditions"][0]["lastTransitionTime"];
    assert_eq!(stored, NO_TIME, "the API server takes it");
}

/// Whether everything of the namespace can be read; else what cannot.
async fn readable(fixture: &Fixture) -> Result<(), String> {
    let seen = see(&fixture.client, &fixture.namespace).await.unwrap();
    let all = seen.mirrors.iter().chain(&seen.watches);
    let spoilt = |object: &&Value| object.to_string().contains(NO_TIME);
    match all.filter(spoilt).count() {
        0 => Ok(()),
        left => Err(format!("{left} cannot be read: {seen:#?}")),
    }
}

/// Lets the operator poll until everything can be read.
async fn rewritten(fixture: &Fixture) {
    until("it is rewritten", || async {
        fixture.clock.advance(POLL);
        readable(fixture).await
    })
    .await;
    let truth = fixture.truth().into_iter();
    let truth: BTreeMap<_, _> = truth.map(|one| (one.id, Some(one.state))).collect();
    becomes("the mirrors are the truth", truth, async || {
        fixture.clock.advance(POLL);
        let mirrors = fixture.all().await.into_iter();
        let shown = mirrors.map(|mirror| (mirror.spec.id, mirror.status.and_then(|s| s.state)));
        shown.collect()
    })
    .await;
    fixture.agrees().await;
}

async fn mirrored(name: &str) -> (Fixture, [String; 3]) {
    let fixture = Fixture::new(name).await;
    let ids = [1, 2, 3].map(|number| fixture.put_new(number).id);
    fixture.enter(&ids[2], "SUCCEEDED");
    fixture.synced_watch(|_| {}).await;
    (fixture, ids)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_with_unreadable_times_is_rewritten_and_the_others_go_on() {
    let (mut fixture, [open, other, ended]) = mirrored("no-time").await;
    let mirrors = objects(&fixture, "Remediation", "remediations");
    for spoilt in [&open, &ended] {
        spoil(&mirrors, spoilt).await;
    }
    fixture.enter(&other, "RUNNING");
    rewritten(&fixture).await;

    // The same for one that starts then.
    fixture.stop().await;
    for spoilt in [&open, &ended] {
        spoil(&mirrors, spoilt).await;
    }
    fixture.enter(&other, "SUCCEEDED");
    fixture.put([4]);
    fixture.start(&[]).await;
    rewritten(&fixture).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_watch_with_unreadable_times_is_rewritten_and_mirrored() {
    let (mut fixture, [open, ..]) = mirrored("no-time-watch").await;
    let watches = objects(&fixture, "ClusterWatch", "clusterwatches");
    fixture.stop().await;
    spoil(&watches, "training").await;
    fixture.enter(&open, "RUNNING");
    fixture.start(&[]).await;
    rewritten(&fixture).await;
    fixture.ready("training", "Synced").await;
}
