//! Writes that go wrong on their way: refused temporarily, lost, answered after the caller has gone, slow.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use testbed::api_proxy::{ApiProxy, Fault, Observed, Which};

use super::{behind_a_proxy, to_mirrors, watches_mirrors};
use crate::{
    admin::probed,
    conditions::{assert_contains, condition},
    fixture::until,
    setup,
    steps::struck,
};

const MIRRORS: u32 = 12;

/// Writes to mirrors that the server took.
fn taken(proxy: &ApiProxy) -> usize {
    let writes = proxy.writes();
    let taken = writes
        .iter()
        .filter(|write| to_mirrors(&write.asked) && write.succeeded());
    taken.count()
}

/// A first mirror and a change of all of it, with `fault` at every write until `times` were struck: in the end everything
/// is there, and was written once.
async fn comes_through(name: &str, fault: Fault, reported_meanwhile: bool) {
    let (fixture, proxy) = behind_a_proxy(setup::control_plane().await, name).await;
    let ids = fixture.put(0..MIRRORS);
    let strike = || proxy.fault(fault.clone(), Which::All, to_mirrors);

    let running = strike();
    fixture.watch("training", |_| {}).await;
    struck(&running, MIRRORS.into()).await;
    if reported_meanwhile {
        fixture.wait_until_idle().await;
        let watch = fixture.watches().get("training").await.unwrap();
        let ready = condition(&watch, "Ready");
        assert_eq!(ready.reason, "Progressing");
        assert_contains(&ready.message, &["Cannot write 12 mirrors"]);
    }
    running.end();
    fixture.wait_until_idle().await;
    fixture.polls_until("Synced").await;
    fixture.agrees().await;

    for id in &ids {
        fixture.enter(id, "RUNNING");
    }
    let running = strike();
    fixture.advance(super::POLL).await;
    struck(&running, MIRRORS.into()).await;
    fixture.wait_until_idle().await;
    running.end();
    until("the mirror is as it should be", || async {
        fixture.sync("training").await;
        let running =
            fixture.all().await.into_iter().filter(|mirror| {
                mirror.status.as_ref().unwrap().state.as_deref() == Some("RUNNING")
            });
        match running.count() {
            12 => Ok(()),
            some => Err(format!("{some}")),
        }
    })
    .await;
    fixture.agrees().await;
    fixture.assert_each_state_once().await;
    fixture.writes_no_more().await;
    assert_eq!(taken(&proxy), 3 * MIRRORS as usize, "a write too many");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_conflict_is_planned_again() {
    comes_through("conflict", Fault::answer(409), true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_of_the_server_are_tried_again() {
    for status in [500, 503, 504] {
        comes_through("error", Fault::answer(status), true).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_breaks_is_made_again() {
    comes_through("broken", Fault::Break, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_is_lost_is_not_made_twice() {
    comes_through("lost", Fault::LoseAnswer, true).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn slow_writes_are_waited_for() {
    comes_through("slow", Fault::Delay(Duration::from_secs(2)), false).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_landed_unseen_is_found_again() {
    let (fixture, proxy) = behind_a_proxy(setup::control_plane().await, "unseen").await;
    fixture.put(0..3);
    probed(&fixture, "/readyz", 200, "ok").await;
    let blind = proxy.fault(Fault::Break, Which::All, watches_mirrors);
    let _ = proxy.cut_watches();
    let lost = proxy.fault(Fault::LoseAnswer, Which::All, to_mirrors);
    fixture.watch("training", |_| {}).await;
    struck(&lost, 3).await;
    lost.end();
    fixture.wait_until_idle().await;
    // The index knows nothing of them: they are created once more, and exist already.
    fixture.sync("training").await;
    let exists = |write: &&Observed| {
        write
            .answer
            .as_ref()
            .is_some_and(|answer| answer.status == 409)
    };
    assert_eq!(proxy.writes().iter().filter(exists).count(), 3);
    assert_eq!(fixture.condition("Ready").await.reason, "Progressing");
    blind.end();
    fixture.syncs_until_synced().await;
    fixture.agrees().await;
    assert_eq!(taken(&proxy), 6);
    fixture.writes_no_more().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_index_that_sees_nothing_is_reported_once_the_mirror_is_stale() {
    let (fixture, proxy) = behind_a_proxy(setup::control_plane().await, "blind").await;
    let ids = fixture.put(0..3);
    fixture.synced_watch(|_| {}).await;
    let blind = proxy.fault(Fault::Break, Which::All, watches_mirrors);
    let _ = proxy.cut_watches();
    fixture.edit(&ids[0]).await;
    fixture.enter(&ids[0], "RUNNING");
    let message = fixture.polls_until("WriteFailed").await;
    assert_contains(&message, &[&ids[0], "changed concurrently"]);
    blind.end();
    fixture.polls_until("Synced").await;
    fixture.agrees().await;
    fixture.writes_no_more().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retry_after_of_the_api_server_is_honored() {
    let (fixture, proxy) = behind_a_proxy(setup::control_plane().await, "retry-after").await;
    let ids = fixture.put(0..MIRRORS);
    let fault = Fault::Answer {
        status: 429,
        retry_after: Some(2),
    };
    let running = proxy.fault(fault, Which::All, to_mirrors);
    fixture.watch("training", |_| {}).await;
    struck(&running, 2 * u64::from(MIRRORS)).await;
    running.end();
    fixture.ready("training", "Synced").await;
    assert_eq!(fixture.simulator.counters().listings, 1, "in one poll");
    fixture.agrees().await;
    let tried = creations(&proxy);
    assert_eq!(
        tried.keys().collect::<BTreeSet<_>>(),
        ids.iter().collect::<BTreeSet<_>>()
    );
    assert!(tried.values().all(|times| times.len() > 1), "{tried:?}");
    are_apart(&tried, Duration::from_secs(2));
    fixture.writes_no_more().await;
}

/// When each mirror's creation was tried.
fn creations(proxy: &ApiProxy) -> BTreeMap<String, Vec<Instant>> {
    let mut tried: BTreeMap<String, Vec<Instant>> = BTreeMap::new();
    for write in proxy.writes() {
        if to_mirrors(&write.asked) && write.asked.subresource().is_none() {
            let name = write.asked.name().unwrap().to_owned();
            tried.entry(name).or_default().push(write.arrived);
        }
    }
    tried
}

/// Fails where one was tried again sooner than this after the time before.
fn are_apart(tried: &BTreeMap<String, Vec<Instant>>, least: Duration) {
    let apart = tried.values().flat_map(|times| times.windows(2));
    let apart = apart.map(|two| two[1] - two[0]).min().unwrap();
    assert!(apart >= least, "hammered: {apart:?}");
}

/// The operator's writes to mirrors of one namespace have no seat in the API server.
const NO_SEAT: &str = r"
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: PriorityLevelConfiguration
metadata: {name: $NAMESPACE}
spec: {type: Limited, limited: {nominalConcurrencyShares: 0, lendablePercent: 0, borrowingLimitPercent: 0, limitResponse: {type: Reject}}}
---
apiVersion: flowcontrol.apiserver.k8s.io/v1
kind: FlowSchema
metadata: {name: $NAMESPACE}
spec:
  matchingPrecedence: 100
  priorityLevelConfiguration: {name: $NAMESPACE}
  rules:
    - subjects: [{kind: ServiceAccount, serviceAccount: {name: together-remediation-operator, namespace: together-system}}]
      resourceRules:
        - {apiGroups: [compute.together.ai], resources: [remediations, remediations/status], verbs: [create, update], namespaces: [$NAMESPACE]}
";

#[tokio::test(flavor = "multi_thread")]
async fn priority_and_fairness_itself_loses_nothing() {
    let (fixture, proxy) = behind_a_proxy(setup::control_plane().await, "fairness").await;
    fixture.put(0..MIRRORS);
    let level = NO_SEAT.replace("$NAMESPACE", &fixture.namespace);
    fixture.control_plane.apply(&level).await.unwrap();
    fixture.watch("training", |_| {}).await;
    fixture.ready_contains("training", "oo many requests").await;
    // What the server itself asks for with each of these answers.
    are_apart(&creations(&proxy), Duration::from_secs(1));
    let seats = "nominalConcurrencyShares: 0";
    let level = level.replace(seats, "nominalConcurrencyShares: 100");
    fixture.control_plane.apply(&level).await.unwrap();
    fixture.polls_until("Synced").await;
    fixture.agrees().await;
    fixture.writes_no_more().await;
}
