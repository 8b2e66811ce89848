#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{
    Synced::{Forbidden, NotFound, NotListed, Stale},
    *,
};
use crate::testing::{ZERO_TIMES, condition, full_item, item, random, some, word};

mod alerts;
mod approval;
mod schema;
mod since;

const ALL_OMITTABLE: [(OmitField, &str); 8] = [
    (OmitField::RequestedBy, "requestedBy"),
    (OmitField::ReviewedBy, "reviewedBy"),
    (OmitField::ReviewComment, "reviewComment"),
    (OmitField::Reason, "reason"),
    (OmitField::ErrorMessage, "errorMessage"),
    (OmitField::LinkedAlerts, "linkedAlerts"),
    (OmitField::ActiveHealthCheckRunId, "activeHealthCheckRunId"),
    (
        OmitField::PassiveHealthCheckEventId,
        "passiveHealthCheckEventId",
    ),
];

fn status(state: &str) -> RemediationStatus {
    from_api(&full_item(state), &[], 1)
}

fn fields(status: &RemediationStatus) -> serde_json::Map<String, Value> {
    let mut value = serde_json::to_value(status).unwrap();
    let fields = value.as_object_mut().unwrap();
    fields.remove("conditions");
    fields.clone()
}

#[test]
fn every_state_has_the_conditions_of_the_contract() {
    // state, open, Synced, Succeeded, Reconciling, Stalled
    let table = [
        ("PENDING_APPROVAL", true, "Unknown", "AwaitingApproval"),
        ("PENDING", true, "Unknown", "Queued"),
        ("RUNNING", true, "Unknown", "Running"),
        ("QUARANTINING", true, "Unknown", "Quarantining"),
        ("QUARANTINED", true, "Unknown", "Quarantined"),
        ("DREAMING", true, "Unknown", "UnknownState"),
        ("SUCCEEDED", false, "True", "Succeeded"),
        ("AUTO_RESOLVED", false, "True", "AutoResolved"),
        ("CANCELLED", false, "False", "Cancelled"),
        ("FAILED", false, "False", "RemediationFailed"),
    ];
    for (state, open, succeeded, reason) in table {
        let status = status(state);
        let conditions = &status.conditions;
        assert_eq!(status.open, Some(open), "{state}");
        assert_eq!(word(conditions, "Succeeded"), (succeeded, reason));
        let (reconciling, synced) = [("False", "Final"), ("True", "Listed")][usize::from(open)];
        assert_eq!(word(conditions, "Synced"), ("True", synced), "{state}");
        assert_eq!(condition(conditions, "Reconciling").status, reconciling);
        let stalled = if state == "FAILED" { "True" } else { "False" };
        assert_eq!(condition(conditions, "Stalled").status, stalled, "{state}");
        assert_eq!(conditions.len(), 4);
    }
    let failed = status("FAILED").conditions;
    assert_eq!(word(&failed, "Stalled").1, "RemediationFailed");
}

#[test]
fn every_condition_speaks_of_the_generation() {
    let status = from_api(&item(1, "RUNNING"), &[], 7);
    assert_eq!(status.observed_generation, Some(7));
    let mut conditions = status.conditions.iter();
    assert!(conditions.all(|c| c.observed_generation == Some(7)));
}

#[test]
fn every_field_is_mirrored_without_its_prefix() {
    let expected = json!({
        "observedGeneration": 1, "open": true,
        "node": "gpu-dp-17", "stateSince": "2026-11-23T09:00:03Z", "state": "RUNNING", "mode": "REBOOT_VM", "trigger": "AUTOMATED",
        "instanceId": "instance-1", "instanceName": "gpu-dp-17", "reason": "the-reason",
        "activeHealthCheckRunId": "active-1", "passiveHealthCheckEventId": "passive-1",
        "requestedBy": "the-requester", "createTime": "2026-11-23T09:00:01Z",
        "reviewedBy": "the-reviewer", "reviewTime": "2026-11-23T09:00:02Z", "reviewComment": "the-comment",
        "startTime": "2026-11-23T09:00:03Z", "endTime": "2026-11-23T09:00:04Z",
        "errorMessage": "the-error", "updateTime": "2026-11-23T09:00:05Z",
        "linkedAlerts": [{
            "name": "XidError", "severity": "PHC_SEVERITY_CRITICAL", "title": "GPU fell off the bus",
            "summary": "the-summary", "description": "the-description",
            "startedAt": "2026-11-23T08:59:00Z", "resolvedAt": "2026-11-23T08:59:30Z",
            "xids": [{"code": 79, "mnemonic": "GPU_LOST", "count": 2}], "slurmReason": "the-slurm-reason",
        }],
    });
    assert_eq!(Value::Object(fields(&status("RUNNING"))), expected);
}

#[test]
fn what_the_api_does_not_have_is_absent() {
    let bare = together::Remediation {
        id: "r".into(),
        state: "RUNNING".into(),
        ..together::Remediation::default()
    };
    let expected = json!({"observedGeneration": 1, "open": true, "state": "RUNNING"});
    assert_eq!(Value::Object(fields(&from_api(&bare, &[], 1))), expected);
}

#[test]
fn each_omitted_field_and_nothing_else_is_left_out() {
    let all = fields(&status("FAILED"));
    for (field, name) in ALL_OMITTABLE {
        let mut expected = all.clone();
        assert!(expected.remove(name).is_some(), "{name}");
        let omitted = from_api(&full_item("FAILED"), &[field], 1);
        assert_eq!(fields(&omitted), expected, "{name}");
    }
}

#[test]
fn what_is_omitted_is_in_no_message_either() {
    let omit = ALL_OMITTABLE.map(|(field, _)| field);
    for state in crate::testing::STATES {
        let status = from_api(&full_item(state), &omit, 1);
        let text = serde_json::to_string(&status).unwrap();
        for hidden in [
            "the-requester",
            "the-reviewer",
            "the-comment",
            "the-reason",
            "the-error",
            "GPU fell",
            "XidError",
            "active-1",
            "passive-1",
            "the-summary",
            "the-description",
            "the-slurm-reason",
            "GPU_LOST",
            "Xid 79",
        ] {
            assert!(!text.contains(hidden), "{state}: {hidden} in {text}");
        }
    }
}

#[test]
fn an_odd_mode_or_trigger_stays_as_it_is() {
    let odd = together::Remediation {
        mode: some("REMEDIATION_TRIGGER_X"),
        trigger: some("Y"),
        ..item(1, "RUNNING")
    };
    let status = from_api(&odd, &[], 1);
    assert_eq!(status.mode, some("REMEDIATION_TRIGGER_X"));
    assert_eq!(status.trigger, some("Y"));
}

#[test]
fn the_node_is_the_instances_name_else_its_id() {
    let nameless = together::Remediation {
        instance_name: None,
        ..full_item("RUNNING")
    };
    assert_eq!(status("RUNNING").node, some("gpu-dp-17"));
    assert_eq!(from_api(&nameless, &[], 1).node, some("instance-1"));
}

#[test]
fn long_texts_are_cut_at_a_character() {
    let limit = limits::TEXT as usize;
    let fits = "€".repeat(limit);
    let cut = |text: &str| {
        let item = together::Remediation {
            reason: some(text),
            ..item(1, "RUNNING")
        };
        from_api(&item, &[], 1).reason.unwrap()
    };
    assert_eq!(cut(&fits), fits);
    let long = cut(&format!("{fits}x"));
    assert_eq!(long, format!("{}…", "€".repeat(limit - 1)));
}

#[test]
fn the_approver_gets_everything_in_one_sentence() {
    let awaiting = |item: &together::Remediation| {
        let conditions = from_api(item, &[], 1).conditions;
        condition(&conditions, "Succeeded").message.clone()
    };
    let mut item = full_item("PENDING_APPROVAL");
    let command = format!("remediations approve {} --mode REBOOT_VM", item.id);
    let message = awaiting(&item);
    for part in [
        "gpu-dp-17",
        "reboot",
        "REBOOT_VM",
        "the-reason",
        "since 2026-11-23T09:00:01Z",
        &format!("tg clusters {command}"),
    ] {
        assert!(message.contains(part), "{part} is not in: {message}");
    }
    item.reason = None;
    assert!(awaiting(&item).contains("GPU fell off the bus"));
    item.linked_alerts[0].title = None;
    assert!(awaiting(&item).contains("XidError"));
}

#[test]
fn a_time_that_is_not_set_is_mirrored_but_in_no_message() {
    for zero in ZERO_TIMES {
        for state in ["PENDING_APPROVAL", "PENDING", "RUNNING"] {
            let item = together::Remediation {
                create_time: some(zero),
                review_time: some(zero),
                start_time: some(zero),
                ..full_item(state)
            };
            let status = from_api(&item, &[], 1);
            assert_eq!(status.create_time, some(zero));
            for condition in &status.conditions {
                assert!(!condition.message.contains("since"), "{condition:?}");
            }
        }
    }
}

#[test]
fn a_failure_says_why() {
    let status = status("FAILED");
    for type_ in ["Succeeded", "Stalled"] {
        let message = &condition(&status.conditions, type_).message;
        assert!(message.contains("gpu-dp-17") && message.contains("the-error"));
    }
}

#[test]
fn what_may_need_a_look_names_the_machine() {
    let marks = [Stale, NotFound, NotListed, Forbidden];
    for state in ["PENDING_APPROVAL", "PENDING", "DREAMING", "FAILED"] {
        let marked = marks.map(|synced| {
            let mut status = status(state);
            mark(&mut status, synced, "r", 1);
            status
        });
        let all = marked.into_iter().chain([status(state)]);
        for condition in all.flat_map(|status| status.conditions) {
            let is_fine = (&*condition.type_, &*condition.status) == ("Synced", "True");
            let names = condition.message.starts_with("gpu-dp-17: ");
            assert!(
                names || is_fine || condition.message.is_empty(),
                "{condition:?}"
            );
        }
    }
}

#[test]
fn a_mark_changes_open_and_conditions_only() {
    // Synced, its status, open, Succeeded's reason, Reconciling, Stalled
    let table = [
        (Stale, "Unknown", true, "Running", "True", "False"),
        (NotFound, "False", false, "NotFound", "False", "False"),
        (NotListed, "False", false, "NotListed", "False", "False"),
        (Forbidden, "False", true, "Running", "False", "True"),
    ];
    for (synced, value, open, succeeded, reconciling, stalled) in table {
        let before = status("RUNNING");
        let mut after = before.clone();
        mark(&mut after, synced, "r", 3);
        let conditions = &after.conditions;
        let reason = synced.reason();
        assert_eq!(word(conditions, "Synced"), (value, reason.as_str()));
        assert_eq!(word(conditions, "Succeeded"), ("Unknown", succeeded));
        assert_eq!(condition(conditions, "Reconciling").status, reconciling);
        assert_eq!(condition(conditions, "Stalled").status, stalled);
        assert!(conditions.iter().all(|c| c.observed_generation == Some(3)));
        assert_eq!(after.open, Some(open));
        let expected = RemediationStatus {
            open: Some(open),
            observed_generation: Some(3),
            conditions: after.conditions.clone(),
            ..before
        };
        assert_eq!(after, expected);
    }
}

#[test]
fn a_failed_one_that_is_gone_is_not_stalled() {
    let mut status = status("FAILED");
    mark(&mut status, Synced::NotFound, "r", 1);
    assert_eq!(condition(&status.conditions, "Stalled").status, "False");
    let succeeded = word(&status.conditions, "Succeeded");
    assert_eq!(succeeded, ("Unknown", "NotFound"));
}

#[test]
fn a_reason_leads_back_to_its_synced() {
    let marks = [Stale, NotFound, NotListed, Forbidden];
    let others = [Synced::Pending, Synced::Listed, Synced::Final];
    for synced in marks.into_iter().chain(others) {
        assert_eq!(Synced::from_reason(synced.reason().as_str()), synced);
    }
    assert_eq!(Synced::from_reason("Nonsense"), Synced::Pending);
}

proptest! {
    #[test]
    fn every_reason_is_out_of_the_list(state in "\\PC{0,200}") {
        let status = from_api(&item(1, &state), &[], 1);
        for condition in &status.conditions {
            prop_assert!(condition.reason.parse::<Reason>().is_ok(), "{condition:?}");
        }
    }
}
