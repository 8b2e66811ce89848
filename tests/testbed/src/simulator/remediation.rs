//! A remediation as the API writes it: the simulator's own wire type, so that the operator's
//! mistakes are not repeated here.

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

/// The states of the reference page.
pub const PAGE_STATES: [&str; 7] = [
    "PENDING_APPROVAL",
    "PENDING",
    "RUNNING",
    "SUCCEEDED",
    "FAILED",
    "CANCELLED",
    "AUTO_RESOLVED",
];

/// States that only newer SDKs know.
pub const NEWER_STATES: [&str; 2] = ["QUARANTINING", "QUARANTINED"];

/// Final states, after which nothing changes (inferred, not documented).
pub const FINAL_STATES: [&str; 4] = ["SUCCEEDED", "FAILED", "CANCELLED", "AUTO_RESOLVED"];

/// The modes that the SDKs know.
pub(super) const MODES: [&str; 5] = [
    "REMEDIATION_MODE_VM_ONLY",
    "REMEDIATION_MODE_HOST_AWARE",
    "REMEDIATION_MODE_EVICT_WITHOUT_REPLACEMENT",
    "REMEDIATION_MODE_REBOOT_VM",
    "REMEDIATION_MODE_HOST_POWER_CYCLE",
];

/// The triggers that the SDKs know.
pub(super) const TRIGGERS: [&str; 2] = [
    "REMEDIATION_TRIGGER_MANUAL",
    "REMEDIATION_TRIGGER_AUTOMATED",
];

/// One remediation. The first six fields are always there, the others may be absent. States, modes
/// and triggers are open sets, hence strings.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Remediation {
    /// Identity; a UUID by habit, any string by right.
    pub id: String,
    /// The cluster it belongs to.
    pub cluster_id: String,
    /// The machine it repairs.
    pub instance_id: String,
    /// What is done, `REMEDIATION_MODE_…`.
    pub mode: String,
    /// Who started it, `REMEDIATION_TRIGGER_…`.
    pub trigger: String,
    /// Where it stands.
    pub state: String,
    /// The machine's name for people (newer than the reference page).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance_name: Option<String>,
    /// Why it was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The active health check that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_health_check_run_id: Option<String>,
    /// The passive health check event that led to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub passive_health_check_event_id: Option<String>,
    /// A person, or "Together Health Checker".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requested_by: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_time: Option<String>,
    /// A person, or "Auto-Approved".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reviewed_by: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_time: Option<String>,
    /// What the reviewer wrote.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub review_comment: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_time: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_time: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error_message: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub update_time: Option<String>,
    /// The alerts behind it (newer than the reference page).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub linked_alerts: Vec<LinkedAlert>,
    /// Fields that the contract does not have yet; written as they are.
    #[serde(flatten)]
    pub extra: serde_json::Map<String, serde_json::Value>,
}

/// An alert that led to a remediation (newer than the reference page).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LinkedAlert {
    /// Identity of the alert.
    pub passive_health_check_alert_id: String,
    /// Its kind, for instance `GpuXidError`.
    pub alert_name: String,
    /// The cluster it was raised in.
    pub cluster_id: String,
    /// `PHC_SEVERITY_INFO`, `_WARNING` or `_CRITICAL`.
    pub severity: String,
    /// RFC 3339.
    pub started_at: String,
    /// RFC 3339; absent while it lasts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_at: Option<String>,
    /// The machine's name.
    pub target_vm: String,
    /// What people read of it.
    pub annotation: AlertAnnotation,
}

/// The words of an alert, and its evidence.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct AlertAnnotation {
    /// One line.
    pub title: String,
    /// A sentence or two.
    pub description: String,
    /// A short form of the same.
    pub summary_line: String,
    /// GPU errors, where it is about some.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xid: Option<XidAnnotation>,
    /// Slurm's reason, if it took the node out of use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub slurm_node_unavailable: Option<SlurmAnnotation>,
}

/// GPU errors.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct XidAnnotation {
    /// One for each code.
    pub events: Vec<XidEvent>,
}

/// GPU errors of one code.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct XidEvent {
    /// NVIDIA's number.
    pub xid_code: i64,
    /// NVIDIA's name.
    pub mnemonic: String,
    /// How often it came.
    pub count: i64,
}

/// Slurm's reason for a node that it does not use.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SlurmAnnotation {
    /// Why.
    pub reason: String,
}

impl Remediation {
    /// One that waits for approval since 2026-11-23T10:00:00Z; change what the test is about.
    #[must_use]
    pub fn new(cluster: &str, instance: &str, id: &str) -> Self {
        Self {
            id: id.into(),
            cluster_id: cluster.into(),
            instance_id: instance.into(),
            mode: "REMEDIATION_MODE_VM_ONLY".into(),
            trigger: "REMEDIATION_TRIGGER_AUTOMATED".into(),
            state: "PENDING_APPROVAL".into(),
            instance_name: None,
            reason: Some("GPU 3 fell off the bus (XID 79)".into()),
            active_health_check_run_id: None,
            passive_health_check_event_id: None,
            requested_by: Some("Together Health Checker".into()),
            create_time: Some("2026-11-23T10:00:00Z".into()),
            reviewed_by: None,
            review_time: None,
            review_comment: None,
            start_time: None,
            end_time: None,
            error_message: None,
            update_time: Some("2026-11-23T10:00:00Z".into()),
            linked_alerts: Vec::new(),
            extra: serde_json::Map::new(),
        }
    }

    /// The n-th of many: a UUID made of `number`, one of 64 machines, created `number` seconds
    /// after the first.
    #[must_use]
    pub fn numbered(cluster: &str, number: u32) -> Self {
        let machine = number % 64;
        let created = Timestamp::UNIX_EPOCH
            .saturating_add(SignedDuration::from_secs(1_790_000_000 + i64::from(number)))
            .unwrap_or(Timestamp::MAX)
            .to_string();
        Self {
            instance_name: Some(format!("gpu-dp-{machine}")),
            create_time: Some(created.clone()),
            update_time: Some(created),
            ..Self::new(
                cluster,
                &format!("00000000-0000-4000-9000-{machine:012x}"),
                &format!("00000000-0000-4000-8000-{number:012x}"),
            )
        }
    }

    /// The list of the reference page's own example response.
    #[must_use]
    pub fn page_example() -> Vec<Self> {
        #[derive(Deserialize)]
        struct Page {
            remediations: Vec<Remediation>,
        }
        serde_json::from_str::<Page>(include_str!("../../fixtures/list-remediations.json"))
            .map(|page| page.remediations)
            .unwrap_or_default()
    }

    /// Nothing changes after this.
    #[must_use]
    pub fn is_final(&self) -> bool {
        FINAL_STATES.contains(&self.state.as_str())
    }

    /// Since when it is in its state, by its times: those that are zero count as not set.
    #[must_use]
    pub fn state_since(&self) -> Option<&str> {
        let fitting = match self.state.as_str() {
            "PENDING_APPROVAL" => &self.create_time,
            "PENDING" => &self.review_time,
            "RUNNING" => &self.start_time,
            _ if self.is_final() => &self.end_time,
            _ => &None,
        };
        let not_set =
            |time: &str| time.is_empty() || time.starts_with("0001-") || time.starts_with("1970-");
        let times = [fitting, &self.update_time].into_iter();
        times
            .filter_map(|time| time.as_deref())
            .find(|time| !not_set(time))
    }

    /// Moves to `state` at `now`, with the times that the API sets on the way.
    pub fn enter(&mut self, state: &str, now: Timestamp) {
        let now = now.to_string();
        if self.state == "PENDING_APPROVAL" && state != "AUTO_RESOLVED" {
            self.review_time.get_or_insert_with(|| now.clone());
        }
        if matches!(state, "QUARANTINING" | "RUNNING") {
            self.start_time.get_or_insert_with(|| now.clone());
        }
        self.state = state.into();
        if self.is_final() {
            self.end_time = Some(now.clone());
            for alert in &mut self.linked_alerts {
                if matches!(state, "SUCCEEDED" | "AUTO_RESOLVED") {
                    alert.resolved_at.get_or_insert_with(|| now.clone());
                }
            }
        }
        self.update_time = Some(now);
    }
}
