//! Keys that are missing, malformed or refused: reported at once, never printed, and replaced without a restart.

use std::time::Duration;

use kube::ResourceExt;

use crate::{
    conditions::{assert_contains, condition, condition_status},
    fixture::Fixture,
};

/// Longer than an interval with its jitter.
const INTERVAL: Duration = Duration::from_secs(64);
/// For so long, an unusable Secret may still be on its way.
const GRACE: Duration = Duration::from_secs(120);

/// Applies the Secret `broken`, waits for the next poll and checks the conditions of the watch; then repairs the Secret and
/// checks again.
async fn check_broken_then_fixed(
    fixture: &Fixture,
    broken: (&[(&str, &str)], &str),
    reason: &str,
    expected: &str,
) {
    let (data, type_) = broken;
    fixture.put_secret(data, type_).await;
    fixture.turn(INTERVAL).await;
    let watch = fixture.ready("training", reason).await;
    let ready = condition(&watch, "Ready");
    assert_eq!(
        (ready.status.as_str(), ready.message.contains(expected)),
        ("False", true),
        "{ready:#?}"
    );
    let watch = if reason.starts_with("Secret") {
        assert_eq!(condition(&watch, "Reconciling").reason, reason);
        assert_eq!(condition_status(&watch, "Reconciling"), "True");
        assert_eq!(condition_status(&watch, "Stalled"), "False");
        fixture.turn(GRACE).await;
        fixture.ready("training", reason).await
    } else {
        watch
    };
    assert_eq!(condition(&watch, "Stalled").reason, reason);
    assert_eq!(condition_status(&watch, "Stalled"), "True");
    assert_eq!(condition_status(&watch, "Reconciling"), "False");
    let everything = serde_json::to_string(&watch.status).unwrap();
    for (_, key) in data {
        let shown = !key.is_empty() && everything.contains(key);
        assert!(!shown, "the key is shown: {everything}");
    }
    fix_key(fixture).await;
}

/// Puts the valid key back and waits until the watch is synced.
async fn fix_key(fixture: &Fixture) {
    fixture.put_key(fixture.simulator.key()).await;
    fixture.turn(INTERVAL).await;
    let watch = fixture.ready("training", "Synced").await;
    assert_eq!(condition_status(&watch, "Stalled"), "False");
}

/// A fixture whose one remediation is finished, so that polls come at the longer interval.
async fn fixture(name: &str) -> Fixture {
    let fixture = Fixture::new(name).await;
    fixture.put_in(1, "SUCCEEDED");
    fixture
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unusable_secret_is_reported_with_what_to_do() {
    let fixture = fixture("secrets").await;
    fixture.synced_watch(|_| {}).await;
    let before = fixture.versions().await;
    for (broken, reason, expected) in [
        (
            (&[("key", "planted-marker-1")][..], "Opaque"),
            "SecretInvalid",
            "it has no key \"api-key\". Add the key",
        ),
        ((&[("api-key", "")], "Opaque"), "SecretInvalid", "is empty"),
        (
            (&[("api-key", "planted marker 2")], "Opaque"),
            "SecretInvalid",
            "contains white space",
        ),
        (
            (&[("api-key", "planted-marker-3")], "example.org/token"),
            "SecretInvalid",
            "must be Opaque",
        ),
        (
            (&[("api-key", "planted-marker-4")], "Opaque"),
            "Unauthorized",
            "invalid, expired or revoked",
        ),
    ] {
        check_broken_then_fixed(&fixture, broken, reason, expected).await;
    }
    fixture
        .simulator
        .add_key("planted-marker-5", Some(&["another-cluster"]));
    let other = [("api-key", "planted-marker-5")];
    check_broken_then_fixed(
        &fixture,
        (&other, "Opaque"),
        "Forbidden",
        "Put an API key of the cluster's project",
    )
    .await;

    fixture.delete_secret().await;
    fixture.turn(INTERVAL).await;
    let watch = fixture.ready("training", "SecretNotFound").await;
    let ready = condition(&watch, "Ready");
    assert_contains(
        &ready.message,
        &["Secret \"together\" not found in this namespace. Create it"],
    );
    assert_eq!(condition_status(&watch, "Reconciling"), "True");
    fixture.turn(GRACE).await;
    let watch = fixture.ready("training", "SecretNotFound").await;
    assert_eq!(condition_status(&watch, "Stalled"), "True");
    fix_key(&fixture).await;
    assert_eq!(fixture.versions().await, before, "no mirror was touched");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_created_without_a_secret_reports_it_and_recovers() {
    let fixture = fixture("born-poor").await;
    fixture.delete_secret().await;
    fixture.watch("training", |_| {}).await;
    let watch = fixture.ready("training", "SecretNotFound").await;
    assert_eq!(condition_status(&watch, "Ready"), "False");
    assert_eq!(fixture.calls(), 0);
    fix_key(&fixture).await;
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_cluster_or_instance_is_reported() {
    let fixture = fixture("unknown").await;
    fixture
        .watch("cluster", |spec| {
            "no-such-cluster".clone_into(&mut spec.cluster_id);
        })
        .await;
    let watch = fixture.ready("cluster", "ClusterNotFound").await;
    assert!(
        condition(&watch, "Stalled")
            .message
            .contains("no-such-cluster")
    );
    fixture
        .watch("instance", |spec| {
            spec.instance_id = Some("no-such-instance".to_owned());
        })
        .await;
    let watch = fixture.ready("instance", "InstanceNotFound").await;
    assert_contains(
        &condition(&watch, "Stalled").message,
        &["Check spec.instanceId"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_key_is_asked_less_and_less_and_another_at_once() {
    let fixture = fixture("refused").await;
    fixture.put_key("revoked").await;
    fixture.watch("training", |_| {}).await;
    fixture.ready("training", "Unauthorized").await;
    for _ in 0..15 {
        fixture.turn(INTERVAL).await;
    }
    let asked = fixture.simulator.counters().by_key["revoked"];
    assert!((2..=5).contains(&asked), "{asked} calls in 16 intervals");

    let watch = fixture.watches().get("training").await.unwrap();
    fixture.turn(INTERVAL).await;
    let same = fixture.watches().get("training").await.unwrap();
    let ready_of = |watch: &_| condition(watch, "Ready");
    assert_eq!(
        ready_of(&same),
        ready_of(&watch),
        "the API is not called, and the condition stays"
    );

    fix_key(&fixture).await;
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_requested_sync_is_honored_even_with_a_refused_key() {
    let fixture = fixture("unrefused").await;
    fixture.put_key("late").await;
    fixture.watch("training", |_| {}).await;
    fixture.ready("training", "Unauthorized").await;
    fixture.simulator.add_key("late", None);
    fixture.sync("training").await;
    fixture.ready("training", "Synced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_rotated_without_a_restart() {
    let fixture = fixture("rotated").await;
    fixture.synced_watch(|_| {}).await;
    let old = fixture.simulator.key().to_owned();
    let watch = fixture.watches().get("training").await.unwrap();
    fixture.simulator.add_key("second", None);
    fixture.put_key("second\n").await;
    fixture.wait_until_idle().await;
    let before = fixture.simulator.counters().by_key[&old];
    fixture.simulator.revoke(&old);
    fixture.turn(INTERVAL).await;
    let counters = fixture.simulator.counters();
    assert_eq!(counters.by_key[&old], before);
    assert_eq!(counters.by_key["second"], 1);
    let after = fixture.watches().get("training").await.unwrap();
    assert_eq!(
        after.resource_version(),
        watch.resource_version(),
        "the status does not change"
    );
}
