//! A reading of JSON objects that keeps duplicate fields.

use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::Value;
use serde_json::value::RawValue;

/// The reference page's fields, and a newer one.
pub const TEXTS: [&str; 19] = [
    "id",
    "cluster_id",
    "instance_id",
    "mode",
    "trigger",
    "state",
    "reason",
    "active_health_check_run_id",
    "passive_health_check_event_id",
    "requested_by",
    "create_time",
    "reviewed_by",
    "review_time",
    "review_comment",
    "start_time",
    "end_time",
    "error_message",
    "update_time",
    "instance_name",
];

/// A newer one, read leniently.
pub const ALERTS: &str = "linked_alerts";

/// The fields of an object, in its order.
pub struct Fields(Vec<(String, Box<RawValue>)>);

impl Fields {
    /// The field's value, `null` where it is absent; `None` where it is there twice, or cannot be read.
    pub fn only(&self, name: &str) -> Option<Value> {
        let mut found = self.0.iter().filter(|(field, _)| field == name);
        match (found.next(), found.next()) {
            (None, _) => Some(Value::Null),
            (Some((_, raw)), None) => serde_json::from_str(raw.get()).ok(),
            (Some(_), Some(_)) => None,
        }
    }

    /// The field's value where it is a whole number, as it is written.
    pub fn number(&self, name: &str) -> Option<String> {
        let (_, raw) = self.0.iter().find(|(field, _)| field == name)?;
        let whole = raw.get().parse::<i64>().is_ok() || raw.get().parse::<u64>().is_ok();
        whole.then(|| raw.get().to_owned())
    }

    /// The items of a list, unread; `None` where it is none or there twice.
    pub fn list(&self, name: &str) -> Option<Vec<Box<RawValue>>> {
        let mut found = self.0.iter().filter(|(field, _)| field == name);
        let (_, raw) = found.next().filter(|_| found.next().is_none())?;
        let list: Option<Vec<Box<RawValue>>> = serde_json::from_str(raw.get()).ok()?;
        Some(list.unwrap_or_default())
    }
}

impl<'de> Deserialize<'de> for Fields {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Fields;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields, A::Error> {
                let mut fields = Vec::new();
                while let Some(field) = map.next_entry()? {
                    fields.push(field);
                }
                Ok(Fields(fields))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// A string or null.
pub fn is_text(value: &Value) -> bool {
    value.is_string() || value.is_null()
}

/// A string that is not empty.
pub fn text(value: Option<Value>) -> Option<String> {
    value?
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}
