//! What a poll lists, and when.

use super::*;
use crate::{
    sync::stale::mark_all_stale,
    testing::{CLUSTER, cluster::Call, some},
    together::wire::state,
};

#[tokio::test]
async fn the_first_poll_lists_all_and_the_next_ones_what_is_open() {
    let mut world = World::new();
    world.api().state().items = vec![item(1, "RUNNING"), item(2, "SUCCEEDED")];
    let outcome = world.poll().await.unwrap();
    assert!(outcome.full && outcome.note().is_empty());
    assert_eq!((outcome.pages, outcome.summary.created), (1, 2));
    assert_eq!(world.api().asked(), [Asked::Page(Vec::new())]);
    world.env.kube.calls();
    assert!(!world.poll().await.unwrap().full);
    let mut asked = world.api().asked();
    let Some(Asked::Page(states)) = asked.pop() else {
        panic!("no page");
    };
    assert_eq!(asked, [], "one call");
    let open = state::OPEN_REFERENCE.iter().chain(&state::OPEN_NEWER);
    let mut expected: Vec<_> = open.collect();
    expected.sort_unstable();
    assert!(states.iter().eq(expected));
    assert_eq!(world.env.kube.calls(), [], "nothing new");
}

#[tokio::test]
async fn everything_is_listed_again_after_the_full_resync_interval() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    let mut expected = vec![false; 9];
    expected.push(true);
    assert_eq!(world.polls(10).await, expected);
}

#[tokio::test]
async fn sync_now_lists_everything() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    world.sync_state.want_everything_now();
    assert_eq!(world.polls(2).await, [true, false]);
}

#[tokio::test]
async fn full_listings_keep_their_distance_by_the_time_of_the_api_not_by_that_of_the_writes() {
    let mut world = World::new();
    world.api().state().items = running(1..11).collect();
    let clock = world.clock.clone();
    world.env.kube.fail(move |_| {
        clock.advance(MINUTE);
        None
    });
    let outcome = world.poll().await.unwrap();
    assert_eq!(outcome.summary.created, 10, "{outcome:?}");
    assert!(outcome.list.taken.is_zero(), "{outcome:?}");
    assert!(world.sync_state.full_allowed_at() <= world.clock.elapsed());

    let clock = world.clock.clone();
    world.api().state().meanwhile = Some(Box::new(move || clock.advance(MINUTE)));
    world.sync_state.want_everything_now();
    let outcome = world.poll().await.unwrap();
    assert!(outcome.full && outcome.list.taken == MINUTE, "{outcome:?}");
    let ended = world.sync_state.lists.history.last_full.unwrap().ended;
    assert_eq!(world.sync_state.full_allowed_at(), ended + MINUTE * 10);
}

#[tokio::test]
async fn a_poll_costs_as_many_calls_as_it_has_pages() {
    let mut world = World::new();
    world.pages_of(3);
    world.api().state().items = running(0..10).collect();
    let outcome = world.poll().await.unwrap();
    assert_eq!((outcome.pages, outcome.summary.created), (4, 10));
    assert_eq!(world.api().asked().len(), 4);
}

#[tokio::test]
async fn a_restart_writes_nothing() {
    let mut world = World::with([item(1, "RUNNING"), item(2, "FAILED")]).await;
    world.sync_state = SyncState::default();
    world.env.index = Index::new(0);
    for number in 1..3 {
        let object = world.env.kube.object(number).unwrap();
        world.env.index.apply(object);
    }
    world.polls(3).await;
    assert_eq!(world.env.kube.calls(), []);
}

#[tokio::test]
async fn one_deleted_by_hand_comes_back_with_the_poll_that_lists_it() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    world.env.kube.remove(1);
    let namespace = world.target.namespace.clone();
    world.env.index.removed(&namespace, CLUSTER, &id(1), 1_000);
    world.polls(1).await;
    let calls = [Call::Create(id(1)), Call::Status(id(1))];
    assert_eq!(world.env.kube.calls(), calls);
}

#[tokio::test]
async fn an_unknown_state_is_asked_for_by_name_once_met() {
    let mut world = World::with([item(1, "DREAMING")]).await;
    world.poll().await.unwrap();
    let asked = world.api().asked();
    let dreaming = "DREAMING".to_owned();
    assert!(matches!(&asked[..], [Asked::Page(states)] if states.contains(&dreaming)));
}

#[tokio::test]
async fn if_only_final_states_are_selected_every_poll_lists_just_these() {
    let mut world = World::new();
    world.target.states = Some(vec!["FAILED".into()]);
    world.api().state().items = vec![item(1, "FAILED"), item(2, "RUNNING")];
    for _ in 0..12 {
        world.poll().await.unwrap();
    }
    let asked = world.api().asked();
    assert_eq!(asked, vec![Asked::Page(vec!["FAILED".into()]); 12]);
    assert_eq!(world.env.kube.names(), [id(1)]);
}

#[tokio::test]
async fn a_server_without_the_filter_gets_full_listings_and_the_watch_reports_it() {
    for (filter, word) in [(Filter::Ignored, "ignores"), (Filter::Refused, "rejects")] {
        let mut world = World::with([item(1, "RUNNING"), item(2, "SUCCEEDED")]).await;
        world.api().state().filter = filter;
        let first = world.poll().await.unwrap().note();
        assert_eq!(first, "", "{filter:?}: once is not enough");
        let second = world.poll().await.unwrap().note();
        assert!(second.contains(word), "{filter:?}: {second:?}");
        assert_eq!(world.polls(3).await, [true; 3], "{filter:?}");
        let note = world.poll().await.unwrap().note();
        assert!(note.contains(word), "{filter:?}: {note:?}");
        assert!(world.is(1, "Listed", true));
    }
}

#[tokio::test]
async fn a_refused_key_is_left_alone_and_another_one_tried_at_once() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    world.api().state().faults.page = Some((0, Error::Unauthorized));
    let mut calls = Vec::new();
    for _ in 0..8 {
        let error = world.poll().await.unwrap_err();
        assert!(matches!(error, SyncError::Api(Error::Unauthorized)));
        calls.push(world.api().asked().len());
    }
    assert_eq!(calls, [1, 1, 0, 1, 0, 0, 0, 1], "after 1, 2 and 4 minutes");
    world.env.kube.set_key(b"key-2");
    assert!(world.poll().await.is_err());
    assert_eq!(world.api().asked().len(), 1);
    world.api().state().faults.page = None;
    world.env.kube.set_key(b"key-3");
    assert!(world.poll().await.is_ok());
    assert!(world.poll().await.is_ok());
}

#[tokio::test]
async fn an_outage_is_tried_again_at_the_next_interval() {
    let mut world = World::with([item(1, "RUNNING")]).await;
    world.api().state().faults.page = Some((0, unavailable()));
    for _ in 0..3 {
        assert!(world.poll().await.is_err());
        assert_eq!(world.api().asked().len(), 1, "once a poll, never more");
    }
    world.api().state().faults.page = None;
    assert!(world.poll().await.is_ok());
}

#[tokio::test]
async fn without_its_secret_nothing_is_asked() {
    let mut world = World::new();
    world.env.kube = MemoryKubeApi::default();
    let error = world.poll().await.unwrap_err();
    assert!(matches!(error, SyncError::Credentials(_)));
    assert_eq!(world.api().asked(), []);
}

#[tokio::test]
async fn one_that_is_listed_and_cannot_be_read_is_asked_for_by_id_and_gets_stale() {
    let mut world = World::with([item(1, "PENDING"), item(2, "RUNNING")]).await;
    world.api().state().unreadable = vec![id(1)];
    world.api().state().items[0].state = "RUNNING".into();
    let note = world.poll().await.unwrap().note();
    assert!(note.contains("Left out 1"), "{note}");
    assert!(note.contains(&id(1)), "{note}");
    let state = world.env.kube.status(1).state.unwrap();
    assert_eq!(state, "RUNNING", "the call by id shows it");

    world.api().fail_ids(|_| Some(Error::NotFound));
    world.polls(5).await;
    assert!(world.is(1, "Listed", true));
    world.polls(2).await;
    assert!(world.is(1, "Stale", true), "too long unread");
    assert!(world.is(2, "Listed", true));
    world.api().state().unreadable.clear();
    world.polls(1).await;
    assert!(world.is(1, "Listed", true));
}

#[tokio::test]
async fn a_stale_mark_ends_with_a_complete_listing_and_no_sooner() {
    let mut world = World::with(running(1..3)).await;
    world.pages_of(1);
    mark_all_stale(&world.env, &world.target, &mut world.sync_state).await;
    world.env.kube.calls();
    world.api().state().faults.page = Some((1, unavailable()));
    for _ in 0..3 {
        assert!(world.poll().await.is_err());
    }
    assert_eq!(world.env.kube.calls(), []);
    world.api().state().faults.page = None;
    // The calls of those that failed are paid for first.
    world.clock.advance(10 * MINUTE);
    world.poll().await.unwrap();
    assert!(world.is(1, "Listed", true) && world.is(2, "Listed", true));
    let writes = [Call::Status(id(1)), Call::Status(id(2))];
    let mut calls = world.env.kube.calls();
    calls.retain(|call| matches!(call, Call::Status(_)));
    assert_eq!(calls, writes, "one write each");
}

#[tokio::test]
async fn what_a_full_listing_left_out_is_reported_until_the_next_one() {
    let long = Remediation {
        reason: some(&"r".repeat(5000)),
        ..item(1, "SUCCEEDED")
    };
    let mut world = World::new();
    world.api().state().items = vec![long, item(2, "RUNNING")];
    let note = format!("Truncated 1: {} (reason)", id(1));
    for full in [true, false, false] {
        let outcome = world.poll().await.unwrap();
        assert_eq!((outcome.full, outcome.note()), (full, note.clone()));
    }
    world.api().show(item(1, "SUCCEEDED"));
    world.sync_state.want_everything_now();
    assert_eq!(world.poll().await.unwrap().note(), "");
}
