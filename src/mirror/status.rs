//! The status of a mirror, computed from the API's data: pure.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{approval::how_to_approve, transitions};
use crate::{
    api::{
        Reason,
        cluster_watch::OmitField,
        conditions::condition,
        limits::{self, bounded},
        remediation::RemediationStatus,
        timestamp,
    },
    mirror::truncate,
    together::{self, Text, wire::state},
};

mod alerts;

/// The name of a node that has no name in the API.
pub const UNNAMED: &str = "unnamed node";

/// Maximum length of the reason in a condition's message, so that it does not displace how to approve. `status.reason`
/// has all of it.
const WHY: u32 = 1024;

/// How current the mirror is: the reason of its condition `Synced`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Synced {
    /// Created, without a status yet.
    Pending,
    /// Matches the API.
    Listed,
    /// Finished; the final state is written.
    Final,
    /// Open, but not confirmed by a recent complete list.
    Stale,
    /// Was open; the API returns 404 for its id.
    NotFound,
    /// Was open; missing from complete full syncs, and it cannot be requested by id.
    NotListed,
    /// The API returns 403 for its id.
    Forbidden,
}

impl Synced {
    /// The condition's reason.
    #[must_use]
    pub const fn reason(self) -> Reason {
        match self {
            Self::Pending => Reason::Pending,
            Self::Listed => Reason::Listed,
            Self::Final => Reason::Final,
            Self::Stale => Reason::Stale,
            Self::NotFound => Reason::NotFound,
            Self::NotListed => Reason::NotListed,
            Self::Forbidden => Reason::Forbidden,
        }
    }

    /// The inverse of [`reason`](Self::reason); any other text counts as never written.
    #[must_use]
    pub fn from_reason(reason: &str) -> Self {
        [
            Self::Listed,
            Self::Final,
            Self::Stale,
            Self::NotFound,
            Self::NotListed,
            Self::Forbidden,
        ]
        .into_iter()
        .find(|synced| synced.reason().as_str() == reason)
        .unwrap_or(Self::Pending)
    }

    /// Whether the remediation is known to be gone from the API.
    #[must_use]
    pub const fn is_gone(self) -> bool {
        matches!(self, Self::NotFound | Self::NotListed)
    }

    const fn status(self) -> &'static str {
        match self {
            Self::Pending | Self::Stale => "Unknown",
            Self::Listed | Self::Final => "True",
            Self::NotFound | Self::NotListed | Self::Forbidden => "False",
        }
    }

    /// The message of the condition. Those that an on-call engineer must act on follow the node's name.
    #[must_use]
    pub const fn message(self) -> &'static str {
        match self {
            Self::Pending => "Not yet processed by the operator",
            Self::Listed => "Matches the API as of the ClusterWatch's last sync",
            Self::Final => "Final state; kept even if Together deletes the record",
            Self::Stale => {
                "not confirmed by a recent sync, so it may have changed. Check the Ready condition of its ClusterWatch, and that the ClusterWatch exists"
            }
            Self::NotFound => {
                "not found (404) before a final state was seen: the recommendation was withdrawn or the record deleted. If this is unexpected, contact Together support"
            }
            Self::NotListed => {
                "missing from two full syncs before a final state was seen. If this is unexpected, contact Together support"
            }
            Self::Forbidden => {
                "the API key may not read this remediation (403). Check the project and permissions of the API key"
            }
        }
    }
}

/// The status for a remediation in the API. Transition times and the history are missing here, because both depend on
/// the previous status (see [`finish`](crate::sync::write::object)).
///
/// Texts that are longer than the schema allows are truncated and end in `…`.
#[must_use]
pub fn from_api(
    item: &together::Remediation,
    omit: &[OmitField],
    generation: i64,
) -> RemediationStatus {
    let keep = |field: OmitField, value: &Option<Text>, limit| {
        if omit.contains(&field) {
            None
        } else {
            bounded(value.as_deref(), limit)
        }
    };
    let name = |value: &Option<Text>| bounded(value.as_deref(), limits::NAME);
    let time = |value: &Option<Text>| bounded(value.as_deref(), limits::TIME);
    let open = !state::is_final(&item.state);
    let instance_id = bounded(item.instance_id.as_deref(), limits::ID);
    let instance_name = name(&item.instance_name);
    let mut status = RemediationStatus {
        observed_generation: Some(generation),
        node: instance_name.clone().or_else(|| name(&item.instance_id)),
        state_since: None,
        state: bounded(Some(&item.state), limits::ENUM),
        mode: short(item.mode.as_deref(), truncate::MODE),
        trigger: short(item.trigger.as_deref(), truncate::TRIGGER),
        open: Some(open),
        instance_id,
        instance_name,
        reason: keep(OmitField::Reason, &item.reason, limits::TEXT),
        active_health_check_run_id: keep(
            OmitField::ActiveHealthCheckRunId,
            &item.active_health_check_run_id,
            limits::ID,
        ),
        passive_health_check_event_id: keep(
            OmitField::PassiveHealthCheckEventId,
            &item.passive_health_check_event_id,
            limits::ID,
        ),
        requested_by: keep(OmitField::RequestedBy, &item.requested_by, limits::NAME),
        create_time: time(&item.create_time),
        reviewed_by: keep(OmitField::ReviewedBy, &item.reviewed_by, limits::NAME),
        review_time: time(&item.review_time),
        review_comment: keep(OmitField::ReviewComment, &item.review_comment, limits::TEXT),
        start_time: time(&item.start_time),
        end_time: time(&item.end_time),
        error_message: keep(OmitField::ErrorMessage, &item.error_message, limits::TEXT),
        update_time: time(&item.update_time),
        linked_alerts: alerts::mirrored(item, omit),
        conditions: Vec::new(),
        transitions: Vec::new(),
    };
    status.state_since = transitions::time_of(None, &item.state, &status).map(str::to_owned);
    let synced = if open { Synced::Listed } else { Synced::Final };
    status.conditions = conditions(&status, synced, &item.id, generation);
    status
}

/// Marks a mirror that the API does not list: all but `open` and the conditions stays as it was last seen.
pub fn mark(status: &mut RemediationStatus, synced: Synced, id: &str, generation: i64) {
    status.observed_generation = Some(generation);
    if synced.is_gone() {
        status.open = Some(false);
    }
    status.conditions = conditions(status, synced, id, generation);
}

fn conditions(
    status: &RemediationStatus,
    synced: Synced,
    id: &str,
    generation: i64,
) -> Vec<Condition> {
    let state = status.state.as_deref().unwrap_or("UNKNOWN");
    let state_message = condition_message(status, id);
    let node = status.node.as_deref().unwrap_or(UNNAMED);
    let stands = match synced {
        Synced::Pending | Synced::Listed | Synced::Final => synced.message().to_owned(),
        _ => format!("{node}: {}", synced.message()),
    };
    let gone = synced.is_gone();
    let (reason, message) = if gone {
        (synced.reason(), &*stands)
    } else {
        (reason_of(state), &*state_message)
    };
    let succeeded = match state {
        _ if gone => "Unknown",
        "SUCCEEDED" | "AUTO_RESOLVED" => "True",
        "CANCELLED" | "FAILED" => "False",
        _ => "Unknown",
    };
    let forbidden = synced == Synced::Forbidden;
    let busy = status.open.unwrap_or(true) && !forbidden;
    let reconciling = if busy {
        ("True", reason, &*state_message)
    } else {
        ("False", Reason::Ended, "")
    };
    let stalled = if forbidden {
        ("True", Reason::Forbidden, &*stands)
    } else if state == "FAILED" && !gone {
        ("True", Reason::RemediationFailed, &*state_message)
    } else {
        ("False", Reason::NotStalled, "")
    };
    let all = [
        ("Synced", (synced.status(), synced.reason(), &*stands)),
        ("Succeeded", (succeeded, reason, message)),
        ("Reconciling", reconciling),
        ("Stalled", stalled),
    ];
    all.map(|(type_, (status, reason, message))| {
        let message = bounded(Some(message), limits::CONDITION_MESSAGE).unwrap_or_default();
        condition(type_, (status, reason, message), generation)
    })
    .into()
}

/// The reason for a state in conditions and Events. For an unknown state, the message contains the state.
#[must_use]
pub fn reason_of(state: &str) -> Reason {
    match state {
        "PENDING_APPROVAL" => Reason::AwaitingApproval,
        "PENDING" => Reason::Queued,
        "QUARANTINING" => Reason::Quarantining,
        "QUARANTINED" => Reason::Quarantined,
        "RUNNING" => Reason::Running,
        "SUCCEEDED" => Reason::Succeeded,
        "AUTO_RESOLVED" => Reason::AutoResolved,
        "CANCELLED" => Reason::Cancelled,
        "FAILED" => Reason::RemediationFailed,
        _ => Reason::UnknownState,
    }
}

/// One sentence: what happens to which node, and who must act.
#[must_use]
pub fn condition_message(status: &RemediationStatus, id: &str) -> String {
    let node = status.node.as_deref().unwrap_or(UNNAMED);
    let mode = status
        .mode
        .as_deref()
        .map_or("remediation", |mode| mode_in_words(mode));
    let since = |text: &Option<String>| {
        timestamp::given(text.as_deref())
            .map(|time| format!(" since {time}"))
            .unwrap_or_default()
    };
    match status.state.as_deref().unwrap_or_default() {
        "PENDING_APPROVAL" => {
            let why = why(status)
                .map(|why| format!(" ({why})"))
                .unwrap_or_default();
            let how = how_to_approve(id, status.mode.as_deref());
            let since = since(&status.create_time);
            format!("{node}: {mode} awaits approval{since}{why}. {how}")
        }
        "PENDING" => format!(
            "{node}: {mode} is approved and queued{}",
            since(&status.review_time)
        ),
        "RUNNING" => format!("{node}: {mode} is running{}", since(&status.start_time)),
        "QUARANTINING" => format!("{node}: the host is being cordoned for {mode}"),
        "QUARANTINED" => format!("{node}: the host is cordoned for {mode}"),
        "SUCCEEDED" => format!("{node}: {mode} succeeded"),
        "AUTO_RESOLVED" => format!("{node}: resolved without {mode}"),
        "CANCELLED" => format!("{node}: {mode} was rejected or cancelled"),
        "FAILED" => {
            let error = status
                .error_message
                .as_deref()
                .map(|error| format!(": {error}"))
                .unwrap_or_default();
            format!(
                "{node}: {mode} failed{error}. Request another remediation or contact Together support, unless a later one succeeded"
            )
        }
        other => format!(
            "{node}: {mode} is in state {other}, which this version does not recognize. No action is needed"
        ),
    }
}

/// Why a remediation is recommended: the reason, otherwise the name of the first alert; and the Xids of that alert.
fn why(status: &RemediationStatus) -> Option<String> {
    let alert = status.linked_alerts.first();
    let called = alert.and_then(|alert| alert.title.as_deref().or(alert.name.as_deref()));
    let reason = bounded(status.reason.as_deref().or(called), WHY);
    let xids = alert.and_then(|alert| alerts::xids_in_words(&alert.xids));
    let parts: Vec<String> = reason.into_iter().chain(xids).collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// A human-readable name of a mode; an unknown mode stands for itself.
#[must_use]
pub fn mode_in_words(mode: &str) -> &str {
    match mode {
        "VM_ONLY" => "quick reprovision (VM_ONLY)",
        "HOST_AWARE" => "migration to a new host (HOST_AWARE)",
        "EVICT_WITHOUT_REPLACEMENT" => "removal without replacement (EVICT_WITHOUT_REPLACEMENT)",
        "REBOOT_VM" => "reboot (REBOOT_VM)",
        "HOST_POWER_CYCLE" => "power cycle of the host (HOST_POWER_CYCLE)",
        other => other,
    }
}

fn short(value: Option<&str>, prefix: &str) -> Option<String> {
    bounded(truncate::suffix(value, prefix), limits::ENUM)
}

#[cfg(test)]
mod tests;
