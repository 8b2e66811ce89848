//! Fields that are left out, too long, unreadable, or newer than the reference page.

use serde_json::json;
use testbed::simulator::{
    AlertAnnotation, Fault, LinkedAlert, Remediation as Truth, SlurmAnnotation, Times,
    XidAnnotation, XidEvent,
};
use together_remediation_operator::api::cluster_watch::OmitField;

use crate::{
    conditions::{IN_SYNC, assert_contains, condition},
    fixture::{CLUSTER, Fixture, mirror_condition},
    truth::assert_mirrors,
};

fn alert(number: usize) -> LinkedAlert {
    LinkedAlert {
        passive_health_check_alert_id: format!("alert-{number}"),
        alert_name: format!("GpuXidError{number}"),
        cluster_id: CLUSTER.to_owned(),
        severity: "PHC_SEVERITY_CRITICAL".to_owned(),
        started_at: format!("2026-11-23T09:{:02}:00Z", 40 + number),
        resolved_at: (number == 1).then(|| "2026-11-23T09:59:00Z".to_owned()),
        target_vm: "gpu-dp-1".to_owned(),
        annotation: AlertAnnotation {
            title: format!("planted title {number}"),
            description: "planted description".to_owned(),
            summary_line: String::new(),
            xid: Some(XidAnnotation {
                events: vec![XidEvent {
                    xid_code: 78 + i64::try_from(number).unwrap(),
                    mnemonic: "PLANTED".to_owned(),
                    count: 2,
                }],
            }),
            slurm_node_unavailable: Some(SlurmAnnotation {
                reason: "planted slurm reason".to_owned(),
            }),
        },
    }
}

/// A failed one with every field that names people or gives a reason.
fn talkative() -> Truth {
    let planted = |what: &str| Some(format!("planted {what}"));
    Truth {
        state: "FAILED".to_owned(),
        reason: planted("reason"),
        active_health_check_run_id: planted("run"),
        passive_health_check_event_id: planted("event"),
        requested_by: planted("requester"),
        reviewed_by: planted("reviewer"),
        review_comment: planted("comment"),
        error_message: planted("error"),
        review_time: Some("2026-11-23T10:05:00Z".to_owned()),
        start_time: Some("2026-11-23T10:06:00Z".to_owned()),
        end_time: Some("2026-11-23T10:16:00Z".to_owned()),
        linked_alerts: vec![alert(1)],
        ..Truth::numbered(CLUSTER, 1)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_field_is_mirrored_and_unknown_ones_do_no_harm() {
    let fixture = Fixture::new("all-fields").await;
    let mut truth = talkative();
    truth
        .extra
        .insert("warp_factor".to_owned(), json!({"of": [9, null]}));
    fixture.simulator.put(truth.clone());
    fixture.synced_watch(|_| {}).await;
    truth.extra.clear();
    assert_mirrors(&fixture.all().await, &[truth]);
}

#[tokio::test(flavor = "multi_thread")]
async fn omitted_fields_appear_nowhere_also_when_omitted_later() {
    let fixture = Fixture::new("omit").await;
    let truth = talkative();
    fixture.simulator.put(truth.clone());
    fixture.synced_watch(|_| {}).await;
    let shown = serde_json::to_string(&fixture.mirror(&truth.id).await).unwrap();
    assert!(shown.contains("planted reviewer") && shown.contains("planted title 1"));

    let all = [
        OmitField::RequestedBy,
        OmitField::ReviewedBy,
        OmitField::ReviewComment,
        OmitField::Reason,
        OmitField::ErrorMessage,
        OmitField::LinkedAlerts,
        OmitField::ActiveHealthCheckRunId,
        OmitField::PassiveHealthCheckEventId,
    ];
    fixture.respec(json!({"omit": all})).await;
    let watch = fixture.ready("training", "Synced").await;
    let mut mirror = fixture.mirror(&truth.id).await;
    mirror.metadata.managed_fields = None;
    for object in [
        serde_json::to_string(&mirror).unwrap(),
        serde_json::to_string(&watch.status).unwrap(),
    ] {
        assert!(!object.contains("planted"), "{object}");
    }
    let left = Truth {
        reason: None,
        active_health_check_run_id: None,
        passive_health_check_event_id: None,
        requested_by: None,
        reviewed_by: None,
        review_comment: None,
        error_message: None,
        ..truth
    };
    assert_mirrors(&[mirror], &[left]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_item_is_reported_and_costs_no_other() {
    let fixture = Fixture::new("malformed").await;
    fixture.put(0..5);
    // The API lists the newest first, and spoils the first.
    let mut truth = fixture.truth();
    let spoilt = truth.pop().unwrap();
    fixture
        .simulator
        .fault(Fault::MalformedItem, Times::UntilCleared);
    let watch = fixture.synced_watch(|_| {}).await;
    let message = condition(&watch, "Ready").message;
    assert_contains(&message, &[&spoilt.id, "field state"]);
    assert_mirrors(&fixture.all().await, &truth);

    fixture.simulator.clear_faults();
    let watch = fixture.sync("training").await;
    assert_eq!(condition(&watch, "Ready").message, IN_SYNC);
    fixture.agrees().await;

    fixture
        .simulator
        .fault(Fault::MalformedItem, Times::UntilCleared);
    let before = fixture.versions().await;
    for _ in 0..3 {
        fixture.sync("training").await;
    }
    assert_eq!(fixture.versions().await, before, "unreadable is not absent");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_item_without_an_id_is_reported_by_its_position() {
    let fixture = Fixture::new("no-id").await;
    fixture.put(0..5);
    let mut truth = fixture.truth();
    truth.pop();
    fixture
        .simulator
        .fault(Fault::ItemWithoutId, Times::UntilCleared);
    let watch = fixture.synced_watch(|_| {}).await;
    let ready = condition(&watch, "Ready");
    let left_out = "Left out 1: the listing's item 0: field id: absent or empty";
    assert_eq!(ready.message, format!("{IN_SYNC}. {left_out}"));
    assert_mirrors(&fixture.all().await, &truth);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_long_is_cut_and_blocks_nothing() {
    let fixture = Fixture::new("long").await;
    let long = |length: usize| Some("ü".repeat(length));
    let truth = Truth {
        state: "FAILED".to_owned(),
        mode: format!("REMEDIATION_MODE_{}", "M".repeat(70)),
        trigger: "T".repeat(63),
        instance_id: "i".repeat(2000),
        instance_name: long(300),
        reason: long(5000),
        error_message: long(4096),
        requested_by: long(254),
        review_comment: long(4097),
        end_time: Some("9".repeat(100)),
        linked_alerts: vec![LinkedAlert {
            alert_name: "n".repeat(300),
            severity: "S".repeat(100),
            annotation: AlertAnnotation {
                title: "t".repeat(2000),
                ..alert(1).annotation
            },
            ..alert(1)
        }],
        ..Truth::numbered(CLUSTER, 1)
    };
    fixture.simulator.put(truth.clone());
    let watch = fixture.synced_watch(|_| {}).await;
    let cut_short = format!("Truncated 1: {} (instanceId)", truth.id);
    assert_eq!(
        condition(&watch, "Ready").message,
        format!("{IN_SYNC}. {cut_short}")
    );
    let cut = |letter: &str, limit: usize| Some(letter.repeat(limit - 1) + "…");
    let expected = Truth {
        mode: cut("M", 63).unwrap(),
        instance_id: cut("i", 1024).unwrap(),
        instance_name: cut("ü", 253),
        reason: cut("ü", 4096),
        requested_by: cut("ü", 253),
        review_comment: cut("ü", 4096),
        end_time: cut("9", 64),
        ..truth
    };
    let mirror = fixture.mirror(&expected.id).await;
    assert_mirrors(std::slice::from_ref(&mirror), &[expected]);
    let status = mirror.status.as_ref().unwrap();
    let alert = &status.linked_alerts[0];
    assert_eq!(
        (&alert.name, &alert.severity, &alert.title),
        (&cut("n", 253), &cut("S", 63), &cut("t", 253))
    );
    let longest = status
        .conditions
        .iter()
        .map(|condition| condition.message.chars().count())
        .max();
    assert_eq!(longest, Some(4096));

    let before = fixture.versions().await;
    fixture.sync("training").await;
    assert_eq!(
        fixture.versions().await,
        before,
        "what was cut is no change"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn linked_alerts_are_mirrored_and_explain_what_awaits_approval() {
    let fixture = Fixture::new("alerts").await;
    let truth = Truth {
        reason: None,
        linked_alerts: (1..=12).rev().map(alert).collect(),
        ..Truth::numbered(CLUSTER, 1)
    };
    fixture.simulator.put(truth.clone());
    fixture.synced_watch(|_| {}).await;
    let mirror = fixture.mirror(&truth.id).await;
    let alerts = serde_json::to_value(&mirror.status.as_ref().unwrap().linked_alerts).unwrap();
    assert_eq!(alerts.as_array().unwrap().len(), 10);
    let expected = json!({
        "name": "GpuXidError1", "severity": "PHC_SEVERITY_CRITICAL", "title": "planted title 1",
        "description": "planted description", "slurmReason": "planted slurm reason",
        "xids": [{"code": 79, "mnemonic": "PLANTED", "count": 2}],
        "startedAt": "2026-11-23T09:41:00Z", "resolvedAt": "2026-11-23T09:59:00Z",
    });
    assert_eq!(alerts[0], expected);
    assert_eq!(alerts[9]["name"], "GpuXidError10");
    assert_eq!(
        mirror_condition(&mirror, "Succeeded"),
        ["Unknown", "AwaitingApproval"]
    );
    let conditions = mirror.status.as_ref().unwrap().conditions.iter();
    let message = conditions
        .filter(|c| c.type_ == "Succeeded")
        .map(|c| &*c.message)
        .next()
        .unwrap();
    for part in [
        "gpu-dp-1",
        "(planted title 1, Xid 79). To approve: ",
        &format!(
            "tg clusters remediations approve {} --mode VM_ONLY",
            truth.id
        ),
    ] {
        assert!(message.contains(part), "{part}: {message}");
    }
    assert_mirrors(&[mirror], &[truth]);
}

#[tokio::test(flavor = "multi_thread")]
async fn evidence_of_another_shape_is_absent_and_the_item_stays() {
    let fixture = Fixture::new("evidence").await;
    let shapes = [
        json!(null),
        json!("text"),
        json!({"xid": [79], "slurm_node_unavailable": "drained", "description": {}}),
        json!({"xid": {"events": {"xid_code": 79}}, "summary_line": 4}),
        json!({"xid": {"events": [79, null, {"xid_code": "many", "count": []}]}}),
    ];
    for (number, annotation) in (0..).zip(&shapes) {
        let mut truth = Truth::numbered(CLUSTER, number);
        let alerts = json!([{"alert_name": "GpuXidError", "annotation": annotation}]);
        truth.extra.insert("linked_alerts".to_owned(), alerts);
        fixture.simulator.put(truth);
    }
    fixture.synced_watch(|_| {}).await;
    let mirrors = fixture.all().await;
    assert_eq!(mirrors.len(), shapes.len());
    for mirror in mirrors {
        let alerts = serde_json::to_value(&mirror.status.unwrap().linked_alerts).unwrap();
        assert_eq!(alerts, json!([{"name": "GpuXidError"}]));
    }
}
