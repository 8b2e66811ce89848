//! What polls find out about how the API understands them.

use k8s_openapi::jiff::SignedDuration;

use super::*;
use crate::{
    controller::status::reason::Failure,
    testing::{CLUSTER, some},
    together::Moment,
};

/// The states of the last listing that was asked for, in one call.
fn states(world: &World) -> Vec<String> {
    let mut asked = world.api().asked();
    asked.retain(|asked| matches!(asked, Asked::Page(_)));
    match asked.pop() {
        Some(Asked::Page(states)) => states,
        other => panic!("{other:?}"),
    }
}

/// A world that has mirrored this item, and whose API honors only the first requested state. `skew`: how far the API's
/// clock is ahead; `None`: it sends no time.
async fn partial(item: Remediation, skew: Option<SignedDuration>) -> World {
    let mut world = World::new();
    if let Some(skew) = skew {
        let clock = world.clock.clone();
        world.api().date(move || {
            let now = Moment::of(&*clock);
            (now.day + skew, now)
        });
    }
    world.api().state().items = vec![item];
    world.poll().await.unwrap();
    world.api().state().filter = Filter::First;
    world
}

#[tokio::test]
async fn a_server_that_takes_only_the_first_of_the_states_is_found_out() {
    let mut world = partial(item(1, "RUNNING"), IN_STEP).await;
    world.polls(2).await;
    world.api().show(item(2, "PENDING_APPROVAL"));
    world.polls(1).await;
    assert!(
        world.env.kube.names().contains(&id(2)),
        "the approval is not mirrored before a full listing"
    );
}

/// The API's clock is known and shows the same as ours.
const IN_STEP: Option<SignedDuration> = Some(SignedDuration::ZERO);

#[tokio::test]
async fn the_filter_is_blamed_only_for_what_a_listing_should_contain() {
    // The first listing of open states begins at 10:02 by our clock.
    let (before, late) = (Some("2026-11-23T09:30:00Z"), Some("2026-11-23T09:59:00Z"));
    let behind = Some(SignedDuration::from_mins(-10));
    // The case of the only remediation that short listings lack, how far the API's clock is ahead, when it was updated,
    // how many items have no readable id, and whether the filter is blamed.
    for (case, skew, updated, unnamed, found) in [
        ("it is lacked", IN_STEP, before, 0, true),
        ("the API's clock is not known", None, before, 0, false),
        (
            "by the API's clock it changed later",
            behind,
            late,
            0,
            false,
        ),
        ("it is unknown when it changed", IN_STEP, None, 0, false),
        ("any item may be it", IN_STEP, before, 1, false),
    ] {
        let remediation = Remediation {
            update_time: updated.and_then(some),
            ..item(1, "RUNNING")
        };
        let mut world = partial(remediation, skew).await;
        world.api().state().unnamed = unnamed;
        world.polls(3).await;
        let note = world.poll().await.unwrap().note();
        assert_eq!(note.contains("commas"), found, "{case}: {note}");
    }
}

#[tokio::test]
async fn one_listing_that_lacks_something_counts_once() {
    let mut world = partial(item(1, "RUNNING"), IN_STEP).await;
    for full in [false, true] {
        if full {
            world.sync_state.want_everything_now();
        }
        let outcome = world.poll().await.unwrap();
        assert_eq!((outcome.full, &*outcome.note()), (full, ""));
    }
    assert!(world.env.together.dialects().fallbacks().is_empty());
}

#[tokio::test]
async fn a_full_listing_finds_out_what_two_short_ones_lacked() {
    let mut world = partial(item(1, "PENDING"), IN_STEP).await;
    // It has no mirror, so it is not requested by id.
    world.api().show(item(2, "PENDING_APPROVAL"));
    world.target.states = Some(vec!["PENDING".into()]);
    for (full, found) in [(false, false), (true, false), (false, false), (true, true)] {
        if full {
            world.sync_state.want_everything_now();
        }
        let outcome = world.poll().await.unwrap();
        let finds = outcome.note().contains("commas");
        assert_eq!((outcome.full, finds), (full, found));
    }
}

#[tokio::test]
async fn an_unknown_state_that_only_questions_by_id_show_is_still_met() {
    let mut world = World::with([item(1, "DREAMING")]).await;
    world.api().hide(&id(1));
    world.api().state().unlisted = vec![item(1, "DREAMING")];
    for _ in 0..4 {
        world.clock.advance(12 * 60 * MINUTE);
        world.polls(1).await;
    }
    world.poll().await.unwrap();
    assert!(states(&world).contains(&"DREAMING".to_owned()));
}

#[tokio::test]
async fn an_unknown_state_that_is_not_met_for_a_day_is_no_longer_asked_for() {
    let mut world = World::with([item(1, "DREAMING")]).await;
    let dreaming = "DREAMING".to_owned();
    world.polls(1).await;
    world.api().show(item(1, "SUCCEEDED"));
    world.polls(30).await;
    assert!(world.poll().await.is_ok() && states(&world).contains(&dreaming));
    world.clock.advance(24 * 60 * MINUTE);
    world.polls(2).await;
    assert!(world.poll().await.is_ok() && !states(&world).contains(&dreaming));
}

#[tokio::test]
async fn where_all_is_of_another_spelling_the_watch_stalls_and_names_the_apis() {
    for (cluster, instance, name) in [
        ("Cluster-1", None, "\"Cluster-1\""),
        (CLUSTER, Some("INSTANCE-1"), "\"instance-1\""),
    ] {
        let mut world = World::new();
        world.target.instance = instance.map(Into::into);
        let spelled = |item| Remediation {
            cluster_id: some(cluster),
            ..item
        };
        world.api().state().items = running(1..3).map(spelled).collect();
        let outcome = world.poll().await;
        let failure = Failure::of(&outcome, &world.target, None).unwrap();
        let actual = (failure.reason, failure.needs_somebody);
        assert_eq!(actual, (Reason::BadRequest, true), "{failure:?}");
        assert!(failure.message.contains(name), "{failure:?}");
    }
}

#[tokio::test]
async fn where_one_fits_or_the_listing_is_a_part_nothing_stalls() {
    let mut world = World::with([item(1, "SUCCEEDED")]).await;
    world.api().show(Remediation {
        cluster_id: some("Cluster-1"),
        ..item(2, "RUNNING")
    });
    for full in [false, true] {
        if full {
            world.sync_state.want_everything_now();
        }
        let outcome = world.poll().await.unwrap();
        let note = outcome.note();
        assert_eq!(outcome.full, full);
        assert!(note.contains("another cluster"), "{note}");
    }
}

#[tokio::test]
async fn a_server_that_lists_other_instances_too_stalls_nothing() {
    let mut world = World::new();
    world.target.instance = Some("instance-2".into());
    world.api().state().items = vec![item(1, "RUNNING")];
    let note = world.poll().await.unwrap().note();
    assert!(note.contains("another instance"), "{note}");
}
