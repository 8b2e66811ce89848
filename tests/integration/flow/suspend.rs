//! A suspended watch leaves the API and its mirrors alone, and reports it.

use std::time::Duration;

use kube::ResourceExt;

use crate::{
    conditions::{IN_SYNC, condition, condition_status},
    fixture::Fixture,
};

const LONG: Duration = Duration::from_secs(400);

#[tokio::test(flavor = "multi_thread")]
async fn suspended_from_birth_it_never_calls_the_api() {
    let fixture = Fixture::new("unborn").await;
    fixture.put([1]);
    fixture.watch("training", |spec| spec.suspend = true).await;
    let watch = fixture.edit_seen("training").await;
    let ready = condition(&watch, "Ready");
    assert_eq!(
        (
            ready.status.as_str(),
            ready.reason.as_str(),
            ready.message.as_str()
        ),
        ("Unknown", "Pending", "Suspended")
    );
    assert_eq!(condition_status(&watch, "Reconciling"), "False");
    assert_eq!(condition_status(&watch, "Stalled"), "False");
    assert_eq!(watch.status.unwrap().stale_after, None);
    for _ in 0..3 {
        fixture.turn(LONG).await;
    }
    assert_eq!(fixture.calls(), 0);
    assert!(fixture.all().await.is_empty());

    fixture.suspend(false).await;
    fixture.ready("training", "Synced").await;
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn suspended_later_everything_stays_until_it_is_resumed() {
    let fixture = Fixture::new("suspend").await;
    let truth = fixture.put_new(1);
    fixture.synced_watch(|_| {}).await;

    fixture.suspend(true).await;
    let watch = fixture.ready("training", "Synced").await;
    let ready = condition(&watch, "Ready");
    assert_eq!(
        (ready.status.as_str(), ready.message.as_str()),
        ("True", "Suspended")
    );
    assert_eq!(condition_status(&watch, "Reconciling"), "False");
    let status = watch.status.as_ref().unwrap();
    assert_eq!(
        (status.observed_generation, &status.stale_after),
        (Some(2), &None)
    );
    assert_eq!(status.remediations.as_ref().unwrap().awaiting_approval, 1);

    let calls = fixture.calls();
    fixture.enter(&truth.id, "RUNNING");
    fixture.request("training", "now").await;
    for _ in 0..3 {
        fixture.turn(LONG).await;
    }
    assert_eq!(fixture.calls(), calls);
    let mirror = fixture.mirror(&truth.id).await.status.unwrap();
    assert_eq!(mirror.state.as_deref(), Some("PENDING_APPROVAL"));
    let still = fixture.watches().get("training").await.unwrap();
    assert_eq!(
        still.status, watch.status,
        "the status does not change meanwhile"
    );

    fixture.suspend(false).await;
    let watch = fixture.ready("training", "Synced").await;
    assert_eq!(condition(&watch, "Ready").message, IN_SYNC);
    assert_eq!(watch.metadata.generation, Some(3));
    let status = watch.status.as_ref().unwrap();
    assert!(status.stale_after.is_some());
    assert_eq!(status.last_handled_reconcile_at.as_deref(), Some("now"));
    assert_eq!(fixture.mirror(&truth.id).await.name_any(), truth.id);
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_gets_stale_while_its_watch_is_suspended() {
    let fixture = Fixture::new("suspend-stale").await;
    let truth = fixture.put_in(1, "RUNNING");
    fixture.synced_watch(|_| {}).await;
    fixture.suspend(true).await;
    fixture.edit_seen("training").await;
    let before = fixture.versions().await;
    fixture.turn(Duration::from_secs(160)).await;
    assert_eq!(fixture.versions().await, before, "not stale yet");
    fixture.turn(Duration::from_secs(10)).await;
    fixture.mirror_is(&truth.id, "Stale").await;
    fixture.suspend(false).await;
    fixture.mirror_is(&truth.id, "Listed").await;
}
