//! Pages that fail are asked for again, and that is paid for.

use super::*;

/// A `ClusterWatch` with one remediation on each of that many pages, listed once in full and once by open states.
async fn paged(pages: u64) -> World {
    let mut world = World::new();
    world.pages_of(1);
    world.api().state().items = running(0..pages).collect();
    world.polls(2).await;
    world.api().asked();
    world
}

#[tokio::test(start_paused = true)]
async fn a_page_that_fails_once_costs_one_call_more_and_a_longer_wait() {
    let mut world = paged(3).await;
    for (hiccups, calls, rest) in [
        (vec![], 3, Duration::ZERO),
        (vec![1], 4, MINUTE * 2),
        (vec![0, 1, 1, 2], 7, MINUTE * 3),
    ] {
        let hiccups = hiccups.into_iter().map(|page| (page, unavailable()));
        world.api().state().faults.hiccups = hiccups.collect();
        let outcome = world.poll().await.unwrap();
        assert_eq!((outcome.pages, world.api().asked().len()), (3, calls));
        let after = world.sync_state.lists.history.rest;
        assert_eq!(after, rest, "{calls} calls");
    }
}

#[tokio::test(start_paused = true)]
async fn repeated_calls_and_questions_by_id_have_one_allowance() {
    for (hiccups, questions) in [(0, 10), (3, 7)] {
        let mut world = paged(40).await;
        for number in 3..40 {
            world.api().hide(&id(number));
        }
        world.api().state().faults.hiccups =
            (0..hiccups).map(|page| (page, unavailable())).collect();
        world.poll().await.unwrap();
        let asked = world.api().asked();
        let pages = asked.iter().filter(|asked| matches!(asked, Asked::Page(_)));
        assert_eq!(pages.count(), 3 + hiccups);
        assert_eq!(asked.len(), 3 + hiccups + questions);
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_of_a_long_listing_is_met_by_three_calls_and_then_by_one_a_poll() {
    let mut world = paged(3).await;
    world.api().state().faults.page = Some((0, unavailable()));
    let mut calls = Vec::new();
    for _ in 0..4 {
        assert!(world.poll().await.is_err());
        calls.push(world.api().asked().len());
    }
    assert_eq!(calls, [3, 1, 1, 1]);
    world.api().state().faults.page = None;
    world.poll().await.unwrap();
    world.api().asked();
    world.api().state().faults.hiccups = vec![(0, unavailable())];
    assert!(world.poll().await.is_ok(), "it is asked again once more");
}
