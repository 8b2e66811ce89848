//! What a watch reports about all its remediations together.

use testbed::simulator::Remediation as Truth;
use together_remediation_operator::api::cluster_watch::ClusterWatchStatus;

use crate::{
    conditions::{assert_contains, condition},
    fixture::{CLUSTER, Fixture},
};

/// One of machine `machine`, created `minute` minutes past 9 o'clock, now in `state`.
fn put(fixture: &Fixture, number: u32, machine: u32, minute: u32, state: &str) -> Truth {
    let created = format!("2026-11-23T09:{minute:02}:00Z");
    let truth = Truth {
        instance_id: format!("instance-{machine}"),
        instance_name: Some(format!("gpu-dp-{machine}")),
        create_time: Some(created.clone()),
        update_time: Some(created),
        ..Truth::numbered(CLUSTER, number)
    };
    fixture.simulator.put(truth.clone());
    if state != truth.state {
        fixture.enter(&truth.id, state);
    }
    truth
}

fn names(status: &ClusterWatchStatus) -> Vec<&str> {
    status
        .attention
        .iter()
        .map(|one| one.name.as_str())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_add_up_and_the_longest_waiting_one_is_named_first() {
    let fixture = Fixture::new("rollup").await;
    let young = put(&fixture, 1, 1, 40, "PENDING_APPROVAL");
    let old = put(&fixture, 2, 2, 10, "PENDING_APPROVAL");
    let failed = put(&fixture, 3, 3, 5, "FAILED");
    put(&fixture, 4, 4, 5, "FAILED");
    put(&fixture, 5, 4, 6, "SUCCEEDED");
    put(&fixture, 6, 5, 5, "SUCCEEDED");
    put(&fixture, 7, 5, 6, "RUNNING");
    put(&fixture, 8, 6, 6, "CANCELLED");
    let watch = fixture.synced_watch(|_| {}).await;

    let status = watch.status.as_ref().unwrap();
    let counts = status.remediations.as_ref().unwrap();
    assert_eq!(
        (
            counts.total,
            counts.open,
            counts.awaiting_approval,
            counts.failed_nodes
        ),
        (8, 3, 2, 1)
    );
    let by_state: Vec<_> = counts
        .by_state
        .iter()
        .map(|(state, count)| (state.as_str(), *count))
        .collect();
    assert_eq!(
        by_state,
        [
            ("CANCELLED", 1),
            ("FAILED", 2),
            ("PENDING_APPROVAL", 2),
            ("RUNNING", 1),
            ("SUCCEEDED", 2)
        ]
    );
    assert_eq!(
        names(status),
        [&old.id, &young.id, &failed.id],
        "longest waiting first"
    );
    let first = &status.attention[0];
    assert_eq!(
        (
            first.node.as_deref(),
            first.state.as_str(),
            first.mode.as_deref(),
            first.since.as_deref()
        ),
        (
            Some("gpu-dp-2"),
            "PENDING_APPROVAL",
            Some("VM_ONLY"),
            Some("2026-11-23T09:10:00Z")
        )
    );
    let attention = condition(&watch, "AttentionRequired");
    assert_eq!(
        (attention.status.as_str(), attention.reason.as_str()),
        ("True", "AttentionRequired")
    );
    for part in [
        "gpu-dp-2",
        "awaits approval since 2026-11-23T09:10:00Z",
        &format!("tg clusters remediations approve {} --mode VM_ONLY", old.id),
        "And 2 more",
    ] {
        assert!(
            attention.message.contains(part),
            "{part}: {}",
            attention.message
        );
    }
    assert_eq!(
        condition(&watch, "Ready").status,
        "True",
        "a failed repair is not the watch's failure"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn attention_ends_when_it_was_approved_and_the_failed_repair_has_a_successor() {
    let fixture = Fixture::new("attention").await;
    let waiting = put(&fixture, 1, 1, 40, "PENDING_APPROVAL");
    let failed = put(&fixture, 3, 3, 5, "FAILED");
    fixture.synced_watch(|_| {}).await;
    fixture.enter(&waiting.id, "SUCCEEDED");
    let watch = fixture.sync("training").await;
    let status = watch.status.as_ref().unwrap();
    assert_eq!(names(status), [&failed.id]);
    let message = condition(&watch, "AttentionRequired").message;
    assert_contains(&message, &["gpu-dp-3", "failed"]);

    put(&fixture, 9, 3, 50, "SUCCEEDED");
    let watch = fixture.sync("training").await;
    let attention = condition(&watch, "AttentionRequired");
    assert_eq!(
        (attention.status.as_str(), attention.message.as_str()),
        ("False", "")
    );
    let status = watch.status.unwrap();
    let counts = status.remediations.unwrap();
    assert_eq!(
        (counts.total, counts.failed_nodes, counts.by_state["FAILED"]),
        (3, 0, 1)
    );
    assert!(status.attention.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn more_than_ten_are_counted_and_ten_are_named() {
    let fixture = Fixture::new("many").await;
    let all: Vec<_> = (0..14)
        .map(|number| put(&fixture, number, number, 59 - number, "PENDING_APPROVAL"))
        .collect();
    let watch = fixture.synced_watch(|_| {}).await;
    let status = watch.status.as_ref().unwrap();
    let longest: Vec<_> = all
        .iter()
        .rev()
        .take(10)
        .map(|one| one.id.as_str())
        .collect();
    assert_eq!(names(status), longest);
    assert_eq!(status.remediations.as_ref().unwrap().awaiting_approval, 14);
    assert_contains(
        &condition(&watch, "AttentionRequired").message,
        &["And 13 more"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_gone_counts_in_the_total_alone() {
    let fixture = Fixture::new("gone").await;
    let gone = put(&fixture, 1, 1, 1, "PENDING_APPROVAL");
    put(&fixture, 2, 2, 2, "RUNNING");
    fixture.synced_watch(|_| {}).await;
    fixture.forget(&gone.id);
    fixture.sync("training").await;
    let watch = fixture.sync("training").await;
    let status = watch.status.as_ref().unwrap();
    let counts = status.remediations.as_ref().unwrap();
    assert_eq!(
        (counts.total, counts.open, counts.awaiting_approval),
        (2, 1, 0)
    );
    assert_eq!(counts.by_state.len(), 1);
    assert!(status.attention.is_empty());
    assert_eq!(condition(&watch, "AttentionRequired").status, "False");
}
