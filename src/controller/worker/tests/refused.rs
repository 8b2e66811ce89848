//! Forty mirrors that the API server refuses to change, and ten after them.

use super::*;

/// Fifty mirrors. The API server refuses those of `calls` that change one of the first forty.
async fn world(calls: fn(&Call) -> Option<&String>) -> World {
    let world = World::new(50, DeletionPolicy::Retain, true).await;
    world.cluster.fail(move |call| {
        let refused = calls(call).is_some_and(|name| *name < id(40));
        refused.then(|| KubeApiError::Refused("by a policy".into()))
    });
    world
}

#[tokio::test(start_paused = true)]
async fn those_after_many_that_are_refused_get_their_owners() {
    let world = world(|call| match call {
        Call::Patch(name) => Some(name),
        _ => None,
    })
    .await;
    world.lives(60, Some(ReadyState::Suspended)).await;
    assert_eq!(world.owned(), 40);
}

#[tokio::test(start_paused = true)]
async fn those_after_many_that_are_refused_get_stale() {
    let world = world(|call| match call {
        Call::Status(name) => Some(name),
        _ => None,
    })
    .await;
    // They are stale after 300 s, and are tried again with the next heartbeat.
    world.lives(700, Some(ReadyState::Suspended)).await;
    let is_stale = |number: &u64| {
        let status = world.cluster.status(*number);
        word(&status.conditions, "Synced") == ("Unknown", "Stale")
    };
    let stale: Vec<u64> = (0..50).filter(is_stale).collect();
    assert_eq!(stale, (40..50).collect::<Vec<_>>());
}
