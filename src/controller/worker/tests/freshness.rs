//! Until when mirrors count as confirmed.

use k8s_openapi::jiff::SignedDuration;

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

/// The status of an open mirror that the first list of a new worker lacks, `ago` seconds after the sync that the status
/// of its `ClusterWatch` records.
async fn first_list_without_it(ago: i64) -> (String, String) {
    let world = World::new(2, DeletionPolicy::Delete, false).await;
    world.cluster.set_key(b"key-1");
    world.env.together.show(item(1, "RUNNING"));
    world.env.clock.sleep_until(second(3600)).await;
    let mut watch = world.cluster.watches().remove(0);
    let synced = world.env.clock.now() - SignedDuration::from_secs(ago);
    watch.status = Some(ClusterWatchStatus {
        last_sync_time: Some(timestamp::seconds(synced)),
        ..ClusterWatchStatus::default()
    });
    world.cluster.put_watch(watch);
    world.lives(5, None).await;
    let status = world.cluster.object(0).unwrap().status.unwrap();
    let (status, reason) = word(&status.conditions, "Synced");
    (status.to_owned(), reason.to_owned())
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_of_the_operator_a_mirror_that_the_first_list_lacks_is_stale_at_once() {
    let [fresh, stale] = [("True", "Listed"), ("Unknown", "Stale")]
        .map(|(status, reason)| (status.to_owned(), reason.to_owned()));
    // Open mirrors are stale after 300 s. The status may lag behind by as much.
    assert_eq!(first_list_without_it(120).await, fresh);
    assert_eq!(first_list_without_it(1200).await, stale);
}
