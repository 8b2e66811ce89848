//! What could not be written is not forgotten.

use super::*;
use crate::{
    k8s::error::KubeApiError,
    mirror::labels::{FlagLabels, Labels},
    sync::{observer::Observer, owners::adopt, stale::mark_some_stale, write::rounds::Rounds},
    testing::cluster::Call,
};

fn refuse(world: &World, refused: impl Fn(&Call) -> bool + Send + 'static) {
    let error = KubeApiError::Refused("exceeded quota".into());
    let fault = move |call: &Call| refused(call).then(|| error.clone());
    world.env.kube.fail(fault);
}

#[tokio::test]
async fn an_ended_one_that_was_refused_is_listed_again_soon_and_nothing_is_synced_before() {
    let mut world = World::new();
    world.api().state().items = [item(1, "RUNNING"), item(2, "SUCCEEDED")].into();
    let ended = |call: &Call| matches!(call, Call::Create(name) if *name == id(2));
    refuse(&world, ended);
    world.poll().await.unwrap();
    let unwritten = world.sync_state.unwritten().unwrap();
    assert!(unwritten.contains("exceeded quota"), "{unwritten}");
    refuse(&world, |_| false);
    assert_eq!(world.polls(2).await, [true, false]);
    assert_eq!(world.env.kube.names(), [id(1), id(2)]);
    assert_eq!(world.sync_state.unwritten(), None);
}

#[tokio::test]
async fn a_lasting_refusal_costs_few_full_listings_and_a_short_one_does_not_end_it() {
    let mut world = World::new();
    world.api().state().items = [item(2, "SUCCEEDED")].into();
    refuse(&world, |call| matches!(call, Call::Create(_)));
    let polls = world.polls(20).await;
    let full: Vec<_> = (0..polls.len()).filter(|poll| polls[*poll]).collect();
    assert_eq!(full, [0, 1, 3, 7, 15]);
    assert!(world.sync_state.unwritten().is_some());
}

#[tokio::test]
async fn an_open_one_that_cannot_be_written_is_marked() {
    let mut world = World::with([item(1, "PENDING"), item(2, "PENDING")]).await;
    for number in [1, 2] {
        world.api().show(item(number, "RUNNING"));
    }
    let broken = |call: &Call| matches!(call, Call::Status(name) if *name == id(1));
    refuse(&world, broken);
    world.poll().await.unwrap();
    refuse(&world, |_| false);
    let some = (Duration::MAX, true);
    mark_some_stale(&world.env, &world.target, &mut world.sync_state, some).await;
    assert!(world.is(1, "Stale", true), "{:?}", world.stands(1));
    assert!(world.is(2, "Listed", true));
    world.poll().await.unwrap();
    assert!(world.is(1, "Listed", true));
    assert_eq!(world.env.kube.status(1).state.unwrap(), "RUNNING");
    assert_eq!(world.sync_state.unwritten(), None);
}

#[tokio::test]
async fn those_after_slow_refusals_get_their_labels_though_the_time_of_a_round_is_over() {
    let mut world = World::with(running(0..20)).await;
    world.target.labels = Labels::of("another", FlagLabels::default());
    let clock = world.clock.clone();
    refuse(&world, move |call| {
        let slow = matches!(call, Call::Patch(name) if *name < id(16));
        if slow {
            clock.advance(MINUTE / 2);
        }
        slow
    });
    let (observer, mut rounds) = (Observer::default(), Rounds::default());
    let mut left = 20;
    for _ in 0..3 {
        let until = world.env.clock.elapsed() + MINUTE;
        let adoption = adopt(&world.env, &world.target, &observer, &mut rounds, until).await;
        left = adoption.left;
    }
    assert_eq!(left, 16);
}
