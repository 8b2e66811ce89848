//! The quota of a key: whatever goes wrong, its calls a minute are no more than those of a healthy cycle. Counted by the
//! simulator; minutes are those of the hand-moved clock, and every window of a minute is looked at.

mod edits;
mod load;

use std::time::Duration;

use futures::{StreamExt, stream};
use testbed::simulator::{Fault, Remediation as Truth, Times};
use together_remediation_operator::{
    api::cluster_watch::ClusterWatchSpec, sync::schedule::Cadence,
};

use crate::{
    fixture::{CLUSTER, Fixture, spec},
    setup,
    steps::pages_of,
    turn::SPEEDS,
};

const STEP: Duration = Duration::from_secs(5);
/// Steps of a minute.
const MINUTE: usize = 12;
/// Remediations on a page.
const PAGE: u32 = 10;
/// Pages of everything, and of what is open.
const PAGES: (usize, usize) = (3, 1);

/// A watch whose full listings come every two minutes, so that a test of few minutes sees some.
fn paged(spec: &mut ClusterWatchSpec) {
    spec.full_resync_interval = Some("2m".to_owned());
    spec.query = Some(pages_of(PAGE));
}

fn cadence() -> Cadence {
    let mut spec = spec();
    paged(&mut spec);
    Cadence::of(&spec, SPEEDS)
}

/// Three pages of remediations of one machine, the first three of which are open.
fn fill(fixture: &Fixture, cluster: &str, instance: &str, from: u32) {
    for number in from..from + 25 {
        let truth = Truth {
            instance_id: instance.to_owned(),
            ..Truth::numbered(cluster, number)
        };
        fixture.simulator.put(truth.clone());
        let state = if number < from + 3 {
            "RUNNING"
        } else {
            "SUCCEEDED"
        };
        fixture.simulator.enter(cluster, &truth.id, state);
    }
}

/// A fixture with a synced watch of three pages; the calls of its first sync are no longer counted.
async fn fixture(name: &str) -> Fixture {
    let fixture = Fixture::new(name).await;
    fill(&fixture, CLUSTER, "instance-1", 0);
    fixture.synced_watch(paged).await;
    fixture
}

/// The most calls within any minute of `minutes`, and all of them.
async fn worst_minute(fixture: &Fixture, minutes: usize) -> (u64, u64) {
    let mut seen = vec![fixture.calls()];
    for _ in 0..minutes * MINUTE {
        fixture.turn(STEP).await;
        seen.push(fixture.calls());
    }
    let worst = seen
        .windows(MINUTE + 1)
        .map(|minute| minute[MINUTE] - minute[0])
        .max();
    (worst.unwrap(), seen.last().unwrap() - seen[0])
}

fn status(status: u16, retry_after: Option<&str>) -> Fault {
    Fault::Status {
        status,
        retry_after: retry_after.map(str::to_owned),
    }
}

/// Faults that fail a call: a poll under them costs no more than a good one.
fn failing() -> Vec<Fault> {
    let elsewhere = "http://127.0.0.1:9/elsewhere".to_owned();
    vec![
        status(400, None),
        status(401, None),
        status(403, None),
        status(404, None),
        status(429, None),
        status(429, Some("0")),
        status(429, Some("120")),
        status(500, None),
        status(503, None),
        status(503, Some("1")),
        Fault::CutBody,
        Fault::NotJson,
        Fault::OtherShape,
        Fault::Html { status: 502 },
        Fault::Html { status: 200 },
        Fault::Redirect {
            location: elsewhere,
        },
        Fault::SlowDrip { pause_ms: 0 },
        Fault::MissingToken,
    ]
}

/// Faults that spoil what a listing shows: what seems to be gone is asked for by id, as in a healthy cycle; and a
/// listing that goes in circles is tried once more with other names.
fn spoiling() -> Vec<Fault> {
    vec![
        Fault::RepeatedToken,
        Fault::LostPage,
        Fault::ShiftedPage,
        Fault::DoubledPage,
        Fault::EmptyList,
        Fault::ItemWithoutId,
        Fault::MalformedItem,
        Fault::UnknownEnum,
        Fault::OldVersion,
    ]
}

/// What a fault makes of the calls: its name, the worst minute, all, how often it rose.
async fn under(number: usize, fault: Fault) -> (String, u64, u64, u64) {
    let fixture = fixture(&format!("quota-{number}")).await;
    if fault == Fault::OldVersion {
        for truth in fixture.truth() {
            fixture.simulator.change(CLUSTER, &truth.id, |truth| {
                truth.reason = Some("new".into());
            });
        }
    }
    fixture.simulator.fault(fault.clone(), Times::UntilCleared);
    let (worst, all) = worst_minute(&fixture, 5).await;
    let name = match &fault {
        Fault::Status {
            status,
            retry_after,
        } => format!("status {status} {retry_after:?}"),
        other => other.name(),
    };
    (name, worst, all, fixture.simulator.counters().risen(&fault))
}

#[tokio::test(flavor = "multi_thread")]
async fn no_fault_makes_more_calls_a_minute_than_a_healthy_cycle() {
    let healthy = fixture("quota-healthy").await;
    let (measured, all) = worst_minute(&healthy, 5).await;
    let defined = cadence().calls_a_minute(PAGES.0, PAGES.1) as u64;
    setup::print_line(&format!(
        "healthy: {measured} calls in its worst minute, {all} in 5; defined: {defined}"
    ));
    assert!(measured <= defined);

    let failing = failing().into_iter().map(|fault| (fault, measured));
    let spoiling = spoiling().into_iter().map(|fault| (fault, defined));
    let cells = failing.chain(spoiling).enumerate();
    let results = stream::iter(cells)
        .map(|(number, (fault, most))| async move { (under(number, fault).await, most) })
        .buffer_unordered(4)
        .collect::<Vec<_>>()
        .await;
    let mut over = Vec::new();
    for ((name, worst, all, risen), most) in results {
        setup::print_line(&format!(
            "{name}: {worst} in its worst minute (at most {most}), {all} in 5, rose {risen}"
        ));
        if worst > most || risen == 0 {
            over.push(name);
        }
    }
    assert_eq!(over, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_listing_that_fails_late_is_not_begun_again_at_once() {
    let fixture = fixture("quota-late").await;
    let (measured, _) = worst_minute(&fixture, 5).await;
    // Every third call fails: the last page of each full listing, now and then what is open.
    for _ in 0..100 {
        fixture.simulator.fault(status(503, None), Times::After(2));
    }
    let (worst, all) = worst_minute(&fixture, 5).await;
    setup::print_line(&format!(
        "fails late: {worst} in its worst minute (healthy {measured}), {all} in 5"
    ));
    // The jitter may bring one poll more into a minute, and two pages that are asked for again are paid for after it.
    assert!(worst <= measured + 2, "{worst} > {measured} + 2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_first_listing_that_fails_late_is_begun_once_a_minute() {
    let fixture = Fixture::new("quota-never").await;
    fill(&fixture, CLUSTER, "instance-1", 0);
    // Open, and on the first page.
    let newest = Truth::numbered(CLUSTER, 24).id;
    fixture.enter(&newest, "RUNNING");
    // The third page never comes, however often it is asked for.
    for _ in 0..100 {
        fixture.simulator.fault(status(503, None), Times::After(2));
        fixture.simulator.fault(status(503, None), Times::Next(2));
    }
    fixture.watch("training", paged).await;
    fixture.ready("training", "Progressing").await;
    fixture.wait_until_idle().await;
    let begun = fixture.calls();
    let (worst, all) = worst_minute(&fixture, 5).await;
    setup::print_line(&format!(
        "first sync fails late: {worst} in its worst minute, {all} in 5"
    ));
    assert!(
        (1..=5).contains(&worst),
        "{worst} in a minute, {begun} at first"
    );
    let listed = fixture.all().await.len();
    assert_eq!(listed, 20, "what came before the fault is mirrored");
    fixture.simulator.clear_faults();
    fixture.turn(Duration::from_secs(80)).await;
    fixture.ready("training", "Synced").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_poll_of_many_calls_pays_for_them() {
    let fixture = fixture("quota-paid").await;
    let (_, healthy) = worst_minute(&fixture, 5).await;
    fixture
        .simulator
        .fault(Fault::RepeatedToken, Times::UntilCleared);
    let (_, all) = worst_minute(&fixture, 5).await;
    setup::print_line(&format!(
        "pages that repeat: {all} calls in 5 minutes, healthy {healthy}"
    ));
    assert!(2 * all <= 3 * healthy, "{all}, healthy {healthy}");
}
