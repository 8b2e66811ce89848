//! Which states get a mirror, and states that the operator does not know yet.

use std::time::Duration;

use testbed::simulator::Remediation as Truth;

use crate::{
    fixture::{CLUSTER, Fixture, mirror_condition},
    truth::assert_mirrors,
};

const POLL: Duration = Duration::from_secs(20);

#[tokio::test(flavor = "multi_thread")]
async fn only_selected_states_get_a_mirror_which_is_then_followed_to_its_end() {
    let fixture = Fixture::new("states").await;
    let running = fixture.put_in(1, "RUNNING");
    let waiting = fixture.put_in(2, "PENDING_APPROVAL");
    fixture.put_in(3, "SUCCEEDED");
    fixture
        .synced_watch(|spec| spec.states = Some(vec!["RUNNING".to_owned()]))
        .await;
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&[&running]));

    fixture.enter(&running.id, "FAILED");
    fixture.enter(&waiting.id, "PENDING");
    fixture.turn(POLL).await;
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&[&running]));
    assert_eq!(fixture.reason(&running.id).await, "Final");

    fixture.enter(&waiting.id, "RUNNING");
    fixture.sync("training").await;
    fixture.enter(&waiting.id, "SUCCEEDED");
    fixture.sync("training").await;
    assert_mirrors(
        &fixture.all().await,
        &fixture.truth_of(&[&running, &waiting]),
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn if_only_finished_states_are_selected_every_poll_asks_for_just_these() {
    let fixture = Fixture::new("ended").await;
    let failed = fixture.put_in(1, "FAILED");
    let running = fixture.put_in(2, "RUNNING");
    fixture
        .synced_watch(|spec| spec.states = Some(vec!["FAILED".to_owned()]))
        .await;
    assert_mirrors(&fixture.all().await, &fixture.truth_of(&[&failed]));
    fixture.enter(&running.id, "FAILED");
    fixture.turn(Duration::from_secs(64)).await;
    fixture.sync("training").await;
    assert_mirrors(
        &fixture.all().await,
        &fixture.truth_of(&[&failed, &running]),
    );
    for call in fixture.simulator.counters().recent {
        assert!(call.query.ends_with("state=FAILED"), "{}", call.query);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_state_is_open_and_kept_verbatim() {
    let fixture = Fixture::new("unknown-state").await;
    let odd = Truth::numbered(CLUSTER, 1);
    fixture.simulator.put(Truth {
        state: "DEFROSTING".to_owned(),
        mode: "REMEDIATION_MODE_TURN_AROUND".to_owned(),
        trigger: "REMEDIATION_TRIGGER_MOON".to_owned(),
        ..odd.clone()
    });
    let known = fixture.put_in(2, "RUNNING");
    fixture.synced_watch(|_| {}).await;
    fixture.agrees().await;
    let mirror = fixture.mirror(&odd.id).await;
    assert_eq!(
        mirror_condition(&mirror, "Succeeded"),
        ["Unknown", "UnknownState"]
    );
    assert_eq!(mirror_condition(&mirror, "Reconciling")[0], "True");
    let status = mirror.status.unwrap();
    let mut messages = status.conditions.iter().map(|one| &*one.message);
    assert!(messages.any(|message| {
        message.contains("in state DEFROSTING, which this version does not recognize")
    }));
    assert_eq!(
        (
            status.open,
            status.mode.as_deref(),
            status.trigger.as_deref()
        ),
        (Some(true), Some("TURN_AROUND"), Some("MOON"))
    );

    // This server refuses the state as a filter.
    for _ in 0..3 {
        fixture.turn(POLL).await;
        fixture.ready("training", "Synced").await;
    }
    assert_eq!(fixture.reason(&odd.id).await, "Listed");
    fixture.enter(&known.id, "SUCCEEDED");
    fixture.enter(&odd.id, "SUCCEEDED");
    fixture.sync("training").await;
    fixture.agrees().await;
}
