//! `--mirror-annotation`: what the operator writes on the mirrors that it creates, and leaves alone afterwards.

use std::time::Duration;

use kube::ResourceExt;
use serde_json::json;
use testbed::simulator::Remediation as Truth;

use crate::fixture::{CLUSTER, Fixture};

const KEY: &str = "argocd.argoproj.io/ignore-resource-updates";

#[tokio::test(flavor = "multi_thread")]
async fn a_created_mirror_has_the_annotations_and_they_are_no_reason_to_write() {
    let mut fixture = Fixture::idle("annotations").await;
    fixture.put([1]);
    fixture.start(&[]).await;
    fixture.synced_watch(|_| {}).await;
    let before = fixture.all().await;
    assert_eq!(before[0].annotations().get(KEY), None);
    fixture.stop().await;

    let ignore = format!("--mirror-annotation={KEY}=true");
    let flags = [ignore.as_str(), "--mirror-annotation=team=gpu"];
    fixture.put([2]);
    fixture.start_with(&[], &flags).await;
    let second = Truth::numbered(CLUSTER, 2).id;
    let made = fixture
        .mirror_where(&second, "it is created", |mirror| mirror.status.is_some())
        .await;
    assert_eq!(
        made.annotations().get(KEY).map(String::as_str),
        Some("true")
    );
    assert_eq!(
        made.annotations().get("team").map(String::as_str),
        Some("gpu")
    );
    // One that was there before is not written for their sake.
    let first = fixture.mirror(&before[0].name_any()).await;
    assert_eq!(first.resource_version(), before[0].resource_version());

    // What a person changes stays so.
    fixture
        .patch_mirror(
            &second,
            json!({"metadata": {"annotations": {"team": "other"}}}),
        )
        .await;
    fixture.enter(&second, "RUNNING");
    // The first sync may meet an edit that the index does not hold yet: a conflict, which the second one resolves.
    for _ in 0..2 {
        fixture.turn(Duration::from_secs(61)).await;
    }
    let later = fixture.mirror_enters(&second, "RUNNING").await;
    assert_eq!(
        later.annotations().get("team").map(String::as_str),
        Some("other")
    );
}
