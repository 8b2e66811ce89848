use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};

use super::*;
use crate::{
    api::{
        cluster_watch::{ClusterWatch, ClusterWatchSpec, ClusterWatchStatus},
        remediation::RemediationStatus,
    },
    controller::events::{Shown, of_notes, of_report, of_vanished},
    mirror::{
        name::object_name,
        status::{Synced, from_api},
    },
    sync::{change::MirrorChange, events::events_for},
    testing::{CLUSTER, NAMESPACE, at, creation, full_item, id, index, item, some},
    together,
};

/// `item` was created after this, so it gets Events.
const EVENT_CUTOFF: &str = "2026-11-23T08:00:00Z";

/// Types (`!`: Warning), reasons and notes.
fn lines(drafts: impl IntoIterator<Item = EventDraft>) -> Vec<String> {
    let line = |draft: EventDraft| {
        let mark = if draft.warning { "! " } else { "" };
        format!("{mark}{}: {}", draft.reason, draft.note)
    };
    drafts.into_iter().map(line).collect()
}

fn status(item: &together::Remediation) -> Box<RemediationStatus> {
    Box::new(from_api(item, &[], 1))
}

fn update(before: &together::Remediation, after: &together::Remediation) -> Vec<String> {
    let change = MirrorChange::Update {
        mirror: mirror(before),
        status: Some(status(after)),
        metadata: false,
    };
    lines(events_for(&change, Some(at(EVENT_CUTOFF))))
}

fn mirror(item: &together::Remediation) -> std::sync::Arc<crate::store::Mirror> {
    let name = object_name(CLUSTER, &item.id);
    index(std::slice::from_ref(item))
        .get(NAMESPACE, &name)
        .unwrap()
}

fn create(state: &str, event_cutoff: Option<Timestamp>) -> Vec<String> {
    lines(events_for(&creation(&item(1, state)), event_cutoff))
}

#[test]
fn a_new_remediation_gets_an_event_and_history_does_not() {
    let one = [format!(
        "! AwaitingApproval: instance-1: reboot (REBOOT_VM) awaits approval since 2026-11-23T09:00:00Z. To approve: tg clusters remediations approve {} --mode REBOOT_VM",
        id(1)
    )];
    assert_eq!(create("PENDING_APPROVAL", Some(at(EVENT_CUTOFF))), one);
    assert_eq!(create("PENDING_APPROVAL", None), [""; 0], "a first sync");
    let later = at("2026-11-23T09:00:01Z");
    assert_eq!(create("PENDING_APPROVAL", Some(later)), [""; 0]);
}

#[test]
fn each_state_that_is_entered_gets_an_event_with_its_reason() {
    let entered = |state| update(&item(1, "ANOTHER"), &item(1, state)).concat();
    for (state, reason, note) in [
        ("PENDING", "Queued", "is approved and queued"),
        ("RUNNING", "Running", "is running"),
        ("SUCCEEDED", "Succeeded", "succeeded"),
        (
            "FAILED",
            "! RemediationFailed",
            "failed. Request another remediation or contact Together support, unless a later one succeeded",
        ),
        ("CANCELLED", "Cancelled", "was rejected or cancelled"),
        (
            "NEW-ONE",
            "UnknownState",
            "is in state NEW-ONE, which this version does not recognize. No action is needed",
        ),
    ] {
        let expected = format!("{reason}: instance-1: reboot (REBOOT_VM) {note}");
        assert_eq!(entered(state), expected);
    }
    assert_eq!(update(&item(1, "RUNNING"), &item(1, "RUNNING")), [""; 0]);
    let reopened = update(&item(1, "FAILED"), &item(1, "RUNNING"));
    assert_eq!(reopened.len(), 1, "a finished one that goes on");
}

#[test]
fn no_event_quotes_text_that_a_person_may_have_written() {
    for state in ["PENDING_APPROVAL", "FAILED", "CANCELLED", "RUNNING"] {
        let note = update(&item(1, "ANOTHER"), &full_item(state)).concat();
        assert!(note.contains("gpu-dp-17"), "{note}");
        for text in [
            "the-reason",
            "the-requester",
            "the-reviewer",
            "the-comment",
            "the-error",
            "GPU fell",
        ] {
            assert!(!note.contains(text), "{note}");
        }
    }
}

#[test]
fn another_mode_gets_an_event() {
    let after = together::Remediation {
        mode: some("REMEDIATION_MODE_VM_ONLY"),
        ..item(1, "PENDING_APPROVAL")
    };
    let expected = "ModeChanged: instance-1: the mode changed from reboot (REBOOT_VM) to quick reprovision (VM_ONLY)";
    assert_eq!(update(&item(1, "PENDING_APPROVAL"), &after), [expected]);
}

#[test]
fn a_remediation_that_vanishes_or_comes_back_gets_an_event() {
    let running = mirror(&item(1, "RUNNING"));
    let marked = |synced| {
        let mark = MirrorChange::Mark(running.clone(), synced);
        lines(events_for(&mark, None)).concat()
    };
    for synced in [
        Synced::Stale,
        Synced::NotFound,
        Synced::NotListed,
        Synced::Forbidden,
    ] {
        let expected = format!("! {}: instance-1: {}", synced.reason(), synced.message());
        assert_eq!(marked(synced), expected);
    }
    let back = "Listed: instance-1: listed again; the mirror matches the API";
    assert_eq!(marked(Synced::Listed), back);
    let mut stale = (*running).clone();
    stale.lifecycle.synced = Synced::Stale;
    let change = |state| MirrorChange::Update {
        mirror: stale.clone().into(),
        status: Some(status(&item(1, state))),
        metadata: false,
    };
    assert_eq!(lines(events_for(&change("RUNNING"), None)), [back]);
    let ended = lines(events_for(&change("SUCCEEDED"), None));
    assert_eq!(
        ended.len(),
        1,
        "the Event of its new state is enough: {ended:?}"
    );
}

fn shown(status: &str, reason: &str, message: &str, reconciling: &str) -> Shown {
    let condition = |type_: &str, status: &str, reason: &str, message: &str| Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.to_owned(),
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
        observed_generation: None,
    };
    Shown::by(&ClusterWatchStatus {
        conditions: vec![
            condition("Ready", status, reason, message),
            condition("Reconciling", "False", reconciling, ""),
        ],
        ..ClusterWatchStatus::default()
    })
}

#[test]
fn a_failing_watch_gets_one_event_and_another_when_it_recovers() {
    let pending = Shown::by(&ClusterWatchStatus::default());
    let synced = shown("True", "Synced", "agrees", "Synced");
    let failing = shown("False", "RateLimited", "wait", "RateLimited");
    let failing_longer = shown("False", "RateLimited", "wait longer", "RateLimited");
    let stalled = shown("False", "Unauthorized", "another key", "Unauthorized");
    let suspended = shown("True", "Synced", "suspended", "Suspended");
    let event = |before: &Shown, after: &Shown| lines(of_report(before, after)).concat();
    assert_eq!(event(&pending, &synced), "Synced: agrees");
    assert_eq!(event(&synced, &synced), "");
    assert_eq!(event(&synced, &failing), "! RateLimited: wait");
    assert_eq!(event(&failing, &failing_longer), "");
    assert_eq!(event(&failing, &stalled), "! Unauthorized: another key");
    assert_eq!(event(&stalled, &synced), "Recovered: agrees");
    assert!(event(&synced, &suspended).starts_with("Suspended: Syncs are suspended"));
    assert_eq!(event(&suspended, &suspended), "");
    assert_eq!(event(&suspended, &synced), "");
}

#[test]
fn each_note_gets_one_event_also_across_a_restart() {
    let notes = [
        (Reason::ItemsLeftOut, "Left out 1: x".to_owned()),
        (Reason::DialectFallback, "asked by commas".to_owned()),
    ];
    let synced = |message| shown("True", "Synced", message, "Synced");
    let [left_out, fallback] = [
        "! ItemsLeftOut: Left out 1: x",
        "DialectFallback: asked by commas",
    ];
    let first = lines(of_notes(&notes, &synced("agrees"), ""));
    assert_eq!(first, [left_out, fallback]);
    let restarted = synced("agrees; Left out 1: x. asked by commas");
    assert_eq!(lines(of_notes(&notes, &restarted, "")), [""; 0]);
    let more = lines(of_notes(&notes, &synced("suspended"), "Left out 1: x"));
    assert_eq!(more, [fallback]);
    assert_eq!(lines(of_vanished(0)), [""; 0]);
    assert!(lines(of_vanished(12))[0].starts_with("! MassDisappearance: 12 open"));
}

#[test]
fn what_is_too_much_is_dropped_and_counted_and_watches_have_room() {
    let (queue, mut receiver) = channel(QUEUE);
    let events = Events {
        queue: Some(queue),
        dropped: Counter::default(),
    };
    let one = || Some(EventDraft::normal(Reason::Running, "x".to_owned()));
    for _ in 0..QUEUE {
        events.of_mirror((NAMESPACE, "one", "uid-1"), one());
    }
    assert_eq!(events.dropped().get(), RESERVED as u64);
    let watch = ClusterWatch::new("training", ClusterWatchSpec::default());
    events.of_watch(&watch, one());
    assert_eq!(events.dropped().get(), RESERVED as u64);
    let (mirror, _) = receiver.try_recv().unwrap();
    for (field, expected) in [
        (mirror.api_version, "compute.together.ai/v1alpha1"),
        (mirror.kind, "Remediation"),
        (mirror.namespace, NAMESPACE),
        (mirror.name, "one"),
        (mirror.uid, "uid-1"),
    ] {
        assert_eq!(field.unwrap(), expected);
    }
    Events::default().of_watch(&watch, one());
}
