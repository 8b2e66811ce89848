//! A task that panics.

use super::*;
use crate::testing::{id, item, word};

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

#[tokio::test(start_paused = true)]
async fn a_task_that_panicked_once_polls_again() {
    let world = World::new();
    world.api.inner.show(item(1, "RUNNING"));
    world.create("w", None);
    world.pass(30).await;
    assert_eq!(synced(&world), words("True", "Listed"));
    world.api.panics.store(1, Ordering::SeqCst);
    world.pass(30).await;
    assert_eq!(world.api.panics.load(Ordering::SeqCst), 0, "it panicked");
    world.api.inner.asked();
    world.pass(60).await;
    assert_ne!(world.api.inner.asked(), [], "it polls again");
    assert_eq!(world.ready("w"), words("True", "Synced"));
}

#[tokio::test(start_paused = true)]
async fn while_a_task_only_panics_its_clusterwatch_is_not_ready_and_its_mirrors_get_stale() {
    let world = World::new();
    world.api.inner.show(item(1, "RUNNING"));
    world.create("w", None);
    world.pass(30).await;
    world.api.panics.store(usize::MAX, Ordering::SeqCst);
    world.pass(30).await;
    assert_eq!(world.ready("w"), words("False", "InternalError"));
    assert_eq!(synced(&world), words("True", "Listed"), "it is still fresh");
    world.pass(200).await;
    assert_eq!(synced(&world), words("Unknown", "Stale"));
    world.api.panics.store(0, Ordering::SeqCst);
    world.pass(600).await;
    assert_eq!(world.ready("w"), words("True", "Synced"));
    assert_eq!(synced(&world), words("True", "Listed"));
}
