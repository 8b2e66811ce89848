//! Remediations that leave the API: marked only when proven gone, never deleted.

use std::time::Duration;

use testbed::simulator::{Fault, Remediation as Truth, Times};

use crate::{
    fixture::{Fixture, mirror_condition},
    steps::{becomes, pages_of},
};

const POLL: Duration = Duration::from_secs(20);

/// A fixture whose API has remediations 0 to `running`, all running, mirrored by a synced watch.
async fn running(name: &str, running: u32) -> (Fixture, Vec<Truth>) {
    let fixture = Fixture::new(name).await;
    for number in 0..running {
        fixture.put_in(number, "RUNNING");
    }
    fixture.synced_watch(|_| {}).await;
    let truth = fixture.truth();
    (fixture, truth)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_one_that_left_is_not_found_once_two_polls_confirm_it() {
    let (fixture, truth) = running("left", 3).await;
    fixture.forget(&truth[0].id);
    fixture.sync("training").await;
    let mirror = fixture.mirror(&truth[0].id).await;
    assert_eq!(
        mirror_condition(&mirror, "Synced"),
        ["True", "Listed"],
        "one poll is not enough"
    );
    fixture.sync("training").await;
    let mirror = fixture.mirror(&truth[0].id).await;
    assert_eq!(mirror_condition(&mirror, "Synced"), ["False", "NotFound"]);
    assert_eq!(
        mirror_condition(&mirror, "Succeeded"),
        ["Unknown", "NotFound"]
    );
    assert_eq!(mirror_condition(&mirror, "Reconciling")[0], "False");
    let status = mirror.status.unwrap();
    assert_eq!(
        (status.open, status.state.as_deref()),
        (Some(false), Some("RUNNING"))
    );
    for other in &truth[1..] {
        assert_eq!(fixture.reason(&other.id).await, "Listed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_comes_back_is_listed_again_with_its_history() {
    let (fixture, truth) = running("back", 2).await;
    fixture.forget(&truth[0].id);
    fixture.sync("training").await;
    fixture.sync("training").await;
    assert_eq!(fixture.reason(&truth[0].id).await, "NotFound");
    fixture.simulator.put(truth[0].clone());
    fixture.sync("training").await;
    let mirror = fixture.mirror(&truth[0].id).await;
    assert_eq!(mirror_condition(&mirror, "Synced"), ["True", "Listed"]);
    let status = mirror.status.unwrap();
    assert_eq!((status.open, status.transitions.len()), (Some(true), 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_finished_between_two_looks_is_asked_for_by_id_and_never_missing() {
    let (fixture, truth) = running("ended", 2).await;
    fixture.enter(&truth[0].id, "SUCCEEDED");
    let before = fixture.simulator.counters();
    fixture.pass(POLL).await;
    let mirror = fixture.mirror_is(&truth[0].id, "Final").await;
    assert_eq!(mirror.status.unwrap().state.as_deref(), Some("SUCCEEDED"));
    let after = fixture.simulator.counters();
    assert_eq!(
        after.pages - before.pages,
        1,
        "the poll listed open ones only"
    );
    assert!(after.by_id > before.by_id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_one_that_the_api_forgot_stays_as_it_was() {
    let (fixture, truth) = running("forgot", 1).await;
    fixture.enter(&truth[0].id, "FAILED");
    fixture.sync("training").await;
    fixture.forget(&truth[0].id);
    let (before, asked) = (fixture.versions().await, fixture.simulator.counters().by_id);
    for _ in 0..3 {
        fixture.sync("training").await;
    }
    assert_eq!(fixture.versions().await, before);
    assert_eq!(
        fixture.simulator.counters().by_id,
        asked,
        "a finished one is never asked for"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn where_ids_cannot_be_asked_for_two_full_listings_must_lack_it() {
    let (fixture, truth) = running("no-by-id", 3).await;
    fixture.simulator.set_by_id(Some(404));
    fixture.forget(&truth[0].id);
    fixture.sync("training").await;
    assert_eq!(fixture.reason(&truth[0].id).await, "Listed");
    fixture.sync("training").await;
    let mirror = fixture.mirror(&truth[0].id).await;
    assert_eq!(mirror_condition(&mirror, "Synced"), ["False", "NotListed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_list_marks_nothing_while_ids_are_still_answered() {
    let (fixture, truth) = running("empty", 30).await;
    fixture
        .simulator
        .fault(Fault::EmptyList, Times::UntilCleared);
    let before = fixture.versions().await;
    for _ in 0..3 {
        fixture.sync("training").await;
    }
    assert!(fixture.simulator.counters().risen(&Fault::EmptyList) >= 3);
    assert_eq!(fixture.versions().await, before, "nothing was marked");
    fixture.simulator.clear_faults();
    fixture.sync("training").await;
    assert_eq!(fixture.versions().await.len(), truth.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listing_that_fails_in_the_middle_shows_no_absence() {
    let fixture = Fixture::new("cut").await;
    fixture.put(0..40);
    fixture
        .synced_watch(|spec| {
            spec.query = Some(pages_of(10));
        })
        .await;
    let before = fixture.versions().await;
    // Where asking again may help, a page is asked for three times, unless it is the first and the last listing failed too.
    for (fault, times, after) in [
        (Fault::CutBody, 3, POLL),
        // Three calls are paid for.
        (Fault::NotJson, 1, POLL * 5 / 2),
        (Fault::OtherShape, 1, POLL),
        (Fault::MissingToken, 1, POLL),
        (Fault::Html { status: 502 }, 1, POLL),
    ] {
        fixture.simulator.fault(fault.clone(), Times::Next(times));
        fixture.pass(after).await;
        let what = format!("{fault:?} rose");
        becomes(&what, times, async || {
            fixture.simulator.counters().risen(&fault)
        })
        .await;
    }
    fixture.sync("training").await;
    assert_eq!(fixture.versions().await, before);
}
