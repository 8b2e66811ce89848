//! A remediation as the API tells it.

use serde::{Deserialize, Deserializer};

use super::linked_alert::{self, LinkedAlert};

/// One remediation: the 18 fields of the reference page and two newer ones.
///
/// Times and enums stand exactly as the API wrote them (times are RFC 3339 in the reference
/// page's example, enums are open sets). Absent, null and empty are all `None`. Lengths are
/// bounded by the body cap alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(default)]
pub struct Remediation {
    /// Identity; any string, never empty.
    pub id: String,
    /// The cluster it belongs to.
    #[serde(deserialize_with = "text")]
    pub cluster_id: Option<String>,
    /// The instance (machine) it repairs.
    #[serde(deserialize_with = "text")]
    pub instance_id: Option<String>,
    /// What would be, or was, done: `REMEDIATION_MODE_…`.
    #[serde(deserialize_with = "text")]
    pub mode: Option<String>,
    /// What started it: `REMEDIATION_TRIGGER_…`.
    #[serde(deserialize_with = "text")]
    pub trigger: Option<String>,
    /// Where it stands, never empty; see [`state`](super::state).
    pub state: String,
    /// Why it was asked for.
    #[serde(deserialize_with = "text")]
    pub reason: Option<String>,
    /// The active health check run that led to it.
    #[serde(deserialize_with = "text")]
    pub active_health_check_run_id: Option<String>,
    /// The passive health check event that led to it.
    #[serde(deserialize_with = "text")]
    pub passive_health_check_event_id: Option<String>,
    /// Who asked for it (may name a person).
    #[serde(deserialize_with = "text")]
    pub requested_by: Option<String>,
    /// When it was created.
    #[serde(deserialize_with = "text")]
    pub create_time: Option<String>,
    /// Who approved or rejected it (may name a person).
    #[serde(deserialize_with = "text")]
    pub reviewed_by: Option<String>,
    /// When it was approved or rejected.
    #[serde(deserialize_with = "text")]
    pub review_time: Option<String>,
    /// What the reviewer wrote.
    #[serde(deserialize_with = "text")]
    pub review_comment: Option<String>,
    /// When processing began.
    #[serde(deserialize_with = "text")]
    pub start_time: Option<String>,
    /// When processing ended.
    #[serde(deserialize_with = "text")]
    pub end_time: Option<String>,
    /// What went wrong.
    #[serde(deserialize_with = "text")]
    pub error_message: Option<String>,
    /// When the API last changed it.
    #[serde(deserialize_with = "text")]
    pub update_time: Option<String>,
    /// The instance's display name (newer than the reference page).
    #[serde(deserialize_with = "text")]
    pub instance_name: Option<String>,
    /// The alerts that led to it (newer than the reference page); unreadable ones are left out.
    #[serde(deserialize_with = "linked_alert::readable")]
    pub linked_alerts: Vec<LinkedAlert>,
}

/// An item of a listing that could not be read. Holds no value of the body but the id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// Place of the item: in its page, and once a [`Listing`](super::Listing) has handed it
    /// out, in the listing, counted from 0.
    pub position: usize,
    /// The id, where it could be read and has at most 1,024 bytes.
    pub id: Option<String>,
    /// The field that could not be read; empty for the item as a whole.
    pub field: String,
    /// What is wrong with it, in words.
    pub problem: &'static str,
}

impl std::fmt::Display for Malformed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.id {
            Some(id) => write!(f, "remediation {id:?}")?,
            None => write!(f, "the listing's item {}", self.position)?,
        }
        if self.field.is_empty() {
            write!(f, ": {}", self.problem)
        } else {
            write!(f, ": field {}: {}", self.field, self.problem)
        }
    }
}

/// Null and empty are absent.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    let value = Option::<String>::deserialize(deserializer)?;
    Ok(value.filter(|value| !value.is_empty()))
}
