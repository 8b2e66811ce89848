//! Until when mirrors count as confirmed.

use super::*;
use crate::together::{Error, TransportError};

#[tokio::test(start_paused = true)]
async fn mirrors_are_confirmed_as_of_the_end_of_the_list_and_not_of_its_sync() {
    let world = World::new(2, DeletionPolicy::Delete, false).await;
    let together = &world.env.together;
    world.cluster.set_key(b"key-1");
    together.show(item(0, "RUNNING"));
    // The other one is missing from the list, and the request by id takes 90 s.
    together.state().one_takes = Duration::from_secs(90);
    let unavailable = Error::Unavailable {
        cause: TransportError::Status(500),
        retry_after: None,
    };
    let failing = async {
        world.env.clock.sleep_until(second(80)).await;
        together.state().faults.page = Some((0, unavailable));
        // The sync ended after 90 s, but its list at once: open mirrors are stale after 300 s.
        world.env.clock.sleep_until(second(370)).await;
        let status = world.cluster.object(0).unwrap().status.unwrap();
        assert_eq!(word(&status.conditions, "Synced"), ("Unknown", "Stale"));
        let last = timestamp::read(world.status().last_sync_time.as_deref()).unwrap();
        let age = world.env.clock.now().duration_since(last);
        assert!(age.as_secs() >= 360, "{age:#}");
    };
    tokio::join!(failing, world.lives(375, None));
}
