//! Helpers of unit tests: remediations as the API returns them, a model of the API server, and a model of the Together
//! API.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

use crate::{
    api::remediation::{Remediation as Mirror, RemediationSpec, RemediationStatus},
    clock::Clock,
    events::Events,
    mirror::{
        end::Clocks,
        labels::{FlagLabels, Labels},
        name::object_name,
        status::from_api,
    },
    store::Index,
    sync::{
        Env, change::MirrorChange, credentials::Keys, retention_policy::Policy,
        target::MirrorTarget, write::permits::WritePermits,
    },
    together::{LinkedAlert, Remediation, Xid},
};

pub(crate) mod clock;
pub(crate) mod cluster;
pub(crate) mod lease;
pub(crate) mod log;
pub(crate) mod random;
pub(crate) mod together;

pub(crate) const NAMESPACE: &str = "gpu-ops";
pub(crate) const CLUSTER: &str = "cluster-1";

/// States that the contract names, in its table's order.
pub(crate) const STATES: [&str; 9] = [
    "PENDING_APPROVAL",
    "PENDING",
    "RUNNING",
    "QUARANTINING",
    "QUARANTINED",
    "SUCCEEDED",
    "AUTO_RESOLVED",
    "CANCELLED",
    "FAILED",
];

/// How an API may write an unset time.
pub(crate) const ZERO_TIMES: [&str; 2] = ["0001-01-01T00:00:00Z", "1970-01-01T00:00:00Z"];

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// The time of the sync, with a fraction of a second as in a real clock.
pub(crate) fn now() -> Timestamp {
    const { Timestamp::constant(1_795_428_000, 250_000_000) }
}

/// Two clocks that show the time of the sync.
pub(crate) fn clocks() -> Clocks {
    Clocks {
        ours: now(),
        apis: Some(now()),
    }
}

/// An id that is its mirror's name.
pub(crate) fn id(number: u64) -> String {
    format!("9f0c8a52-7d0e-4a39-9c1a-{number:012x}")
}

#[expect(clippy::unnecessary_wraps, reason = "the API's fields are optional")]
pub(crate) fn some<T: for<'a> From<&'a str>>(text: &str) -> Option<T> {
    Some(text.into())
}

/// A remediation with only the fields that every one has.
pub(crate) fn item(number: u64, state: &str) -> Remediation {
    Remediation {
        id: id(number).into(),
        cluster_id: some(CLUSTER),
        instance_id: some("instance-1"),
        mode: some("REMEDIATION_MODE_REBOOT_VM"),
        trigger: some("REMEDIATION_TRIGGER_MANUAL"),
        state: state.into(),
        create_time: some("2026-11-23T09:00:00Z"),
        update_time: some("2026-11-23T09:30:00Z"),
        ..Remediation::default()
    }
}

/// One that ended at this time.
pub(crate) fn ended(number: u64, instance: &str, end: &str) -> Remediation {
    Remediation {
        instance_id: some(instance),
        end_time: some(end),
        ..item(number, "SUCCEEDED")
    }
}

/// One with every field, each with its own value.
pub(crate) fn full_item(state: &str) -> Remediation {
    Remediation {
        id: id(1).into(),
        cluster_id: some(CLUSTER),
        instance_id: some("instance-1"),
        mode: some("REMEDIATION_MODE_REBOOT_VM"),
        trigger: some("REMEDIATION_TRIGGER_AUTOMATED"),
        state: state.into(),
        reason: some("the-reason"),
        active_health_check_run_id: some("active-1"),
        passive_health_check_event_id: some("passive-1"),
        requested_by: some("the-requester"),
        create_time: some("2026-11-23T09:00:01Z"),
        reviewed_by: some("the-reviewer"),
        review_time: some("2026-11-23T09:00:02Z"),
        review_comment: some("the-comment"),
        start_time: some("2026-11-23T09:00:03Z"),
        end_time: some("2026-11-23T09:00:04Z"),
        error_message: some("the-error"),
        update_time: some("2026-11-23T09:00:05Z"),
        instance_name: some("gpu-dp-17"),
        linked_alerts: vec![LinkedAlert {
            name: some("XidError"),
            severity: some("PHC_SEVERITY_CRITICAL"),
            title: some("GPU fell off the bus"),
            summary: some("the-summary"),
            description: some("the-description"),
            started_at: some("2026-11-23T08:59:00Z"),
            resolved_at: some("2026-11-23T08:59:30Z"),
            xids: vec![Xid {
                code: Some(79),
                mnemonic: some("GPU_LOST"),
                count: Some(2),
            }],
            slurm_reason: some("the-slurm-reason"),
        }],
        unreadable: Vec::new(),
    }
}

/// The mirror `name` of cluster `c` in namespace `n`, as the API server returns it at `version`.
pub(crate) fn mirror_at(name: &str, version: u64, state: &str) -> Mirror {
    let (cluster_id, id) = ("c".into(), name.into());
    let mut object = Mirror::new(name, RemediationSpec { cluster_id, id });
    object.metadata.namespace = some("n");
    object.metadata.uid = Some(format!("uid-{name}"));
    object.metadata.resource_version = Some(version.to_string());
    object.status = Some(RemediationStatus {
        state: some(state),
        ..RemediationStatus::default()
    });
    object
}

/// What a mirror of the remediation with this id names.
pub(crate) fn spec(id: &str) -> RemediationSpec {
    RemediationSpec {
        cluster_id: CLUSTER.into(),
        id: id.to_owned(),
    }
}

/// What creates the mirror of `item`.
pub(crate) fn creation(item: &Remediation) -> MirrorChange {
    MirrorChange::Create(Box::new(from_api(item, &[], 1)), spec(&item.id))
}

/// The mirror of `item`, version 1.
pub(crate) fn mirror(item: &Remediation) -> Mirror {
    let mut object = Mirror::new(&object_name(CLUSTER, &item.id), spec(&item.id));
    object.metadata.namespace = Some(NAMESPACE.into());
    object.metadata.uid = some("u");
    object.metadata.resource_version = some("1");
    object.status = Some(from_api(item, &[], 1));
    object
}

/// An index with the mirrors of these.
pub(crate) fn index(items: &[Remediation]) -> Index {
    let index = Index::new(0);
    for item in items {
        index.apply(mirror(item));
    }
    index
}

/// What a worker shares with the others, new, between these two APIs.
pub(crate) fn env<C, S>(kube: C, together: S, index: Index, clock: Arc<dyn Clock>) -> Env<C, S> {
    Env {
        kube,
        together,
        index,
        clock,
        events: Events::default(),
        permits: WritePermits::default(),
        keys: Keys::default(),
    }
}

/// The labels of these `--mirror-label`.
pub(crate) fn flags(pairs: &[(&str, &str)]) -> FlagLabels {
    let pairs = pairs.iter();
    pairs
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

/// A target of all instances and states that keeps everything.
pub(crate) fn target() -> MirrorTarget {
    MirrorTarget {
        namespace: NAMESPACE.into(),
        cluster: CLUSTER.into(),
        instance: None,
        states: None,
        omit: Vec::new(),
        labels: Labels::default(),
        owners: [].into(),
        retention: Policy::default(),
    }
}

pub(crate) fn condition<'a>(conditions: &'a [Condition], type_: &str) -> &'a Condition {
    let mut of_type = conditions.iter().filter(|c| c.type_ == type_);
    let found = of_type.next().unwrap();
    assert!(of_type.next().is_none(), "{type_} is there twice");
    found
}

/// Status and reason of a condition.
pub(crate) fn word<'a>(conditions: &'a [Condition], type_: &str) -> (&'a str, &'a str) {
    let condition = condition(conditions, type_);
    (&condition.status, &condition.reason)
}
