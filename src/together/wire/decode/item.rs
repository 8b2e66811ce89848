//! Parses one item of a page field by field. An optional field of the wrong type does not affect the others.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::Borrowed;
use crate::together::wire::{
    linked_alert,
    remediation::{Malformed, Remediation, Text},
};

/// Maximum length in bytes of a malformed item's id.
pub(super) const MAX_MALFORMED_ID: usize = 1024;

const ABSENT: &str = "absent or empty";
const OTHER_TYPE: &str = "has the wrong type or appears twice";
const INVALID: &str = "not valid JSON";

/// The field (empty for the whole item), and its problem.
type Wrong = (&'static str, &'static str);

/// Parses the item at this index of its page.
pub(super) fn read(raw: &RawValue, position: usize) -> Result<Remediation, Malformed> {
    let malformed = |(field, problem): Wrong, id| Malformed {
        position,
        id,
        field: String::from(field),
        problem,
    };
    if !raw.get().starts_with('{') {
        return Err(malformed(("", "no JSON object"), None));
    }
    let Ok(Fields(fields)) = serde_json::from_str(raw.get()) else {
        return Err(malformed(("", INVALID), None));
    };
    let mut item = Item {
        fields,
        unreadable: Vec::new(),
    };
    item.remediation()
        .map(|read| read.map(Text::from))
        .map_err(|wrong| malformed(wrong, item.salvage_id()))
}

/// The fields of an object with their raw values.
struct Fields<'a>(Vec<(Borrowed<'a>, &'a RawValue)>);

impl<'de> Deserialize<'de> for Fields<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
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

/// A value that should be a text.
enum Value {
    /// Missing, null or empty.
    Absent,
    Text(String),
    /// A whole number, which may stand for an enum value.
    Number(String),
    /// Of the wrong type.
    Other,
}

struct Item<'a> {
    fields: Vec<(Borrowed<'a>, &'a RawValue)>,
    /// The optional fields of the wrong type.
    unreadable: Vec<&'static str>,
}

impl Item<'_> {
    fn remediation(&mut self) -> Result<Remediation<String>, Wrong> {
        Ok(Remediation {
            id: self.identity("id")?.ok_or(("id", ABSENT))?,
            state: self.state()?,
            cluster_id: self.identity("cluster_id")?,
            instance_id: self.identity("instance_id")?,
            mode: self.word("mode")?,
            trigger: self.word("trigger")?,
            reason: self.text("reason")?,
            active_health_check_run_id: self.text("active_health_check_run_id")?,
            passive_health_check_event_id: self.text("passive_health_check_event_id")?,
            requested_by: self.text("requested_by")?,
            create_time: self.text("create_time")?,
            reviewed_by: self.text("reviewed_by")?,
            review_time: self.text("review_time")?,
            review_comment: self.text("review_comment")?,
            start_time: self.text("start_time")?,
            end_time: self.text("end_time")?,
            error_message: self.text("error_message")?,
            update_time: self.text("update_time")?,
            instance_name: self.text("instance_name")?,
            linked_alerts: self.linked_alerts()?,
            unreadable: std::mem::take(&mut self.unreadable),
        })
    }

    /// The fields that identify the remediation. If one is invalid, the item is useless.
    fn identity(&self, name: &'static str) -> Result<Option<String>, Wrong> {
        match self.value(name)? {
            Value::Absent => Ok(None),
            Value::Text(text) => Ok(Some(text)),
            Value::Number(_) | Value::Other => Err((name, OTHER_TYPE)),
        }
    }

    fn state(&self) -> Result<String, Wrong> {
        match self.value("state")? {
            Value::Text(state) | Value::Number(state) => Ok(state),
            Value::Absent => Err(("state", ABSENT)),
            Value::Other => Err(("state", OTHER_TYPE)),
        }
    }

    /// An enum value.
    fn word(&mut self, name: &'static str) -> Result<Option<String>, Wrong> {
        match self.value(name)? {
            Value::Number(number) => Ok(Some(number)),
            value => Ok(self.text_of(name, value)),
        }
    }

    fn text(&mut self, name: &'static str) -> Result<Option<String>, Wrong> {
        let value = self.value(name)?;
        Ok(self.text_of(name, value))
    }

    fn text_of(&mut self, name: &'static str, value: Value) -> Option<String> {
        match value {
            Value::Absent => None,
            Value::Text(text) => Some(text),
            Value::Number(_) | Value::Other => {
                self.unreadable.push(name);
                None
            }
        }
    }

    fn linked_alerts(&mut self) -> Result<Vec<linked_alert::LinkedAlert>, Wrong> {
        let name = "linked_alerts";
        let Some(raw) = self.raw(name)? else {
            return Ok(Vec::new());
        };
        let (alerts, all) = linked_alert::read(raw);
        if !all {
            self.unreadable.push(name);
        }
        Ok(alerts)
    }

    fn value(&self, name: &'static str) -> Result<Value, Wrong> {
        let Some(raw) = self.raw(name)?.map(RawValue::get) else {
            return Ok(Value::Absent);
        };
        Ok(match raw.as_bytes().first() {
            Some(b'"') => match serde_json::from_str(raw).map_err(|_| (name, INVALID))? {
                text if String::is_empty(&text) => Value::Absent,
                text => Value::Text(text),
            },
            Some(b'n') => Value::Absent,
            _ if raw.parse::<i64>().is_ok() || raw.parse::<u64>().is_ok() => {
                Value::Number(raw.to_owned())
            }
            _ => Value::Other,
        })
    }

    /// The raw value. A duplicate field is ambiguous.
    fn raw(&self, name: &'static str) -> Result<Option<&RawValue>, Wrong> {
        let mut found = self.fields.iter().filter(|(field, _)| field.0 == name);
        match (found.next(), found.next()) {
            (None, _) => Ok(None),
            (Some((_, raw)), None) => Ok(Some(raw)),
            (Some(_), Some(_)) => Err((name, OTHER_TYPE)),
        }
    }

    /// The id of a malformed item. A very long one is dropped instead of truncated, because part of an id is not an id.
    fn salvage_id(&self) -> Option<String> {
        let id = self.identity("id").ok()??;
        (1..=MAX_MALFORMED_ID).contains(&id.len()).then_some(id)
    }
}
