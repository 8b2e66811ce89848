//! Writes and mirrors as they are counted.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::*;
use crate::sync::metrics::{change::Change, meter::Writing};

/// One whose times all differ.
fn timed(state: &str) -> together::Remediation {
    together::Remediation {
        review_time: some("2026-11-23T09:00:30Z"),
        start_time: some("2026-11-23T09:01:30Z"),
        end_time: some("2026-11-23T09:11:30Z"),
        ..item(1, state)
    }
}

fn status(state: &str) -> Box<RemediationStatus> {
    Box::new(from_api(&timed(state), &[], 1))
}

/// The update of an `open` remediation's mirror, in state `from`.
pub(super) fn update(from: &str, to: &str) -> MirrorChange {
    let before = item(1, from);
    let name = object_name(CLUSTER, &before.id);
    MirrorChange::Update {
        mirror: index(std::slice::from_ref(&before))
            .get(NAMESPACE, &name)
            .unwrap(),
        status: Some(status(to)),
        metadata: false,
    }
}

fn create(to: &str) -> MirrorChange {
    creation(&timed(to))
}

#[tokio::test]
async fn a_repair_is_timed_once_when_it_ends() {
    let (metrics, watches, ..) = metrics();
    let meter = watches.meter("ns", "w");
    let wrote = |change: &MirrorChange, done| meter.wrote(&Writing::of(change, None), &Ok(done));
    wrote(&update("PENDING_APPROVAL", "RUNNING"), Done::Updated);
    assert!(lines(&metrics, "time_to").is_empty());
    wrote(&update("RUNNING", "SUCCEEDED"), Done::Conflict);
    assert!(lines(&metrics, "time_to").is_empty(), "it was not written");
    wrote(&update("RUNNING", "SUCCEEDED"), Done::Updated);
    wrote(&update("SUCCEEDED", "FAILED"), Done::Updated);
    wrote(&update("SUCCEEDED", "SUCCEEDED"), Done::Updated);
    for (what, seconds) in [("approve", "30.0"), ("start", "60.0"), ("finish", "600.0")] {
        let labels = r#"{mode="REBOOT_VM",result="SUCCEEDED"}"#;
        let name = format!("together_remediation_time_to_{what}_seconds_");
        for (of, number) in [("sum", seconds), ("count", "1")] {
            let samples = lines(&metrics, &format!("{name}{of}"));
            assert_eq!(samples, [format!("{name}{of}{labels} {number}")]);
        }
    }
    let moves = lines(&metrics, "transitions_total");
    assert_eq!(moves.len(), 2, "{moves:?}");
}

#[test]
fn history_is_no_change_and_times_that_make_no_sense_are_none() {
    let event_cutoff = Some(at("2026-11-23T08:59:00Z"));
    let change = Change::of(&create("SUCCEEDED"), event_cutoff).unwrap();
    assert_eq!(change.took, [Some(30.0), Some(60.0), Some(600.0)]);
    let late = Some(at("2026-11-23T09:00:01Z"));
    for event_cutoff in [None, late] {
        assert_eq!(Change::of(&create("SUCCEEDED"), event_cutoff), None);
    }
    let mut unfinished = update("RUNNING", "SUCCEEDED");
    if let MirrorChange::Update { mirror, .. } = &mut unfinished {
        Arc::make_mut(mirror).state = "".into();
    }
    let written_late = Change::of(&unfinished, event_cutoff);
    assert_eq!(written_late, Some(change), "no status until now");
    assert_eq!(Change::of(&unfinished, late), None);
    let mut odd = status("FAILED");
    odd.review_time = some("soon");
    odd.end_time = some("2026-11-23T09:01:00Z");
    odd.mode = some("A_NEW_ONE");
    let change = Change::of(&MirrorChange::Create(odd, spec(&id(1))), event_cutoff).unwrap();
    assert_eq!(change.took, [None, Some(90.0), None]);
    assert_eq!((change.mode, change.to), ("other", "FAILED"));
}

#[tokio::test]
async fn open_ones_have_a_series_each_up_to_a_bound() {
    let (metrics, watches, ..) = metrics();
    let meter = watches.meter("ns", "w");
    let mut items: Vec<_> = (0..502).map(|number| item(number, "RUNNING")).collect();
    items.push(item(900, "DRAINING"));
    items.push(item(901, "FAILED"));
    meter.shows(&index(&items), &target());
    assert_eq!(lines(&metrics, "open_since_timestamp_seconds{").len(), 500);
    let overflow = || lines(&metrics, "open_overflow");
    assert_eq!(overflow(), ["together_remediation_open_overflow 3.0"]);
    let states = lines(&metrics, "_mirrors{");
    assert_eq!(
        states,
        [("FAILED", 1), ("RUNNING", 502), ("other", 1)].map(|(state, count)| format!(
            r#"together_remediation_mirrors{{clusterwatch_namespace="ns",clusterwatch="w",state="{state}"}} {count}"#
        ))
    );
    drop(meter);
    assert!(lines(&metrics, r#"clusterwatch="w""#).is_empty());
    assert_eq!(overflow(), ["together_remediation_open_overflow 0.0"]);
}

#[tokio::test]
async fn an_open_one_names_its_machine_and_since_when() {
    let (metrics, watches, ..) = metrics();
    let meter = watches.meter("ns", "w");
    let odd = together::Remediation {
        instance_name: some("gpu\"1\\"),
        ..item(1, "PENDING_APPROVAL")
    };
    meter.shows(&index(&[odd]), &target());
    let open = lines(&metrics, "open_since_timestamp_seconds{");
    let id = item(1, "").id;
    assert_eq!(
        open,
        [format!(
            r#"together_remediation_open_since_timestamp_seconds{{clusterwatch_namespace="ns",clusterwatch="w",remediation="{id}",gpu_node="gpu\"1\\",state="PENDING_APPROVAL",mode="REBOOT_VM"}} 1795424400.0"#
        )]
    );
}

#[tokio::test]
async fn a_watch_is_stale_once_it_was_not_listed_for_too_long() {
    let (metrics, watches, _, clock) = metrics();
    let meter = watches.meter("ns", "w");
    assert!(lines(&metrics, "clusterwatch_stale").is_empty());
    meter.stale_after(clock.elapsed(), Duration::from_secs(60));
    let stale = || lines(&metrics, "clusterwatch_stale")[0].ends_with(" 1.0");
    clock.advance(Duration::from_secs(60));
    assert!(!stale());
    clock.advance(Duration::from_secs(1));
    assert!(stale(), "it was never listed");
    meter.synced(clock.elapsed(), Duration::ZERO);
    assert!(!stale());
}

/// A condition Ready.
pub(super) fn ready(status: &str, reason: &str) -> Condition {
    Condition {
        type_: "Ready".into(),
        status: status.into(),
        reason: reason.into(),
        message: String::new(),
        observed_generation: None,
        last_transition_time: Time(at("2026-11-23T09:00:00Z")),
    }
}

#[tokio::test]
async fn the_reason_of_ready_is_a_label_only_while_it_is_not_true() {
    let (metrics, watches, ..) = metrics();
    let meter = watches.meter("ns", "w");
    assert!(lines(&metrics, "ready").is_empty(), "nothing is known yet");
    let of = r#"clusterwatch_namespace="ns",clusterwatch="w""#;
    for (status, reason, number) in [
        ("False", "Unauthorized", 0),
        ("Unknown", "Progressing", 0),
        ("True", "Synced", 1),
    ] {
        meter.stands(&[ready(status, reason)]);
        let ready = format!("together_remediation_clusterwatch_ready{{{of}}} {number}.0");
        assert_eq!(lines(&metrics, "_ready{")[0], ready);
        let why = lines(&metrics, "clusterwatch_not_ready");
        let expected =
            format!(r#"together_remediation_clusterwatch_not_ready{{{of},reason="{reason}"}} 1"#);
        let expected = Some(expected).filter(|_| number == 0);
        assert_eq!(why, expected.into_iter().collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn a_time_that_is_not_set_is_in_no_metric() {
    for zero in ZERO_TIMES {
        let (metrics, watches, ..) = metrics();
        let meter = watches.meter("ns", "w");
        let waits = together::Remediation {
            create_time: some(zero),
            update_time: some(zero),
            ..item(1, "PENDING_APPROVAL")
        };
        let index = index(std::slice::from_ref(&waits));
        let mut object = crate::testing::mirror(&waits);
        object.metadata.resource_version = some("2");
        object.status.as_mut().unwrap().transitions = vec![Transition {
            to: "PENDING_APPROVAL".into(),
            time: some(zero),
            observed_time: "2026-11-23T10:00:00Z".into(),
            ..Transition::default()
        }];
        index.apply(object);
        meter.shows(&index, &target());
        let open = lines(&metrics, "open_since_timestamp_seconds{");
        assert_eq!(open.len(), 1, "it waits all the same");
        let seen = at("2026-11-23T10:00:00Z").as_second();
        assert!(open[0].ends_with(&format!(" {seen}.0")), "{open:?}");

        let mut ended = status("FAILED");
        (ended.review_time, ended.start_time) = (some(zero), some(zero));
        let event_cutoff = Some(at("2026-11-23T08:59:00Z"));
        let change = Change::of(&MirrorChange::Create(ended, spec(&id(1))), event_cutoff).unwrap();
        assert_eq!(change.took, [None; 3]);
    }
}
