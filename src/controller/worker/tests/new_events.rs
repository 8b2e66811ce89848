//! Which remediations get Events as new ones, and which are history, if the clocks differ.

use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::*;
use crate::{
    events::{Events, Kept},
    together::{Moment, Remediation},
};

const HOUR: i64 = 3600;
const DAY: i64 = 24 * HOUR;

/// A world whose Events are kept. The node's clock is this many seconds ahead of the API's.
async fn world(ahead: i64) -> (World, Kept) {
    let mut world = World::new(0, DeletionPolicy::Delete, false).await;
    let (events, kept) = Events::kept();
    Arc::get_mut(&mut world.env).unwrap().events = events;
    world.cluster.set_key(b"key-1");
    let clock = world.env.clock.clone();
    let ahead = SignedDuration::from_secs(ahead);
    let dated = move || (clock.now() - ahead, Moment::of(&*clock));
    world.env.together.date(dated);
    (world, kept)
}

/// One that waits for approval, created this many seconds before `now`.
fn waiting(number: u64, now: Timestamp, ago: i64) -> Remediation {
    let created = timestamp::seconds(now - SignedDuration::from_secs(ago));
    Remediation {
        create_time: crate::testing::some(&created),
        ..item(number, "PENDING_APPROVAL")
    }
}

/// The numbers of the remediations with an Event that they await approval.
fn announced(kept: &mut Kept) -> Vec<u64> {
    let mut names = Vec::new();
    while let Ok((of, event)) = kept.try_recv() {
        if event.reason == Reason::AwaitingApproval && of.kind.as_deref() == Some("Remediation") {
            names.extend(of.name);
        }
    }
    (0..10)
        .filter(|number| names.contains(&id(*number)))
        .collect()
}

/// The first sync after a restart or an edit, at which the status records a sync this many seconds `ago` by the node's
/// clock.
async fn after_a_restart(ahead: i64, ago: i64) -> Vec<u64> {
    let (world, mut kept) = world(ahead).await;
    let now = world.env.clock.now();
    let api = now - SignedDuration::from_secs(ahead);
    for (number, ago) in [(1, 600), (2, 30), (3, -10)] {
        world.env.together.show(waiting(number, api, ago));
    }
    let mut watch = world.cluster.watches().remove(0);
    let synced = timestamp::seconds(now - SignedDuration::from_secs(ago));
    watch.status = Some(ClusterWatchStatus {
        last_sync_time: Some(synced),
        ..ClusterWatchStatus::default()
    });
    world.cluster.put_watch(watch);
    world.lives(5, None).await;
    assert_eq!(world.cluster.names().len(), 3);
    announced(&mut kept)
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_those_created_since_the_last_sync_get_events_whatever_the_clocks_show() {
    for (ahead, ago, expected) in [
        (0, 60, &[2, 3][..]),
        (HOUR, 60, &[2, 3]),
        (-HOUR, 60, &[2, 3]),
        (3 * DAY, 60, &[2, 3]),
        (-3 * DAY, 60, &[2, 3]),
        // The last sync was recorded by a clock that has been set back since.
        (0, -3 * DAY, &[3]),
        (HOUR, -HOUR, &[3]),
    ] {
        let numbers = after_a_restart(ahead, ago).await;
        assert_eq!(numbers, expected, "{ahead} s ahead, synced {ago} s ago");
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_first_list_new_ones_get_events_whatever_the_clocks_show() {
    for ahead in [0, HOUR, 3 * DAY, -3 * DAY] {
        let (world, mut kept) = world(ahead).await;
        let api = world.env.clock.now() - SignedDuration::from_secs(ahead);
        world.env.together.show(waiting(1, api, 30));
        let created = async {
            world.env.clock.sleep_until(second(30)).await;
            world.env.together.show(waiting(2, api, -30));
            world.env.together.show(waiting(3, api, 600));
        };
        tokio::join!(created, world.lives(90, None));
        assert_eq!(world.cluster.names().len(), 3);
        assert_eq!(announced(&mut kept), [2], "{ahead} s ahead");
    }
}
