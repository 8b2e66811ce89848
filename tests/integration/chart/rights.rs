//! Each right that the chart grants is used in a run, and each one that is used is granted, by the API server's own record.

use std::{collections::BTreeSet, path::Path};

use k8s_openapi::api::rbac::v1::{ClusterRole, Role};
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use testbed::tools::{Helm as Version, not_run};

use super::{
    render,
    stage::{RELEASE, Stage, arguments, beside, fast},
};
use crate::{books::recorded, fixture::until};

/// The namespace whose accounts the API server keeps a record of.
const AUDITED: &str = "audited";

/// What was asked of objects: group, resource with subresource, and verb. Nothing of it may have been forbidden.
fn used(log: &Path) -> BTreeSet<[String; 3]> {
    let mut used = BTreeSet::new();
    for event in recorded(log) {
        assert_ne!(event["responseStatus"]["code"], 403, "forbidden: {event}");
        let object = &event["objectRef"];
        let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (resource, sub) = (word(&object["resource"]), word(&object["subresource"]));
        let resource = [&resource[..], &sub[..]].join("/");
        let resource = resource.trim_end_matches('/').to_owned();
        if !resource.is_empty() {
            used.insert([word(&object["apiGroup"]), resource, word(&event["verb"])]);
        }
    }
    used
}

#[tokio::test(flavor = "multi_thread")]
async fn each_right_is_used_and_nothing_is_asked_without_one() {
    let Some(stage) = Stage::begin(Version::V3).await else {
        return;
    };
    let Some(log) = stage.control_plane.audit_log() else {
        return not_run::note(
            "an audit log",
            "a control plane of the testbed's own processes",
        );
    };
    let fixture = stage.fixture("rights").await;
    // Retention goes by the API's clock.
    fixture.simulator.run_clock(1);
    stage.restrict(AUDITED).await;
    let values = beside(&fixture);
    stage
        .install(RELEASE, AUDITED, &arguments(&values, &[]))
        .await;
    let operator = stage.operator(RELEASE, AUDITED).await;
    // From no mirror to all states, a finished one that changes, owners put right, one that retention drops. Never by way
    // of the garbage collector: it learns of new definitions late, and may take a mirror before the operator asks for it.
    fixture.watch("training", fast).await;
    fixture.ready("training", "Synced").await;
    let truth = fixture.truth();
    let running = &truth[2].id;
    // The last one updates an Event that exists already.
    for (id, state) in [
        (&truth[0].id, "SUCCEEDED"),
        (running, "RUNNING"),
        (running, "PENDING"),
        (running, "RUNNING"),
    ] {
        fixture.enter(id, state);
        fixture.mirror_enters(id, state).await;
    }

    fixture.respec(json!({"deletionPolicy": "Retain"})).await;
    fixture
        .mirror_where(running, "it has no owner", |mirror| {
            mirror.owner_references().is_empty()
        })
        .await;

    fixture
        .respec(json!({"retention": {"maxFinishedPerInstance": 1, "ttlAfterFinished": "1s"}}))
        .await;

    let clusters: Api<ClusterRole> = Api::all(stage.client.clone());
    let cluster = clusters.get(RELEASE).await.unwrap();
    let roles: Api<Role> = Api::namespaced(stage.client.clone(), AUDITED);
    let lease = roles.get(&format!("{RELEASE}-lease")).await.unwrap();
    let granted = [
        serde_json::to_value(cluster).unwrap(),
        serde_json::to_value(lease).unwrap(),
    ];
    let granted = render::rights(&granted);
    until("each right is used", async || {
        let used = used(&log);
        let unused: Vec<_> = granted.difference(&used).collect();
        if unused.is_empty() {
            Ok(())
        } else {
            Err(format!("{unused:?}"))
        }
    })
    .await;
    let used = used(&log);
    let ungranted: Vec<_> = used.difference(&granted).collect();
    assert!(ungranted.is_empty(), "{ungranted:?}");
    drop(operator);
    stage.uninstall(RELEASE, AUDITED).await;
}
