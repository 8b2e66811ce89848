//! How often the API is called by `ClusterWatches` that come and go.

use super::*;

const TEN_MINUTES: u64 = 600;

/// A world of one open remediation.
fn world() -> World {
    let world = World::new();
    world.api.inner.show(item(1, "RUNNING"));
    world
}

async fn healthy() -> usize {
    let world = world();
    world.create("w", None);
    world.pass(TEN_MINUTES).await;
    world.api.inner.asked().len()
}

#[tokio::test(start_paused = true)]
async fn one_that_is_deleted_and_created_in_a_loop_costs_no_more_calls_than_a_healthy_one() {
    let world = world();
    for _ in 0..TEN_MINUTES / 5 {
        world.create("w", None);
        world.pass(5).await;
        world.delete("w");
    }
    let (calls, healthy) = (world.api.inner.asked().len(), healthy().await);
    assert!(calls <= healthy, "{calls} calls; a healthy one: {healthy}");
}

#[tokio::test(start_paused = true)]
async fn pauses_in_a_row_cost_no_more_calls_than_a_healthy_one() {
    let world = world();
    world.create("w", None);
    for _ in 0..TEN_MINUTES / 5 {
        world.registry.pause().await;
        world.reconcile();
        world.pass(5).await;
    }
    let (calls, healthy) = (world.api.inner.asked().len(), healthy().await);
    assert!(calls <= healthy, "{calls} calls; a healthy one: {healthy}");
}
