//! Two speeds: often what is open, seldom everything; and what comes of it where the API cannot be asked so.

use std::time::Duration;

use testbed::simulator::{Dialect, Fault, StateForm, Times};
use together_remediation_operator::api::cluster_watch::ClusterWatch;

use crate::{
    conditions::assert_contains,
    fixture::{CLUSTER, Fixture},
};

/// A little more than the active interval may be.
const POLL: Duration = Duration::from_secs(16);

/// Listings of everything, and of some states, so far.
fn listings(fixture: &Fixture) -> (usize, usize) {
    let calls = fixture.simulator.counters().recent;
    let lists = calls
        .iter()
        .filter(|call| call.path.ends_with("/remediations"));
    let (some, all): (Vec<_>, Vec<_>) = lists.partition(|call| call.query.contains("state="));
    (all.len(), some.len())
}

/// A poll whose one page comes while `lasts` goes by on the operator's clock.
async fn slow_poll(fixture: &Fixture, begin: impl Future<Output = ()>, lasts: Duration) {
    let drip = Fault::SlowDrip { pause_ms: 2 };
    let before = fixture.simulator.counters().risen(&drip);
    fixture.simulator.fault(drip.clone(), Times::Next(1));
    begin.await;
    fixture.rises(&drip, before).await;
    fixture.clock.advance(lasts);
    fixture.wait_until_idle().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_polls_often_while_something_is_open_and_seldom_else() {
    let fixture = Fixture::new("two-speeds").await;
    let truth = fixture.put_in(1, "RUNNING");
    fixture.synced_watch(|_| {}).await;
    for poll in 1..=3 {
        fixture.turn(POLL).await;
        assert_eq!(listings(&fixture), (1, poll));
    }
    fixture.enter(&truth.id, "SUCCEEDED");
    fixture.turn(POLL).await;
    fixture.agrees().await;
    for _ in 0..3 {
        fixture.turn(POLL).await;
        assert_eq!(listings(&fixture), (1, 4), "nothing is open");
    }
    fixture.turn(POLL).await;
    assert_eq!(listings(&fixture), (1, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_is_listed_at_the_resync_interval_and_what_is_open_in_between() {
    let fixture = Fixture::new("resync").await;
    fixture.put_in(1, "RUNNING");
    let late = fixture.put_in(2, "SUCCEEDED");
    fixture
        .synced_watch(|spec| spec.full_resync_interval = Some("2m".to_owned()))
        .await;
    fixture.simulator.change(CLUSTER, &late.id, |late| {
        late.reason = Some("told later".to_owned());
    });
    for _ in 0..7 {
        fixture.turn(POLL).await;
    }
    assert_eq!(listings(&fixture), (1, 7));
    fixture.turn(POLL).await;
    assert_eq!(listings(&fixture), (2, 7), "128 s");
    fixture.agrees().await;
    for _ in 0..8 {
        fixture.turn(POLL).await;
    }
    assert_eq!(listings(&fixture), (3, 14), "256 s");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_that_was_met_is_asked_for_by_name() {
    let fixture = Fixture::new("met").await;
    let mut dialect = Dialect::default();
    dialect.states.insert("DEFROSTING".to_owned());
    fixture.simulator.set_dialect(dialect);
    fixture.put_in(1, "DEFROSTING");
    fixture.synced_watch(|_| {}).await;
    fixture.turn(POLL).await;
    assert_eq!(listings(&fixture), (1, 1));
    let query = fixture
        .simulator
        .counters()
        .recent
        .back()
        .unwrap()
        .query
        .clone();
    assert_contains(&query, &["state=DEFROSTING", "state=RUNNING"]);
    assert_eq!(fixture.simulator.counters().by_id, 0, "the list shows it");
    fixture.agrees().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn full_listings_keep_ten_times_their_duration_apart() {
    let fixture = Fixture::new("apart").await;
    fixture.put_in(1, "RUNNING");
    let create = async {
        fixture
            .watch("training", |spec| {
                spec.full_resync_interval = Some("60s".to_owned());
            })
            .await;
    };
    slow_poll(&fixture, create, Duration::from_secs(20)).await;
    fixture.ready("training", "Synced").await;
    for poll in 1..=12 {
        fixture.turn(POLL).await;
        assert_eq!(listings(&fixture), (1, poll), "200 s have not gone by");
    }
    fixture.turn(POLL).await;
    assert_eq!(listings(&fixture), (2, 12));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_filter_is_ignored_every_poll_lists_all_and_rests_ten_times_as_long() {
    let fixture = Fixture::new("ignored-slow").await;
    fixture.simulator.set_dialect(Dialect {
        state_form: StateForm::Ignored,
        ..Dialect::default()
    });
    fixture.put_in(1, "RUNNING");
    fixture.put_in(2, "SUCCEEDED");
    fixture.synced_watch(|_| {}).await;
    fixture.turn(POLL).await;
    assert_eq!(listings(&fixture), (1, 1), "the one that shows it");
    fixture.turn(POLL).await;
    assert_eq!(listings(&fixture), (1, 2), "the one that agrees");
    fixture.turn(POLL).await;
    assert_eq!(listings(&fixture), (2, 2));
    slow_poll(&fixture, fixture.advance(POLL), Duration::from_secs(20)).await;
    assert_eq!(listings(&fixture), (3, 2));
    fixture.turn(Duration::from_secs(195)).await;
    assert_eq!(listings(&fixture), (3, 2), "ten times 20 s");
    fixture.turn(Duration::from_secs(6)).await;
    assert_eq!(listings(&fixture), (4, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_waits_until_everything_may_be_listed_again() {
    let fixture = Fixture::new("apart-asked").await;
    fixture.put_in(1, "RUNNING");
    let create = async {
        fixture.watch("training", |_| {}).await;
    };
    slow_poll(&fixture, create, Duration::from_secs(20)).await;
    fixture.ready("training", "Synced").await;
    fixture.request("training", "now").await;
    for poll in 1..=12 {
        fixture.turn(POLL).await;
        assert_eq!(listings(&fixture), (1, poll), "200 s have not gone by");
    }
    let handled = |watch: &ClusterWatch| watch.status.clone().unwrap().last_handled_reconcile_at;
    let watch = fixture.watches().get("training").await.unwrap();
    assert_eq!(handled(&watch), None, "not reported before it is true");
    fixture.turn(POLL).await;
    assert_eq!(listings(&fixture), (2, 12));
    fixture
        .watch_where("training", "it is echoed", |status, _| {
            status.last_handled_reconcile_at.as_deref() == Some("now")
        })
        .await;
}
