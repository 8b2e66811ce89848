//! What retention deletes, and by whose clock.

use k8s_openapi::jiff::SignedDuration;

use super::*;
use crate::{
    clock::Clock,
    sync::retention_policy::Policy,
    testing::{ended, now},
    together::Moment,
};

/// One that has mirrored these, under this retention.
async fn kept(
    ttl: Option<Duration>,
    max_per_instance: Option<usize>,
    items: impl IntoIterator<Item = Remediation>,
) -> World {
    let mut world = World::new();
    world.target.retention = Policy {
        ttl,
        max_per_instance,
    };
    world.api().state().items = items.into_iter().collect();
    world.poll().await.unwrap();
    world
}

fn is_there(world: &World, number: u64) -> bool {
    world.env.kube.object(number).is_some()
}

#[tokio::test]
async fn one_that_is_gone_stays_for_its_ttl_after_that_was_seen() {
    let waits = item(1, "PENDING_APPROVAL");
    let mut world = kept(Some(MINUTE * 10), None, [waits, item(2, "RUNNING")]).await;
    world.api().hide(&id(1));
    world.polls(2).await;
    assert!(is_there(&world, 1), "deleted in the poll that saw it go");
    assert!(world.is(1, "NotFound", false), "{:?}", world.stands(1));
    world.polls(9).await;
    assert!(is_there(&world, 1));
    world.polls(3).await;
    assert!(!is_there(&world, 1), "its time has come");
    assert!(is_there(&world, 2));
}

#[tokio::test]
async fn one_that_was_forbidden_before_it_went_stays_for_its_ttl_too() {
    let mut world = kept(
        Some(MINUTE * 10),
        None,
        [item(1, "RUNNING"), item(2, "RUNNING")],
    )
    .await;
    world.api().hide(&id(1));
    let forbidden = |asked: &str| (asked == id(1)).then_some(Error::Forbidden);
    world.api().fail_ids(forbidden);
    world.polls(30).await;
    assert!(world.is(1, "Forbidden", true), "{:?}", world.stands(1));
    world.api().fail_ids(|_| None);
    world.polls(2).await;
    assert!(is_there(&world, 1), "deleted in the poll that saw it go");
    assert!(world.is(1, "NotFound", false), "{:?}", world.stands(1));
}

#[tokio::test]
async fn one_that_is_gone_ranks_by_when_that_was_seen() {
    let old = Remediation {
        update_time: Some("2026-11-23T08:00:00Z".into()),
        ..item(1, "PENDING_APPROVAL")
    };
    let later = ended(2, "instance-1", "2026-11-23T09:00:00Z");
    let mut world = kept(None, Some(1), [old, later, item(3, "RUNNING")]).await;
    world.api().hide(&id(1));
    world.polls(2).await;
    assert!(is_there(&world, 1), "the one whose end was seen last stays");
    assert!(world.is(1, "NotFound", false), "{:?}", world.stands(1));
}

/// A world whose API sends its `Date`, with one that ended an hour ago and is kept for two days.
async fn dated(ahead: SignedDuration) -> World {
    let mut world = World::new();
    world.target.retention.ttl = Some(MINUTE * 60 * 48);
    let clock = world.clock.clone();
    world
        .api()
        .date(move || (clock.true_time(), Moment::of(&*clock)));
    world.clock.set_ahead(ahead);
    let end = (now() - MINUTE * 60).to_string();
    world.api().show(ended(1, "instance-1", &end));
    world.poll().await.unwrap();
    world
}

#[tokio::test]
async fn a_clock_that_is_days_ahead_deletes_nothing_early() {
    let ahead = SignedDuration::from_hours(72);
    // From the start, and set later.
    let world = dated(ahead).await;
    assert!(is_there(&world, 1), "never mirrored");
    let mut world = dated(SignedDuration::ZERO).await;
    assert!(is_there(&world, 1));
    world.clock.set_ahead(ahead);
    world.polls(20).await;
    assert!(is_there(&world, 1), "deleted early");
}

#[tokio::test]
async fn what_was_put_off_while_the_clock_was_wrong_is_deleted_once_it_is_right() {
    let mut world = dated(SignedDuration::from_hours(72)).await;
    for _ in 0..48 {
        world.clock.advance(MINUTE * 60);
    }
    world.polls(1).await;
    assert!(is_there(&world, 1), "the time is unknown");
    world.clock.set_ahead(SignedDuration::from_hours(-3));
    world.polls(1).await;
    assert!(!is_there(&world, 1));
}

#[tokio::test]
async fn one_that_went_while_the_clock_was_days_behind_stays_for_its_ttl_once_it_is_right() {
    for behind in [20, 72] {
        let mut world = dated(SignedDuration::from_hours(-behind)).await;
        world.target.retention.ttl = Some(MINUTE * 60 * 2);
        world.api().show(item(2, "PENDING_APPROVAL"));
        world.api().show(item(3, "RUNNING"));
        world.polls(1).await;
        world.api().hide(&id(2));
        world.polls(2).await;
        assert!(world.is(2, "NotFound", false), "{:?}", world.stands(2));
        world.clock.set_ahead(SignedDuration::ZERO);
        world.polls(3).await;
        assert!(is_there(&world, 2), "{behind} hours: deleted early");
        world.clock.advance(MINUTE * 60 * 3);
        world.polls(1).await;
        assert!(!is_there(&world, 2), "{behind} hours: its time has come");
    }
}

#[tokio::test]
async fn a_clock_that_is_set_in_the_middle_of_a_poll_deletes_nothing_early() {
    let mut world = dated(SignedDuration::ZERO).await;
    let (clock, late) = (world.clock.clone(), SignedDuration::from_hours(23));
    clock.set_ahead(-late);
    // Each time after the answer was stamped: what was measured holds no more.
    world.api().date(move || {
        let dated = (clock.true_time(), Moment::of(&*clock));
        let ahead = clock.now().duration_since(clock.true_time());
        clock.set_ahead(-ahead);
        dated
    });
    for _ in 0..9 {
        world.clock.advance(MINUTE * 60 * 3);
        world.polls(1).await;
        assert!(is_there(&world, 1), "deleted early");
    }
}

/// A person, or another version, leaves a condition that the operator cannot read, or one whose time is not set.
#[tokio::test]
async fn one_that_is_gone_and_whose_mark_cannot_be_read_is_marked_again_and_not_deleted() {
    for (time, is_marked_again) in [(None, true), (Some("0001-01-01T00:00:00Z"), false)] {
        let old = Remediation {
            update_time: Some("2026-10-13T08:00:00Z".into()),
            ..item(1, "PENDING_APPROVAL")
        };
        let mut world = kept(Some(MINUTE * 10), None, [old, item(2, "RUNNING")]).await;
        world.api().hide(&id(1));
        world.polls(2).await;
        assert!(world.is(1, "NotFound", false), "{:?}", world.stands(1));
        world.env.kube.touch(1, |object| {
            let conditions = &mut object.status.as_mut().unwrap().conditions;
            conditions.retain(|condition| condition.type_ != "Synced" || time.is_some());
            for condition in conditions.iter_mut() {
                condition.last_transition_time.0 =
                    time.unwrap_or("2026-10-13T08:00:00Z").parse().unwrap();
            }
        });
        world.env.index.apply(world.env.kube.object(1).unwrap());
        world.polls(1).await;
        assert!(is_there(&world, 1), "{time:?}: deleted at once");
        world.polls(9).await;
        assert!(is_there(&world, 1), "{time:?}: deleted before its time");
        assert!(world.is(1, "NotFound", false), "{time:?}");
        world.polls(4).await;
        assert_eq!(is_there(&world, 1), !is_marked_again, "{time:?}");
    }
}
