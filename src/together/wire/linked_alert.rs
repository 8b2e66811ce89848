//! The alerts that led to a remediation. They are newer than the reference page, so nothing in them makes an item
//! unreadable.

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::{Map, Value, value::RawValue};

/// One alert, as the API returned it. Absent, null, empty and wrongly typed fields are `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LinkedAlert {
    /// The alert's name (`alert_name`).
    pub name: Option<String>,
    /// `PHC_SEVERITY_INFO`, `_WARNING`, `_CRITICAL`, or newer.
    pub severity: Option<String>,
    /// The human-readable title (`annotation.title`).
    pub title: Option<String>,
    /// A short summary (`annotation.summary_line`).
    pub summary: Option<String>,
    /// One or two sentences (`annotation.description`).
    pub description: Option<String>,
    /// When it began.
    pub started_at: Option<String>,
    /// When it ended.
    pub resolved_at: Option<String>,
    /// The GPU errors counted by it (`annotation.xid.events`).
    pub xids: Vec<Xid>,
    /// Why Slurm does not use the node (`annotation.slurm_node_unavailable.reason`).
    pub slurm_reason: Option<String>,
}

/// One kind of GPU error, with at least one field.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Xid {
    /// NVIDIA's number of the error (`xid_code`).
    pub code: Option<i64>,
    /// NVIDIA's name of the error.
    pub mnemonic: Option<String>,
    /// How often it occurred.
    pub count: Option<i64>,
}

/// Parses `linked_alerts` as far as possible. Returns whether that is all of it.
pub(super) fn read(raw: &RawValue) -> (Vec<LinkedAlert>, bool) {
    let Ok(list) = serde_json::from_str::<Option<Vec<&RawValue>>>(raw.get()) else {
        return (Vec::new(), false);
    };
    let mut all = true;
    let alerts = list.into_iter().flatten().filter_map(|raw| {
        let alert = alert(raw, &mut all);
        (alert != LinkedAlert::default()).then_some(alert)
    });
    (alerts.collect(), all)
}

/// The readable part of one alert; `all` becomes false if a relevant part is unreadable.
fn alert(raw: &RawValue, all: &mut bool) -> LinkedAlert {
    let Ok(fields) = serde_json::from_str::<Map<String, Value>>(raw.get()) else {
        *all = false;
        return LinkedAlert::default();
    };
    let severity = match fields.get("severity") {
        Some(Value::Number(number)) if !number.is_f64() => Some(number.to_string()),
        severity => text(severity, all),
    };
    let annotation = object(fields.get("annotation"), all);
    let field = |name: &str| annotation.and_then(|fields| fields.get(name));
    let slurm = object(field("slurm_node_unavailable"), all);
    LinkedAlert {
        name: text(fields.get("alert_name"), all),
        severity,
        title: text(field("title"), all),
        summary: text(field("summary_line"), all),
        description: text(field("description"), all),
        started_at: text(fields.get("started_at"), all),
        resolved_at: text(fields.get("resolved_at"), all),
        xids: xids(field("xid"), all),
        slurm_reason: text(slurm.and_then(|fields| fields.get("reason")), all),
    }
}

/// The events of an `xid`, as far as they are readable.
fn xids(xid: Option<&Value>, all: &mut bool) -> Vec<Xid> {
    let events = match object(xid, all).and_then(|fields| fields.get("events")) {
        None | Some(Value::Null) => return Vec::new(),
        Some(Value::Array(events)) => events,
        Some(_) => {
            *all = false;
            return Vec::new();
        }
    };
    let events = events.iter().filter_map(|event| {
        let Value::Object(fields) = event else {
            *all = false;
            return None;
        };
        let xid = Xid {
            code: number(fields.get("xid_code"), all),
            mnemonic: text(fields.get("mnemonic"), all),
            count: number(fields.get("count"), all),
        };
        (xid != Xid::default()).then_some(xid)
    });
    events.collect()
}

/// An object; `all` becomes false if it is something else.
fn object<'a>(value: Option<&'a Value>, all: &mut bool) -> Option<&'a Map<String, Value>> {
    match value {
        None | Some(Value::Null) => None,
        Some(Value::Object(fields)) => Some(fields),
        Some(_) => {
            *all = false;
            None
        }
    }
}

/// A whole number, also as text, because gateways write 64-bit numbers as text; `all` becomes false if it is something
/// else.
fn number(value: Option<&Value>, all: &mut bool) -> Option<i64> {
    let number = match value {
        None | Some(Value::Null) => return None,
        Some(Value::String(text)) if text.is_empty() => return None,
        Some(Value::String(text)) => text.parse().ok(),
        Some(value) => value.as_i64(),
    };
    *all &= number.is_some();
    number
}

/// A text; `all` becomes false if it is something else.
fn text(value: Option<&Value>, all: &mut bool) -> Option<String> {
    match value {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
        Some(_) => {
            *all = false;
            None
        }
    }
}

/// Parses `linked_alerts`; an error if part of it is unreadable.
pub(super) fn all_of_them<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<LinkedAlert>, D::Error> {
    match read(<&RawValue>::deserialize(deserializer)?) {
        (alerts, true) => Ok(alerts),
        (_, false) => Err(D::Error::custom("part of it cannot be read")),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
