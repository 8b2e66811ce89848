//! What else could multiply the calls of a key: many watches, many that vanish, starts, impatient people, a call that hangs.

use std::time::Duration;

use testbed::simulator::{Fault, Remediation as Truth, Times};

use super::{PAGES, cadence, fill, fixture, paged, status, worst_minute};
use crate::fixture::{CLUSTER, Fixture, mirror_condition, until};

#[tokio::test(flavor = "multi_thread")]
async fn watches_that_share_a_key_stay_within_the_sum_of_their_cycles() {
    let fixture = Fixture::new("quota-shared").await;
    for number in 0..3 {
        fill(
            &fixture,
            CLUSTER,
            &format!("instance-{number}"),
            number * 100,
        );
    }
    for number in 0..3 {
        let name = format!("watch-{number}");
        fixture
            .watch(&name, |spec| {
                paged(spec);
                spec.instance_id = Some(format!("instance-{number}"));
            })
            .await;
        fixture.ready(&name, "Synced").await;
    }
    let (measured, _) = worst_minute(&fixture, 5).await;
    let one = cadence().calls_a_minute(PAGES.0, PAGES.1) as u64;
    assert!(measured <= 3 * one);
    for fault in [status(503, None), status(429, None), Fault::CutBody] {
        fixture.simulator.fault(fault.clone(), Times::UntilCleared);
        let (worst, _) = worst_minute(&fixture, 3).await;
        assert!(worst <= measured, "{}: {worst} > {measured}", fault.name());
        fixture.simulator.clear_faults();
        fixture.turn(Duration::from_secs(600)).await;
    }

    // One of them is asked to be patient: all are.
    fixture
        .simulator
        .fault(status(429, Some("3000")), Times::Next(1));
    let before = fixture.calls();
    fixture.turn(Duration::from_secs(70)).await;
    assert!(
        (1..=3).contains(&(fixture.calls() - before)),
        "those under way"
    );
    let before = fixture.calls();
    worst_minute(&fixture, 5).await;
    assert_eq!(fixture.calls(), before, "the key is left alone");
    for number in 0..3 {
        fixture
            .ready(&format!("watch-{number}"), "RateLimited")
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mass_disappearance_is_asked_about_ten_at_a_time() {
    let fixture = Fixture::mirroring("quota-mass", 0..40).await;
    for number in 0..40 {
        fixture.forget(&Truth::numbered(CLUSTER, number).id);
    }
    for _ in 0..8 {
        let before = fixture.simulator.counters();
        fixture.turn(Duration::from_secs(16)).await;
        let after = fixture.simulator.counters();
        let asked = after.by_id - before.by_id;
        assert!(asked <= 10, "{asked} questions by id in a poll");
        assert!(after.pages - before.pages <= 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_start_costs_one_first_poll() {
    let mut fixture = fixture("quota-restarts").await;
    for restart in 1..=5 {
        fixture.stop().await;
        let before = fixture.calls();
        fixture.start(&[]).await;
        fixture.wait_until_idle().await;
        assert_eq!(fixture.calls() - before, PAGES.0 as u64, "start {restart}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn endless_sync_requests_are_honored_at_most_once_per_minimum_interval() {
    let mut fixture = fixture("quota-hammer").await;
    fixture.stop().await;
    let flags = ["--kube-qps", "0", "--min-interval", "10s"];
    fixture.start_with(&[], &flags).await;
    fixture.wait_until_idle().await;
    let before = fixture.simulator.counters().listings;
    for second in 0..60 {
        fixture.request("training", &second.to_string()).await;
        fixture.turn(Duration::from_secs(1)).await;
    }
    let polls = fixture.simulator.counters().listings - before;
    assert!(
        (5..=7).contains(&polls),
        "{polls} polls in a minute of 60 requests"
    );
    // A burst of edits is taken in ten times a second at most, by the machine's time.
    until("the last request is echoed", || async {
        fixture.turn(Duration::from_secs(1)).await;
        let watch = fixture.watches().get("training").await.unwrap();
        match watch
            .status
            .and_then(|status| status.last_handled_reconcile_at)
        {
            Some(handled) if handled == "59" => Ok(()),
            other => Err(format!("{other:?}")),
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_hangs_is_no_reason_for_another() {
    let fixture = fixture("quota-hang").await;
    fixture.simulator.fault(Fault::Hang, Times::UntilCleared);
    fixture.advance(Duration::from_secs(20)).await;
    fixture.rises(&Fault::Hang, 0).await;
    let before = fixture.calls();
    fixture.clock.advance(Duration::from_secs(600));
    // Told while the call still hangs.
    fixture.ready("training", "IncompleteListing").await;
    fixture
        .mirror_where(&Truth::numbered(CLUSTER, 0).id, "it is stale", |mirror| {
            mirror_condition(mirror, "Synced")[1] == "Stale"
        })
        .await;
    let failed = fixture
        .scrape()
        .await
        .get("polls", &[("reason", "Unavailable")]);
    assert_eq!(failed, None, "it hangs still");
    assert_eq!(fixture.calls(), before);
}
