//! Mirrors of what the API shows and the plan leaves out: nothing confirms them.

use super::*;

/// A `ClusterWatch` of one instance, whose remediation failed and moved to another instance.
async fn moved(listed: bool) -> World {
    let mut world = World::new();
    world.target.instance = Some("instance-1".into());
    world.api().state().items = vec![item(1, "RUNNING"), item(2, "RUNNING")];
    world.poll().await.unwrap();
    let elsewhere = Remediation {
        instance_id: Some("instance-2".into()),
        ..item(1, "FAILED")
    };
    world.api().hide(&id(1));
    if listed {
        world.api().state().items.push(elsewhere);
    } else {
        world.api().state().unlisted.push(elsewhere);
    }
    world
}

#[tokio::test]
async fn what_a_listing_shows_and_the_plan_leaves_out_becomes_stale() {
    let mut world = moved(true).await;
    world.spec.states = None;
    for _ in 0..12 {
        world.sync_state.want_everything_now();
        world.polls(1).await;
    }
    assert!(world.is(1, "Stale", true), "{:?}", world.stands(1));
    assert!(world.is(2, "Listed", true));
}

#[tokio::test]
async fn what_an_answer_by_id_shows_and_the_plan_leaves_out_becomes_stale() {
    let mut world = moved(false).await;
    world.polls(12).await;
    assert!(world.is(1, "Stale", true), "{:?}", world.stands(1));
    assert!(world.is(2, "Listed", true));
    world.env.kube.calls();
    world.polls(5).await;
    assert_eq!(world.env.kube.calls(), [], "marked once");
}

#[tokio::test]
async fn one_that_comes_back_is_confirmed_again() {
    let mut world = moved(false).await;
    world.polls(12).await;
    world.api().state().unlisted.clear();
    world.api().show(item(1, "RUNNING"));
    world.polls(2).await;
    assert!(world.is(1, "Listed", true), "{:?}", world.stands(1));
}
