//! What the status counts.

use super::*;

/// The worker lives on while the mirrors change.
#[tokio::test(start_paused = true)]
async fn the_status_counts_the_mirrors_as_they_are_after_each_sync() {
    let world = World::new(0, DeletionPolicy::Retain, false).await;
    world.cluster.set_key(b"key-1");
    world.env.together.show(item(0, "RUNNING"));
    let counted = || {
        let counts = world.status().remediations.unwrap();
        (counts.total, counts.open, counts.failed_nodes)
    };
    let clock = world.env.clock.clone();
    let changes = async {
        clock.sleep_until(second(30)).await;
        assert_eq!(counted(), (1, 1, 0));
        world.env.together.show(item(0, "FAILED"));
        clock.sleep_until(second(130)).await;
        assert_eq!(counted(), (1, 0, 1));
        world.env.together.show(item(1, "PENDING"));
        clock.sleep_until(second(230)).await;
        // The latest remediation of the node has not failed.
        assert_eq!(counted(), (2, 1, 0));
    };
    tokio::join!(world.lives(240, None), changes);
}
