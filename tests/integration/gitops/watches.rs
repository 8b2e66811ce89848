//! The situations of a watch, but for those that come with a mirror's.

use std::{sync::Arc, time::Duration};

use k8s_openapi::jiff::Timestamp;
use kube::api::DeleteParams;
use serde_json::json;
use testbed::{
    api_proxy,
    control_plane::ControlPlane,
    simulator::{Fault, Times},
};

use super::situation::{Kind::Watch, Situation, take};
use crate::{
    clock::ManualClock,
    fixture::Fixture,
    kube_faults::{behind_a_proxy, to_mirrors},
    steps::pages_of,
};

const POLL: Duration = Duration::from_secs(70);
/// So long a Secret that cannot be used may still be on its way.
const GRACE: Duration = Duration::from_secs(120);

async fn suspend(fixture: &Fixture) {
    fixture.suspend(true).await;
    fixture.edit_seen("training").await;
}

/// One that goes well: synced, suspended, and edited while no operator runs.
pub(super) async fn calm(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let mut fixture = Fixture::on(control_plane, "calm").await;
    fixture.synced_watch(|_| {}).await;
    let mut taken = vec![take(&fixture, Watch, "synced", "training").await];
    suspend(&fixture).await;
    taken.push(take(&fixture, Watch, "suspended", "training").await);
    fixture.stop().await;
    fixture.suspend(false).await;
    taken.push(take(&fixture, Watch, "edited", "training").await);

    let finalizer = json!({"metadata": {"finalizers": ["example.com/held"]}});
    fixture.patch_watch("training", finalizer).await;
    let (watches, now) = (fixture.watches(), DeleteParams::background());
    let _ = watches.delete("training", &now).await.unwrap();
    taken.push(take(&fixture, Watch, "deleted", "training").await);
    let free = json!({"metadata": {"finalizers": []}});
    fixture.patch_watch("training", free).await;
    taken
}

/// One with a repair under way.
pub(super) async fn busy(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let fixture = Fixture::on(control_plane, "busy").await;
    fixture.put_in(1, "RUNNING");
    fixture.synced_watch(|_| {}).await;
    vec![take(&fixture, Watch, "remediation-open", "training").await]
}

/// Suspended before it was ever synced.
pub(super) async fn unborn(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let fixture = Fixture::on(control_plane, "unborn").await;
    fixture.watch("training", |spec| spec.suspend = true).await;
    fixture.edit_seen("training").await;
    vec![take(&fixture, Watch, "suspended-from-birth", "training").await]
}

/// One whose operator wrote an hour ago, and no more.
pub(super) async fn silent(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let mut fixture = Fixture::idle_on(control_plane, "silent").await;
    let an_hour_ago = Timestamp::now() - Duration::from_secs(3600);
    fixture.clock = Arc::new(ManualClock::beginning(an_hour_ago));
    fixture.start(&[]).await;
    fixture.synced_watch(|_| {}).await;
    vec![take(&fixture, Watch, "silent", "training").await]
}

/// What is wrong with a key.
pub(super) async fn keys(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let fixture = Fixture::on(control_plane, "keys").await;
    fixture.delete_secret().await;
    fixture.watch("training", |_| {}).await;
    fixture.ready("training", "SecretNotFound").await;
    let mut taken = vec![take(&fixture, Watch, "secret-late", "training").await];
    fixture.turn(GRACE).await;
    taken.push(take(&fixture, Watch, "secret-not-found", "training").await);

    let other = Some(&["another-cluster"][..]);
    fixture.simulator.add_key("key-of-another", other);
    for (name, reason, data) in [
        ("secret-invalid", "SecretInvalid", [("key", "misnamed")]),
        ("forbidden", "Forbidden", [("api-key", "key-of-another")]),
        ("unauthorized", "Unauthorized", [("api-key", "revoked")]),
    ] {
        fixture.put_secret(&data, "Opaque").await;
        fixture.turn(POLL).await;
        fixture.ready("training", reason).await;
        taken.push(take(&fixture, Watch, name, "training").await);
    }
    suspend(&fixture).await;
    taken.push(take(&fixture, Watch, "suspended-unauthorized", "training").await);
    taken
}

/// What is wrong with a question.
pub(super) async fn questions(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let fixture = Fixture::on(control_plane, "questions").await;
    fixture
        .watch("cluster", |spec| {
            "no-such-cluster".clone_into(&mut spec.cluster_id);
        })
        .await;
    fixture
        .watch("instance", |spec| {
            spec.instance_id = Some("no-such-instance".to_owned());
        })
        .await;
    fixture.ready("cluster", "ClusterNotFound").await;
    fixture.ready("instance", "InstanceNotFound").await;
    let mut taken = vec![
        take(&fixture, Watch, "cluster-not-found", "cluster").await,
        take(&fixture, Watch, "instance-not-found", "instance").await,
    ];
    let overlap =
        |spec: &mut together_remediation_operator::api::cluster_watch::ClusterWatchSpec| {
            spec.instance_id = Some("no-such-instance".to_owned());
        };
    fixture.watch("z-newer", overlap).await;
    fixture.ready("z-newer", "OverlappingClusterWatch").await;
    taken.push(take(&fixture, Watch, "overlaps", "z-newer").await);
    taken
}

pub(super) async fn bad_request(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let fixture = Fixture::on(control_plane, "bad-request").await;
    fixture
        .simulator
        .fault(Fault::status(400), Times::UntilCleared);
    fixture.watch("training", |_| {}).await;
    fixture.ready("training", "BadRequest").await;
    vec![take(&fixture, Watch, "bad-request", "training").await]
}

/// One whose first listing fails.
pub(super) async fn first_sync(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let fixture = Fixture::on(control_plane, "first").await;
    fixture
        .simulator
        .fault(Fault::status(503), Times::UntilCleared);
    fixture.watch("training", |_| {}).await;
    fixture
        .watch_where("training", "the status reports the failure", |status, _| {
            status.conditions[0].message.contains("503")
        })
        .await;
    vec![take(&fixture, Watch, "first-sync", "training").await]
}

/// A synced `ClusterWatch` whose API starts to fail, until its status reports that.
pub(super) async fn failing(
    control_plane: &'static ControlPlane,
    name: &'static str,
    reason: &str,
    fault: Fault,
) -> Vec<Situation> {
    let fixture = Fixture::on(control_plane, name).await;
    fixture.put(1..=5);
    fixture
        .synced_watch(|spec| {
            spec.query = Some(pages_of(2));
        })
        .await;
    fixture.simulator.fault(fault, Times::UntilCleared);
    for _ in 0..4 {
        fixture.turn(POLL).await;
    }
    fixture.ready("training", reason).await;
    vec![take(&fixture, Watch, name, "training").await]
}

pub(super) async fn write_failed(control_plane: &'static ControlPlane) -> Vec<Situation> {
    let (fixture, proxy) = behind_a_proxy(control_plane, "write-failed").await;
    let truth = fixture.put_new(1);
    fixture.synced_watch(|_| {}).await;
    let refused = api_proxy::Fault::answer(403);
    let _refused = proxy.fault(refused, api_proxy::Which::All, to_mirrors);
    fixture.enter(&truth.id, "RUNNING");
    for _ in 0..5 {
        fixture.turn(POLL).await;
    }
    fixture.ready("training", "WriteFailed").await;
    vec![take(&fixture, Watch, "write-failed", "training").await]
}
