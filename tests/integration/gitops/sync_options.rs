//! What Argo CD's sync options Replace and Force do, by the kubectl commands that they are.

use kube::ResourceExt;
use together_remediation_operator::api::{cluster_watch::ClusterWatch, remediation::Remediation};

use super::examples::watch_for;
use crate::{
    fixture::{CLUSTER, Fixture},
    run::{ended, kubectl},
};

/// Runs kubectl with the manifest as its file; what it prints, and whether it ended well.
async fn with(fixture: &Fixture, arguments: &[&str], manifest: &str) -> (bool, String) {
    let mut kubectl = kubectl(&fixture.control_plane).unwrap();
    let line = kubectl.args(arguments).arg("--filename=-");
    let (well, output) = ended(line, manifest).await;
    (well, output.concat())
}

/// A synced watch of the example with three mirrors, applied as Argo CD does.
async fn applied(name: &str) -> Option<(Fixture, String)> {
    let fixture = Fixture::new(name).await;
    kubectl(&fixture.control_plane)?;
    fixture.put(1..=3);
    let manifest = watch_for(&fixture);
    let (well, output) = with(&fixture, &["apply"], &manifest).await;
    assert!(well, "{output}");
    fixture.ready("training", "Synced").await;
    Some((fixture, manifest))
}

async fn watch(fixture: &Fixture) -> ClusterWatch {
    fixture.watches().get("training").await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_operator_and_the_actions_write_is_no_difference() {
    let Some((fixture, manifest)) = applied("no-difference").await else {
        return;
    };
    // As the action does it.
    fixture.sync("training").await;
    let (same, output) = with(&fixture, &["diff"], &manifest).await;
    assert!(same, "{output}");
    fixture.suspend(true).await;
    let (same, output) = with(&fixture, &["diff"], &manifest).await;
    assert!(same, "Git says nothing of suspend: {output}");
    let explicit = manifest.replace("interval: 60s", "suspend: false\n  interval: 60s");
    assert_ne!(explicit, manifest);
    let (same, output) = with(&fixture, &["diff"], &explicit).await;
    assert!(!same && output.contains("suspend"), "Git says it: {output}");
}

#[tokio::test(flavor = "multi_thread")]
async fn replace_keeps_the_watch_and_force_makes_another() {
    let Some((fixture, manifest)) = applied("replace").await else {
        return;
    };
    let (before, mirrors) = (watch(&fixture).await, fixture.versions().await);
    fixture.suspend(true).await;
    fixture.edit_seen("training").await;
    let (well, output) = with(&fixture, &["replace"], &manifest).await;
    assert!(well, "{output}");
    let replaced = watch(&fixture).await;
    assert_eq!(replaced.uid(), before.uid());
    assert!(
        !replaced.spec.suspend,
        "what Git does not say is as by default"
    );
    assert!(replaced.status.is_some());
    fixture.edit_takes_effect("training").await;
    fixture.ready("training", "Synced").await;
    assert_eq!(fixture.versions().await, mirrors, "no mirror was touched");

    let (well, output) = with(&fixture, &["replace", "--force"], &manifest).await;
    assert!(well, "{output}");
    assert_ne!(watch(&fixture).await.uid(), before.uid());
    taken_over(&fixture).await;

    let before = watch(&fixture).await;
    let other = manifest.replace(CLUSTER, "another-cluster");
    let (well, output) = with(&fixture, &["apply"], &other).await;
    assert!(!well && output.contains("clusterId"), "{output}");
    assert_eq!(watch(&fixture).await.uid(), before.uid());
    let (well, output) = with(&fixture, &["apply", "--force"], &other).await;
    assert!(well, "{output}");
    assert_ne!(watch(&fixture).await.uid(), before.uid());
    fixture.edit_takes_effect("training").await;
    fixture.ready("training", "ClusterNotFound").await;
    fixture.emptied().await;
}

/// Waits until all mirrors are those of the watch as it is now.
async fn taken_over(fixture: &Fixture) {
    let uid = watch(fixture).await.uid().unwrap();
    fixture.edit_takes_effect("training").await;
    fixture
        .sync_until("training", "the new watch owns all", |mirrors| {
            let owned = |mirror: &Remediation| {
                let owners = mirror.owner_references();
                owners.len() == 1 && owners[0].uid == uid
            };
            mirrors.len() == 3 && mirrors.iter().all(owned)
        })
        .await;
    fixture.ready("training", "Synced").await;
}
