//! What becomes of open mirrors that the API no longer lists.

use super::*;
use crate::{
    api::remediation::RemediationStatus,
    mirror::{name::object_name, status::Synced},
    sync::{
        schedule::most_questions,
        stale::{mark_all_stale, mark_some_stale},
        write::queue::WriteSummary,
    },
    testing::{CLUSTER, NAMESPACE, cluster::Call},
};

fn one(number: u64, instance: Option<&str>) -> Asked {
    Asked::One(instance.map(str::to_owned), id(number))
}

#[tokio::test]
async fn two_polls_must_find_nothing_under_an_id_that_can_be_asked_for() {
    let mut world = World::with(running(1..3)).await;
    world.api().hide(&id(1));
    world.poll().await.unwrap();
    let instance = Some("instance-1");
    assert_eq!(
        world.questions(),
        [one(2, instance), one(1, instance), one(1, None)],
        "one that was listed shows first that the call works"
    );
    assert!(world.is(1, "Listed", true), "{:?}", world.stands(1));
    assert_eq!(world.env.kube.calls(), []);
    world.poll().await.unwrap();
    assert_eq!(world.questions(), [one(1, instance), one(1, None)]);
    assert!(world.is(1, "NotFound", false), "{:?}", world.stands(1));
    assert!(world.is(2, "Listed", true));
    world.env.kube.calls();
    world.polls(3).await;
    assert_eq!(world.env.kube.calls(), [], "marked once");
    assert_eq!(world.questions(), []);
}

#[tokio::test]
async fn one_found_under_another_instance_is_not_gone() {
    let mut world = World::with(running(1..3)).await;
    world.api().hide(&id(1));
    let moved = Remediation {
        instance_id: Some("instance-2".into()),
        ..item(1, "RUNNING")
    };
    world.api().state().unlisted.push(moved);
    world.polls(4).await;
    assert!(world.is(1, "Listed", true));
    let instance = world.env.kube.status(1).instance_id;
    assert_eq!(instance.unwrap(), "instance-2");
}

#[tokio::test]
async fn one_that_finished_is_asked_for_and_gets_its_end_in_the_same_poll() {
    let mut world = World::with(running(1..3)).await;
    world.api().show(item(1, "SUCCEEDED"));
    let outcome = world.poll().await.unwrap();
    assert!(!outcome.full);
    assert!(world.is(1, "Final", false), "{:?}", world.stands(1));
    world.api().asked();
    world.poll().await.unwrap();
    assert_eq!(world.questions(), [], "a final one is never asked for");
}

#[tokio::test]
async fn a_final_one_is_kept_when_the_api_forgets_it() {
    let mut world = World::with([item(1, "FAILED"), item(2, "RUNNING")]).await;
    world.api().hide(&id(1));
    for _ in 0..25 {
        world.poll().await.unwrap();
    }
    assert_eq!(world.questions(), []);
    assert!(world.is(1, "Final", false));
    assert_eq!(world.env.kube.calls(), []);
}

#[tokio::test]
async fn where_ids_cannot_be_asked_for_two_full_listings_must_lack_it() {
    let mut world = World::with(running(1..3)).await;
    world.api().fail_ids(|_| Some(Error::NotFound));
    world.api().hide(&id(1));
    assert_eq!(world.polls(1).await, [false]);
    assert_eq!(world.polls(1).await, [true], "a full listing comes sooner");
    assert!(world.is(1, "Listed", true), "{:?}", world.stands(1));
    assert_eq!(world.polls(1).await, [true]);
    assert!(world.is(1, "NotListed", false), "{:?}", world.stands(1));
    assert!(world.is(2, "Listed", true));
}

#[tokio::test]
async fn one_listing_that_shows_it_starts_the_proof_over() {
    let mut world = World::with(running(1..3)).await;
    world.api().fail_ids(|_| Some(Error::NotFound));
    for _ in 0..3 {
        world.api().hide(&id(1));
        world.polls(2).await;
        world.api().show(item(1, "RUNNING"));
        world.polls(1).await;
    }
    assert!(world.is(1, "Listed", true));
    assert_eq!(world.env.kube.calls(), []);
}

#[tokio::test]
async fn an_unreadable_item_may_be_the_missing_one() {
    let mut world = World::with(running(1..3)).await;
    world.api().fail_ids(|_| Some(Error::NotFound));
    world.api().hide(&id(1));
    world.api().state().unnamed = 1;
    world.polls(4).await;
    assert!(world.is(1, "Listed", true), "{:?}", world.stands(1));
    world.api().state().unnamed = 0;
    for _ in 0..2 {
        world.sync_state.want_everything_now();
        world.polls(1).await;
    }
    assert!(world.is(1, "NotListed", false), "{:?}", world.stands(1));
}

#[tokio::test]
async fn the_404_of_an_id_that_a_proxy_may_misread_proves_nothing() {
    let odd = Remediation {
        id: "rack/7".into(),
        ..item(1, "RUNNING")
    };
    let mut world = World::with([odd, item(2, "RUNNING")]).await;
    world.api().hide("rack/7");
    let name = object_name(&world.target.cluster, "rack/7");
    let reason = |world: &World| {
        let mirror = world.env.index.get(NAMESPACE, &name).unwrap();
        mirror.lifecycle.synced
    };
    let mut full = 0;
    for _ in 0..6 {
        let before = reason(&world);
        full += u32::from(world.poll().await.unwrap().full);
        assert!(world.sync_state.lists.absences.trusts_ids());
        let proven = reason(&world) == Synced::NotListed;
        assert_eq!(proven, full >= 2, "{before:?} after {full} full listings");
    }
    assert!(full >= 2, "full listings come sooner");
}

#[tokio::test]
async fn a_403_marks_it_forbidden_and_it_stays_open() {
    let mut world = World::with(running(1..3)).await;
    world.api().hide(&id(1));
    let forbidden = |asked: &str| (asked == id(1)).then_some(Error::Forbidden);
    world.api().fail_ids(forbidden);
    world.polls(1).await;
    assert!(world.is(1, "Listed", true));
    world.polls(1).await;
    assert!(world.is(1, "Forbidden", true), "{:?}", world.stands(1));
    world.env.kube.calls();
    world.polls(12).await;
    assert_eq!(world.env.kube.calls(), [], "neither again nor stale");
}

#[tokio::test]
async fn one_that_comes_back_is_open_again() {
    let mut world = World::with(running(1..3)).await;
    world.api().hide(&id(1));
    world.polls(2).await;
    assert!(world.is(1, "NotFound", false));
    let before = world.env.kube.status(1).transitions;
    world.api().show(item(1, "RUNNING"));
    world.polls(1).await;
    assert!(world.is(1, "Listed", true));
    assert_eq!(world.env.kube.status(1).transitions, before);
}

#[tokio::test]
async fn many_that_vanish_at_once_want_two_full_listings() {
    let mut world = World::with(running(1..41)).await;
    for number in 1..13 {
        world.api().hide(&id(number));
    }
    assert_eq!(world.polls(1).await, [false]);
    for listing in ["first", "second"] {
        assert_eq!(world.env.kube.calls(), [], "before the {listing} one");
        assert_eq!(world.polls(1).await, [true]);
    }
    let gone = |world: &World| {
        let gone = (1..13).filter(|number| world.is(*number, "NotFound", false));
        gone.count()
    };
    assert!(gone(&world) > 0);
    world.polls(12).await;
    assert_eq!(gone(&world), 12);
    assert!((13..41).all(|number| world.is(number, "Listed", true)));
}

#[tokio::test]
async fn a_server_that_shows_nothing_for_a_while_changes_nothing() {
    let mut world = World::with(running(1..41)).await;
    world.api().fail_ids(|_| Some(Error::NotFound));
    let items = std::mem::take(&mut world.api().state().items);
    world.polls(2).await;
    world.api().state().items = items;
    world.polls(3).await;
    assert_eq!(world.env.kube.calls(), []);
}

#[tokio::test]
async fn questions_are_bounded_and_a_full_listing_decides_the_rest() {
    let mut world = World::with(running(1..41)).await;
    world.api().hide(&id(1));
    world.polls(3).await;
    for number in 2..8 {
        world.api().hide(&id(number));
    }
    world.questions();
    world.poll().await.unwrap();
    let questions = world.questions().len();
    assert_eq!(questions, most_questions(1), "two for each of five");
    assert_eq!(world.polls(1).await, [true], "a sixth was not asked for");
}

#[tokio::test]
async fn one_that_cannot_be_asked_for_holds_up_the_others_for_one_poll_only() {
    let mut world = World::with(running(1..6)).await;
    for number in [1, 2, 3] {
        world.api().hide(&id(number));
    }
    let failing = |asked: &str| (asked == id(1)).then(unavailable);
    world.api().fail_ids(failing);
    world.polls(4).await;
    assert!(world.is(1, "Listed", true), "{:?}", world.stands(1));
    for number in [2, 3] {
        assert!(world.is(number, "NotFound", false), "{number}");
    }
    world.questions();
    world.poll().await.unwrap();
    let still = [one(1, Some("instance-1"))];
    assert_eq!(world.questions(), still, "it is asked for still");
}

#[tokio::test]
async fn a_listing_that_fails_in_the_middle_mirrors_what_came_and_marks_nothing() {
    let mut world = World::with(running(1..5)).await;
    world.pages_of(2);
    world.api().hide(&id(1));
    world.api().show(item(2, "PENDING"));
    world.api().state().items.rotate_right(1);
    world.api().state().faults.page = Some((1, unavailable()));
    for _ in 0..5 {
        let error = world.poll().await.unwrap_err();
        assert!(matches!(error, SyncError::Api(Error::Unavailable { .. })));
    }
    assert_eq!(world.questions(), []);
    assert_eq!(world.env.kube.status(2).state.unwrap(), "PENDING");
    assert!((1..5).all(|number| world.is(number, "Listed", true)));
}

#[tokio::test]
async fn a_listing_that_fails_carries_no_proof_on() {
    let mut world = World::with(running(1..3)).await;
    world.api().hide(&id(1));
    world.polls(1).await;
    world.questions();
    world.api().state().faults.page = Some((0, unavailable()));
    for _ in 0..5 {
        assert!(world.poll().await.is_err());
    }
    assert_eq!(world.questions(), []);
    assert!(world.is(1, "Listed", true), "{:?}", world.stands(1));
    world.api().state().faults.page = None;
    world.polls(1).await;
    assert!(world.is(1, "NotFound", false), "{:?}", world.stands(1));
}

#[tokio::test]
async fn one_that_is_missing_becomes_stale_also_while_listings_fail() {
    let mut world = World::with(running(1..3)).await;
    world.lose(1);
    world.polls(1).await;
    let missing = Duration::from_secs(61);
    let mut marked = async |stale| {
        let some = (stale, false);
        let summary = mark_some_stale(&world.env, &world.target, &mut world.sync_state, some).await;
        assert!(world.is(2, "Listed", true));
        (summary.updated, world.is(1, "Stale", true))
    };
    assert_eq!(marked(missing).await, (0, false));
    assert_eq!(marked(Duration::from_secs(59)).await, (1, true));
}

#[tokio::test]
async fn one_without_an_answer_becomes_stale_and_fresh_again_by_one_write_each() {
    let mut world = World::with(running(1..3)).await;
    world.lose(1);
    world.polls(5).await;
    assert!(world.is(1, "Listed", true), "confirmed five minutes ago");
    world.polls(1).await;
    assert!(world.is(1, "Stale", true), "{:?}", world.stands(1));
    world.env.kube.calls();
    world.polls(5).await;
    assert_eq!(world.env.kube.calls(), []);
    world.api().show(item(1, "RUNNING"));
    world.polls(1).await;
    assert!(world.is(1, "Listed", true));
    let mut calls = world.env.kube.calls();
    calls.retain(|call| *call != Call::Get(id(1)));
    assert_eq!(calls, [Call::Status(id(1))]);
}

#[tokio::test]
async fn all_open_ones_are_marked_stale_once() {
    let items = [item(1, "RUNNING"), item(2, "FAILED"), item(3, "PENDING")];
    let mut world = World::with(items).await;
    let marked = mark_all_stale(&world.env, &world.target, &mut world.sync_state).await;
    assert_eq!(marked.updated, 2);
    let again = mark_all_stale(&world.env, &world.target, &mut world.sync_state).await;
    assert_eq!(again, WriteSummary::default());
    assert!(world.is(1, "Stale", true) && world.is(2, "Final", false));
    assert_eq!(world.poll().await.unwrap().summary.updated, 2);
    assert!(world.is(1, "Listed", true));
}

#[tokio::test]
async fn one_that_waits_for_its_first_status_says_so_and_is_not_called_stale() {
    let mut world = World::new();
    let planted = world.env.kube.plant(1, CLUSTER);
    world.env.index.apply(planted);
    let marked = mark_all_stale(&world.env, &world.target, &mut world.sync_state).await;
    assert_eq!(marked, WriteSummary::default());
    let reason = |status: &RemediationStatus| word(&status.conditions, "Synced").1.to_owned();
    assert_eq!(reason(&world.env.kube.status(1)), "Pending");
}

#[tokio::test]
async fn a_listing_that_takes_too_long_marks_what_it_has_not_confirmed() {
    let mut world = World::with(running(1..3)).await;
    world.sync_state.lists.stale_at = Some(world.clock.elapsed() + MINUTE * 2);
    world.polls(1).await;
    assert!(world.is(1, "Listed", true), "it is not due yet");
    world.polls(1).await;
    assert!(world.is(1, "Stale", true), "{:?}", world.stands(1));
    world.polls(1).await;
    assert!(world.is(1, "Listed", true), "{:?}", world.stands(1));
}

#[tokio::test]
async fn one_that_has_left_is_stale_from_the_last_listing_that_showed_it() {
    let mut world = World::with(running(1..3)).await;
    world.lose(1);
    world.clock.advance(MINUTE * 5);
    world.polls(1).await;
    assert!(world.is(1, "Stale", true), "{:?}", world.stands(1));
}

#[tokio::test]
async fn a_mirror_that_the_first_list_of_a_worker_lacks_is_stale_and_not_gone() {
    let mut world = World::with(running(1..3)).await;
    world.api().hide(&id(1));
    // An operator that crashes again and again never has a second list.
    for _ in 0..3 {
        world.sync_state = SyncState::default();
        world.polls(1).await;
        assert!(world.is(1, "Stale", true), "it is unknown since when");
        assert!(world.is(2, "Listed", true));
    }
    world.polls(1).await;
    assert!(world.is(1, "NotFound", false));
}

#[tokio::test]
async fn many_mirrors_that_the_first_list_of_a_worker_lacks_are_stale_after_the_second() {
    let mut world = World::with(running(1..13)).await;
    (1..12).for_each(|number| world.lose(number));
    world.sync_state = SyncState::default();
    world.polls(1).await;
    assert!(world.is(1, "Listed", true), "one list may be a hiccup");
    world.api().fail_ids(|_| Some(unavailable()));
    world.polls(1).await;
    assert!(world.is(1, "Stale", true));
}
