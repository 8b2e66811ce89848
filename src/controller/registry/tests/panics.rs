//! A worker that panics.

use prometheus_client::metrics::counter::Counter;

use super::*;
use crate::{
    k8s::leadership::Leadership,
    metrics::Format,
    operator::metrics::{self, Operator},
    testing::{id, word},
    together::{BaseUrl, Client, Limits},
};

/// Status and reason of Synced of the one mirror.
fn synced(world: &World) -> (String, String) {
    let mirror = world.cluster.mirror(&id(1)).unwrap();
    let status = mirror.status.unwrap();
    let (status, reason) = word(&status.conditions, "Synced");
    (status.to_owned(), reason.to_owned())
}

fn words(status: &str, reason: &str) -> (String, String) {
    (status.to_owned(), reason.to_owned())
}

/// How many panics of workers `/metrics` shows.
fn counted(world: &World) -> String {
    let leadership = Leadership::new(Arc::new(SystemClock::default()));
    let operator = Operator::new(leadership, Counter::default());
    let base = BaseUrl::parse("http://127.0.0.1:1", true).unwrap();
    let client = Client::new(base, Limits::default(), None).unwrap();
    let text = metrics::metrics(operator, &world.meters, &client).text(Format::OpenMetrics);
    let (_, rest) = text
        .split_once("task_panics_total{task=\"clusterwatch\"} ")
        .unwrap();
    rest.lines().next().unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_panicked_once_polls_again() {
    let world = World::synced().await;
    assert_eq!(synced(&world), words("True", "Listed"));
    world.api.panics.store(1, Ordering::SeqCst);
    world.pass(30).await;
    assert_eq!(world.api.panics.load(Ordering::SeqCst), 0, "it panicked");
    world.api.inner.asked();
    world.pass(60).await;
    assert_ne!(world.api.inner.asked(), [], "it polls again");
    assert_eq!(world.ready("w"), words("True", "Synced"));
    assert_eq!(counted(&world), "1");
}

#[tokio::test(start_paused = true)]
async fn starts_after_panics_get_rarer() {
    let world = World::new();
    world.api.panics.store(usize::MAX, Ordering::SeqCst);
    world.create("w", None);
    let mut starts = Vec::new();
    for second in 0..2000 {
        let left = world.api.panics.load(Ordering::SeqCst);
        world.pass(1).await;
        if world.api.panics.load(Ordering::SeqCst) < left {
            starts.push(second);
        }
    }
    assert_eq!(starts, [0, 20, 60, 140, 300, 620, 1220, 1820]);
}

#[tokio::test(start_paused = true)]
async fn while_a_worker_only_panics_its_clusterwatch_is_not_ready_and_its_mirrors_get_stale() {
    let world = World::synced().await;
    world.api.panics.store(usize::MAX, Ordering::SeqCst);
    world.pass(30).await;
    assert_eq!(world.ready("w"), words("False", "InternalError"));
    assert_eq!(synced(&world), words("True", "Listed"), "it is still fresh");
    // Three intervals, two minutes, and the five by which a status may lag behind the last sync.
    world.pass(500).await;
    assert_eq!(synced(&world), words("Unknown", "Stale"));
    world.api.panics.store(0, Ordering::SeqCst);
    world.pass(700).await;
    assert_eq!(world.ready("w"), words("True", "Synced"));
    assert_eq!(synced(&world), words("True", "Listed"));
}

/// Reports of "w" panic while `broken`, those that `panic` is true for.
fn break_reports(world: &World, panic: fn(&ClusterWatchStatus) -> bool) -> Arc<AtomicUsize> {
    let broken = Arc::new(AtomicUsize::new(1));
    let left = broken.clone();
    world.cluster.when_reported(move |watch| {
        let status = watch.status.clone().unwrap();
        let panics = watch.name_any() == "w" && panic(&status);
        assert!(
            left.load(Ordering::SeqCst) == 0 || !panics,
            "as the test wants it"
        );
    });
    broken
}

fn suspend(world: &World) {
    let mut watch = world.cluster.watches().remove(0);
    watch.spec.suspend = true;
    world.cluster.put_watch(watch);
    world.reconcile();
}

#[tokio::test(start_paused = true)]
async fn while_one_at_rest_only_panics_it_is_not_ready_and_its_mirrors_get_stale() {
    let world = World::synced().await;
    let is_suspended =
        |status: &ClusterWatchStatus| word(&status.conditions, "Reconciling").1 == "Suspended";
    let broken = break_reports(&world, is_suspended);
    suspend(&world);
    world.pass(30).await;
    assert_eq!(world.ready("w"), words("False", "InternalError"));
    assert_eq!(synced(&world), words("True", "Listed"), "it is still fresh");
    let status = || world.cluster.watches()[0].status.clone().unwrap();
    let stale_after = || status().stale_after;
    assert!(stale_after().is_some(), "a dead operator would be noticed");
    world.pass(600).await;
    assert_eq!(synced(&world), words("Unknown", "Stale"));
    broken.store(0, Ordering::SeqCst);
    world.pass(700).await;
    assert_eq!(world.ready("w"), words("True", "Synced"), "as before");
    assert_eq!(stale_after(), None);
}

#[tokio::test(start_paused = true)]
async fn mirrors_get_stale_although_each_report_panics() {
    let world = World::synced().await;
    break_reports(&world, |_| true);
    suspend(&world);
    world.pass(600).await;
    assert_eq!(synced(&world), words("Unknown", "Stale"));
}

#[tokio::test(start_paused = true)]
async fn one_that_panics_and_overlaps_another_leaves_the_mirrors_to_that_one() {
    let world = World::new();
    world.api.inner.show(item(1, "RUNNING"));
    world.create("a", None);
    let overlaps = |status: &ClusterWatchStatus| {
        word(&status.conditions, "Ready").1 == "OverlappingClusterWatch"
    };
    break_reports(&world, overlaps);
    world.create("w", None);
    let mirror = || world.cluster.object(1).unwrap().metadata.resource_version;
    world.pass(30).await;
    let before = mirror();
    world.pass(600).await;
    assert_eq!(world.ready("w"), words("False", "InternalError"));
    assert_eq!(world.ready("a"), words("True", "Synced"));
    assert_eq!(mirror(), before, "nothing has written it");
}
