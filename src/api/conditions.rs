//! Conditions of both kinds: how the operator makes them, and how it reads them. The API server accepts times that do
//! not exist, such as an offset of 99 hours.

use std::fmt;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, Time},
    jiff::Timestamp,
};
use serde::{
    Deserialize, Deserializer,
    de::{Error, Visitor},
};
use serde_json::Value;

use super::Reason;

/// The one of this type, if it is there.
#[must_use]
pub fn of_type<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// The condition of this type at this `generation`. The caller sets the time, which depends on the previous condition.
#[must_use]
pub fn condition(
    type_: &str,
    (status, reason, message): (&str, Reason, String),
    generation: i64,
) -> Condition {
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: reason.to_string(),
        message,
        observed_generation: Some(generation),
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
    }
}

/// `text` with a capital first letter, as conditions have it: errors and logs begin with a small one.
#[must_use]
pub fn sentence(text: &str) -> String {
    let mut text = text.to_owned();
    if let Some(first) = text.get_mut(..1) {
        first.make_ascii_uppercase();
    }
    text
}

/// A condition as stored, whose time may be invalid.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stored {
    r#type: String,
    status: String,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    last_transition_time: Moment,
    #[serde(default)]
    observed_generation: Option<i64>,
}

/// A time, if it is valid.
#[derive(Default)]
struct Moment(Option<Timestamp>);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Text)
    }
}

/// Parses a text without copying it: each mirror has four conditions, and the operator reads every mirror at its start.
struct Text;

impl Visitor<'_> for Text {
    type Value = Moment;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Moment, E> {
        Ok(Moment(text.parse().ok()))
    }
}

/// Reads conditions. One with an invalid time is dropped, so that it is written again.
///
/// # Errors
/// If the value is not a list of conditions.
pub(super) fn readable<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<Condition>, D::Error> {
    let stored = Option::<Vec<Stored>>::deserialize(deserializer)?;
    let each = stored.into_iter().flatten();
    Ok(each.filter_map(read).collect())
}

/// The condition, if it is readable.
pub(super) fn one(value: Value) -> Option<Condition> {
    read(serde_json::from_value(value).ok()?)
}

fn read(stored: Stored) -> Option<Condition> {
    Some(Condition {
        type_: stored.r#type,
        status: stored.status,
        reason: stored.reason,
        message: stored.message,
        last_transition_time: Time(stored.last_transition_time.0?),
        observed_generation: stored.observed_generation,
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use crate::api::{cluster_watch::ClusterWatchStatus, remediation::RemediationStatus};

    #[test]
    fn a_condition_whose_time_cannot_be_read_takes_nothing_else_along() {
        let condition = |type_: &str, time: &str| json!({"type": type_, "status": "True", "reason": "r", "message": "m", "lastTransitionTime": time});
        let good = "2026-11-23T10:00:00Z";
        for odd in ["2026-11-23T10:00:00+99:99", "", "soon"] {
            let status =
                json!({"conditions": [condition("Ready", odd), condition("Synced", good)]});
            let types = |conditions: Vec<super::Condition>| {
                let types = conditions.into_iter().map(|condition| condition.type_);
                types.collect::<Vec<_>>()
            };
            let read: RemediationStatus = serde_json::from_value(status.clone()).unwrap();
            assert_eq!(types(read.conditions), ["Synced"]);
            let read: ClusterWatchStatus = serde_json::from_value(status).unwrap();
            assert_eq!(types(read.conditions), ["Synced"]);
        }
    }
}
