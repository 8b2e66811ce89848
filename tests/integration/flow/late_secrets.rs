//! A Secret that comes after its `ClusterWatch`, as Argo CD and Flux bring it.

use std::time::{Duration, Instant};

use kube::ResourceExt;

use crate::{conditions::condition_status, fixture::Fixture, process::Process, steps::events};

/// A Secret that cannot be used is read again after this time.
const AGAIN: Duration = Duration::from_secs(10);

/// A `ClusterWatch` that polls each hour, and has no Secret.
async fn born_poor(fixture: &Fixture) {
    fixture.delete_secret().await;
    fixture.put([1]);
    fixture
        .watch("training", |spec| spec.interval = Some("1h".to_owned()))
        .await;
}

/// The reasons of all Events about `ClusterWatches`.
async fn event_reasons(fixture: &Fixture) -> Vec<String> {
    let of_watches = events(fixture).await.into_iter().filter(|event| {
        let of = event.regarding.as_ref();
        of.and_then(|of| of.kind.as_deref()) == Some("ClusterWatch")
    });
    of_watches.filter_map(|event| event.reason).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_secret_is_used_at_the_next_look_though_polls_are_an_hour_apart() {
    let fixture = Fixture::new("late").await;
    born_poor(&fixture).await;
    let first = fixture.ready("training", "SecretNotFound").await;
    assert_eq!(condition_status(&first, "Reconciling"), "True");
    for _ in 0..11 {
        fixture.turn(AGAIN).await;
    }
    let later = fixture.ready("training", "SecretNotFound").await;
    assert_eq!(later.resource_version(), first.resource_version());
    let scrape = fixture.scrape().await;
    let missing = |label| [(label, "SecretNotFound")];
    assert_eq!(scrape.get("polls", &missing("reason")), Some(1.0));
    assert_eq!(scrape.get("secret_reads", &missing("reason")), Some(12.0));
    assert_eq!(fixture.calls(), 0);

    fixture.turn(AGAIN).await;
    let late = fixture.ready("training", "SecretNotFound").await;
    assert_eq!(condition_status(&late, "Reconciling"), "False");
    assert_eq!(condition_status(&late, "Stalled"), "True");

    fixture.put_key(fixture.simulator.key()).await;
    fixture.turn(AGAIN).await;
    fixture.ready("training", "Synced").await;
    assert_eq!(fixture.calls(), 1);
    fixture.agrees().await;
    let reasons = event_reasons(&fixture).await;
    let missed = reasons.iter().filter(|reason| *reason == "SecretNotFound");
    assert_eq!(missed.count(), 1, "{reasons:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_grants_no_second_grace() {
    let mut fixture = Fixture::new("late-restart").await;
    born_poor(&fixture).await;
    fixture.ready("training", "SecretNotFound").await;
    fixture.turn(AGAIN * 6).await;
    fixture.stop().await;
    fixture.start(&[]).await;
    fixture.turn(AGAIN * 5).await;
    let waits = fixture.ready("training", "SecretNotFound").await;
    assert_eq!(condition_status(&waits, "Reconciling"), "True");
    fixture.turn(AGAIN).await;
    let late = fixture.ready("training", "SecretNotFound").await;
    assert_eq!(condition_status(&late, "Stalled"), "True");
}

/// Prints how long it takes; that it is at most 15 s is shown above, by the operator's clock.
#[tokio::test(flavor = "multi_thread")]
async fn the_program_uses_a_late_secret() {
    let fixture = Fixture::idle("late-process").await;
    born_poor(&fixture).await;
    let alone = ["--leader-elect=false"];
    let _process = Process::of(&fixture, &alone).await;
    fixture.ready("training", "SecretNotFound").await;
    fixture.put_key(fixture.simulator.key()).await;
    let began = Instant::now();
    fixture.ready("training", "Synced").await;
    let seconds = began.elapsed().as_secs_f64();
    println!("{seconds:.1} s from the Secret to Ready, with an interval of an hour");
}
