//! What `kubectl describe` and `kubectl events` show: each change once, history never.

use std::time::Duration;

use k8s_openapi::api::events::v1::Event;
use kube::{
    Api,
    api::{DeleteParams, ListParams},
};
use testbed::simulator::{Fault, Remediation as Truth, Times};

use crate::{
    fixture::{CLUSTER, Fixture, until},
    steps::{becomes, events},
};

const MINUTE: Duration = Duration::from_secs(60);

/// Events of the fixture's namespace: of what, type, reason, how often, each line once.
async fn event_lines(fixture: &Fixture) -> Vec<String> {
    let line = |event: Event| {
        let of = event.regarding.unwrap();
        assert!(of.uid.is_some(), "kubectl describe looks for it");
        assert_eq!(
            event.reporting_controller.as_deref(),
            Some("together-remediation-operator")
        );
        format!(
            "{} {} {} {} x{}",
            of.kind.unwrap(),
            of.name.unwrap(),
            event.type_.unwrap(),
            event.reason.unwrap(),
            event.series.map_or(1, |series| series.count)
        )
    };
    let mut lines: Vec<_> = events(fixture).await.into_iter().map(line).collect();
    lines.sort();
    lines
}

async fn wait_for_events(fixture: &Fixture, expected: &[&str]) {
    let mut expected: Vec<String> = expected.iter().map(|line| (*line).to_owned()).collect();
    expected.sort();
    becomes("these are the Events", expected, async || {
        event_lines(fixture).await
    })
    .await;
}

/// One that is created now, by the API's clock.
fn new(fixture: &Fixture, number: u32) -> Truth {
    Truth {
        create_time: Some(fixture.simulator.now().to_string()),
        ..Truth::numbered(CLUSTER, number)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn changes_of_a_remediation_have_events_and_history_has_none() {
    let mut fixture = Fixture::new("events").await;
    for (number, state) in [(1, "FAILED"), (2, "RUNNING"), (3, "RUNNING")] {
        let truth = Truth {
            state: state.to_owned(),
            ..Truth::numbered(CLUSTER, number)
        };
        fixture.simulator.put(truth);
    }
    let [_, ends, vanishes] = fixture.truth().try_into().unwrap();
    fixture.synced_watch(|_| {}).await;
    let synced = "ClusterWatch training Normal Synced x1";
    wait_for_events(&fixture, &[synced]).await;

    fixture.simulator.advance(MINUTE);
    fixture.advance(MINUTE).await;
    let waits = new(&fixture, 4);
    fixture.simulator.put(waits.clone());
    fixture.enter(&ends.id, "FAILED");
    fixture.forget(&vanishes.id);
    fixture.sync("training").await;
    fixture.sync("training").await;
    let failed = format!("Remediation {} Warning RemediationFailed x1", ends.id);
    let gone = format!("Remediation {} Warning NotFound x1", vanishes.id);
    let awaits = format!("Remediation {} Warning AwaitingApproval x1", waits.id);
    wait_for_events(&fixture, &[synced, &failed, &gone, &awaits]).await;

    // What comes while no operator runs is news to the next one, and the rest is not.
    fixture.stop().await;
    fixture.simulator.advance(MINUTE);
    fixture.clock.advance(MINUTE);
    let meanwhile = new(&fixture, 5);
    fixture.simulator.put(meanwhile.clone());
    fixture.start(&[]).await;
    let later = format!("Remediation {} Warning AwaitingApproval x1", meanwhile.id);
    wait_for_events(&fixture, &[synced, &failed, &gone, &awaits, &later]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_that_fails_has_one_event_and_one_when_it_recovers() {
    let fixture = Fixture::new("events-of-a-watch").await;
    fixture.synced_watch(|_| {}).await;
    let refused = Fault::status(401);
    fixture.simulator.fault(refused, Times::UntilCleared);
    fixture.turn(2 * MINUTE).await;
    fixture.ready("training", "Unauthorized").await;
    fixture.turn(2 * MINUTE).await;
    fixture.simulator.clear_faults();
    fixture.sync("training").await;
    fixture.ready("training", "Synced").await;
    let expected = [
        "ClusterWatch training Normal Recovered x1",
        "ClusterWatch training Normal Synced x1",
        "ClusterWatch training Warning Unauthorized x1",
    ];
    wait_for_events(&fixture, &expected).await;
}

/// The notes of the Events of this reason, each with its count.
async fn notes(fixture: &Fixture, reason: &str) -> Vec<(String, i32)> {
    let of = |event: &Event| event.reason.as_deref() == Some(reason);
    let mut notes: Vec<_> = events(fixture)
        .await
        .into_iter()
        .filter(of)
        .map(|event| {
            let series = event.series;
            if let Some(series) = &series {
                let first = event.event_time.unwrap();
                assert!(series.last_observed_time.0 >= first.0, "{series:?}");
            }
            (event.note.unwrap(), series.map_or(1, |series| series.count))
        })
        .collect();
    notes.sort();
    notes
}

/// Changes the mode of `of`, syncs, and waits for these Events of it: (mode before, mode after, how often).
async fn change_mode(fixture: &Fixture, of: &str, mode: &str, expected: &[(&str, &str, i32)]) {
    let mode = format!("REMEDIATION_MODE_{mode}");
    fixture
        .simulator
        .change(CLUSTER, of, |truth| truth.mode = mode);
    fixture.sync("training").await;
    until("the change has its Event", async || {
        let notes = notes(fixture, "ModeChanged").await;
        let fits = |(note, count): &(String, i32), expected: &(&str, &str, i32)| {
            let words = note.split_once(") to ").unwrap();
            words.0.contains(expected.0) && words.1.contains(expected.1) && *count == expected.2
        };
        let all = notes.len() == expected.len()
            && expected
                .iter()
                .all(|one| notes.iter().any(|note| fits(note, one)));
        if all {
            Ok(())
        } else {
            Err(format!("{notes:?}"))
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_change_of_mode_has_its_note_and_deleted_events_are_published_again() {
    let fixture = Fixture::new("events-notes").await;
    let truth = fixture.put_new(1);
    fixture.simulator.change(CLUSTER, &truth.id, |truth| {
        truth.mode = "REMEDIATION_MODE_REBOOT_VM".to_owned();
    });
    fixture.synced_watch(|_| {}).await;
    let (reboot, vm, host) = ("REBOOT_VM", "VM_ONLY", "HOST_AWARE");
    let change =
        async |mode, expected: &[_]| change_mode(&fixture, &truth.id, mode, expected).await;
    change(vm, &[(reboot, vm, 1)]).await;
    change(host, &[(reboot, vm, 1), (vm, host, 1)]).await;
    change(reboot, &[(reboot, vm, 1), (vm, host, 1), (host, reboot, 1)]).await;
    change(vm, &[(reboot, vm, 2), (vm, host, 1), (host, reboot, 1)]).await;

    let events: Api<Event> = Api::namespaced(fixture.client.clone(), &fixture.namespace);
    let (how, all) = (DeleteParams::default(), ListParams::default());
    events.delete_collection(&how, &all).await.unwrap();
    change(host, &[(vm, host, 1)]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_the_longest_name_has_its_events() {
    let fixture = Fixture::new("events-long").await;
    let name = [
        "a".repeat(63),
        "b".repeat(63),
        "c".repeat(63),
        "d".repeat(61),
    ]
    .join(".");
    assert_eq!(name.len(), 253);
    fixture.watch(&name, |_| {}).await;
    fixture.ready(&name, "Synced").await;
    let synced = format!("ClusterWatch {name} Normal Synced x1");
    wait_for_events(&fixture, &[&synced]).await;
}
