//! The signs of life that a poll gives to the watchdog.

use super::*;
use crate::{health::liveness::Watchdog, sync::stale::mark_all_stale};

const STALL_TIMEOUT: Duration = Duration::from_secs(300);

/// A mirrored watch, long after its last sign of life.
async fn silent() -> (World, Watchdog) {
    let mut world = World::with(running(1..3)).await;
    let watchdog = Watchdog::new(world.clock.clone(), STALL_TIMEOUT);
    world.sync_state.observer.heartbeat = watchdog.enroll("gpu-ops", "training");
    world.clock.advance(STALL_TIMEOUT * 2);
    assert!(watchdog.stalled().is_some());
    (world, watchdog)
}

#[tokio::test]
async fn a_page_is_a_sign_of_life() {
    let (mut world, watchdog) = silent().await;
    world.poll().await.unwrap();
    assert_eq!(world.env.kube.calls(), []);
    assert_eq!(watchdog.stalled(), None);
}

#[tokio::test]
async fn a_finished_write_is_a_sign_of_life() {
    let (mut world, watchdog) = silent().await;
    mark_all_stale(&world.env, &world.target, &mut world.sync_state).await;
    assert_eq!(watchdog.stalled(), None);
}

#[tokio::test]
async fn an_answer_by_id_is_a_sign_of_life_however_long_it_took() {
    let (mut world, watchdog) = silent().await;
    world.api().hide(&id(2));
    let clock = world.clock.clone();
    world.api().fail_ids(move |_| {
        clock.advance(STALL_TIMEOUT * 2);
        None
    });
    world.poll().await.unwrap();
    assert!(!world.questions().is_empty());
    assert_eq!(watchdog.stalled(), None);
}

#[tokio::test]
async fn a_poll_without_an_answer_gives_none() {
    let (mut world, watchdog) = silent().await;
    world.api().state().faults.page = Some((0, unavailable()));
    world.poll().await.unwrap_err();
    assert!(watchdog.stalled().is_some());
}
