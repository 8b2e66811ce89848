//! Somebody sets the time of day of the operator's machine, and of no other: the monotonic clock goes on, and so does the
//! operator. Half an hour of each jump by a clock that is moved by hand; the real clocks of a process are in [`process`].

mod process;

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use testbed::simulator::Remediation as Truth;
use together_remediation_operator::{
    api::cluster_watch::{ClusterWatchStatus, Retention},
    clock::Clock,
};

use crate::fixture::{CLUSTER, Fixture, until};

/// Between two looks: past an interval of a minute.
const STEP: Duration = Duration::from_secs(70);
/// Half an hour of them.
const STEPS: u32 = 26;
/// How far ahead `staleAfter` may lie: a heartbeat of five minutes, three intervals of a minute, two minutes; and some
/// seconds.
const PROMISE: SignedDuration = SignedDuration::from_secs(5 * 60 + 3 * 60 + 2 * 60 + 10);
/// How old `lastSyncTime` may be: a heartbeat and a step.
const HEARD: SignedDuration = SignedDuration::from_secs(5 * 60 + 80);
/// Heartbeats in half an hour, at least.
const HEARTBEATS: usize = 5;
/// Finished remediations are kept for so many hours.
const KEPT: u32 = 72;

/// A running remediation, and one that ended an hour ago by the API's clock and is to be kept for three days.
fn play(fixture: &Fixture) -> [String; 2] {
    let simulator = &fixture.simulator;
    for number in [1, 2] {
        simulator.put(Truth::numbered(CLUSTER, number));
    }
    let [running, ended] = [1, 2].map(|number| Truth::numbered(CLUSTER, number).id);
    simulator.enter(CLUSTER, &running, "RUNNING");
    let hour_ago = simulator.now() - SignedDuration::from_hours(1);
    simulator.change(CLUSTER, &ended, |truth| truth.enter("SUCCEEDED", hour_ago));
    [running, ended]
}

fn kept() -> Retention {
    Retention {
        ttl_after_finished: Some(format!("{KEPT}h")),
        ..Retention::default()
    }
}

fn time(text: Option<&str>) -> Timestamp {
    text.unwrap().parse().unwrap()
}

/// What a reader whose clock shows `now` cannot make sense of.
fn nonsense(status: &ClusterWatchStatus, now: Timestamp) -> Option<String> {
    let promised = time(status.stale_after.as_deref()).duration_since(now);
    let heard = now.duration_since(time(status.last_sync_time.as_deref()));
    let zero = SignedDuration::ZERO;
    if promised <= zero || promised > PROMISE {
        return Some(format!("staleAfter is {promised:#} ahead"));
    }
    (heard < -SignedDuration::from_secs(1) || heard > HEARD)
        .then(|| format!("lastSyncTime is {heard:#} ago"))
}

/// Half an hour after the clock was set.
async fn half_an_hour(name: &str, set: SignedDuration) -> Result<(), String> {
    let fixture = Fixture::new(name).await;
    let [running, _] = play(&fixture);
    fixture
        .synced_watch(|spec| spec.retention = Some(kept()))
        .await;
    let before = fixture.versions().await;
    fixture.clock.set(set);
    let mut heartbeats = BTreeSet::new();
    for step in 1..=STEPS {
        fixture.simulator.advance(STEP);
        fixture.turn(STEP).await;
        let watch = fixture.watches().get("training").await.unwrap();
        let (status, now) = (watch.status.unwrap(), fixture.clock.now());
        let wrong = |what: String| Err(format!("{name}, step {step}: {what}"));
        if let Some(what) = nonsense(&status, now) {
            return wrong(what);
        }
        heartbeats.insert(status.last_sync_time);
        let versions = fixture.versions().await;
        if versions != before {
            return wrong(format!("mirrors were {before:?} and are {versions:?}"));
        }
    }
    if heartbeats.len() < HEARTBEATS {
        return Err(format!("{name}: {} heartbeats", heartbeats.len()));
    }
    assert_eq!(fixture.reason(&running).await, "Listed");

    // Once the clock is right again, what is past its time goes.
    fixture.clock.set(SignedDuration::ZERO);
    let long = Duration::from_secs(u64::from(KEPT) * 3600);
    fixture.simulator.advance(long);
    fixture.turn(long).await;
    until("what is past its time is gone", || async {
        fixture.simulator.advance(STEP);
        fixture.turn(STEP).await;
        match fixture.all().await.len() {
            1 => Ok(()),
            left => Err(format!("{name}: {left} mirrors")),
        }
    })
    .await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn heartbeats_go_on_and_nothing_is_deleted_early_whatever_the_clock_was_set_to() {
    let [hour, days] = [
        SignedDuration::from_hours(1),
        SignedDuration::from_hours(72),
    ];
    let jumps = [
        ("hour-back", -hour),
        ("hour-ahead", hour),
        ("days-back", -days),
        ("days-ahead", days),
    ];
    let ended = jumps.map(|(name, set)| half_an_hour(name, set));
    let ended = futures::future::join_all(ended).await;
    let wrong: Vec<_> = ended.into_iter().filter_map(Result::err).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the mirrors should be after all of it.
async fn agrees(fixture: &Fixture) {
    fixture.agrees().await;
}
