//! What a worker does before its first sync.

use super::*;

#[tokio::test(start_paused = true)]
async fn mirrors_that_a_restore_of_etcd_brings_back_do_not_wait_for_the_first_sync() {
    let world = World::new(1, DeletionPolicy::Retain, false).await;
    // Another worker has synced right before.
    world.pace.polls(world.env.clock.elapsed(), true);
    let restore = async {
        world.env.clock.sleep_until(second(10)).await;
        world.touched(Some(owners()));
        world.lists();
        assert_eq!(world.owned(), 1);
    };
    tokio::join!(restore, world.lives(30, None));
    assert_eq!(world.env.together.asked(), []);
    assert_eq!(world.owned(), 0);
}
