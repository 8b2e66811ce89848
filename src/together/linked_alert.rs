//! The alerts that led to a remediation: newer than the reference page, so nothing in them
//! can make an item unreadable.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// One alert, as the API wrote it; absent, null, empty and wrongly typed are all `None`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LinkedAlert {
    /// The alert's name (`alert_name`).
    pub name: Option<String>,
    /// `PHC_SEVERITY_INFO`, `_WARNING`, `_CRITICAL`, or newer.
    pub severity: Option<String>,
    /// The title for people (`annotation.title`).
    pub title: Option<String>,
    /// When it began.
    pub started_at: Option<String>,
    /// When it was over.
    pub resolved_at: Option<String>,
}

/// Reads `linked_alerts` as far as it can be read, and whether that is all of it.
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

/// What can be read of one alert; `all` becomes false where that is not all that is kept of one.
fn alert(raw: &RawValue, all: &mut bool) -> LinkedAlert {
    let Ok(fields) = serde_json::from_str::<Map<String, Value>>(raw.get()) else {
        *all = false;
        return LinkedAlert::default();
    };
    let title = match fields.get("annotation") {
        Some(Value::Object(annotation)) => annotation.get("title"),
        None | Some(Value::Null) => None,
        Some(_) => {
            *all = false;
            None
        }
    };
    let severity = match fields.get("severity") {
        Some(Value::Number(number)) if !number.is_f64() => Some(number.to_string()),
        severity => text(severity, all),
    };
    LinkedAlert {
        name: text(fields.get("alert_name"), all),
        severity,
        title: text(title, all),
        started_at: text(fields.get("started_at"), all),
        resolved_at: text(fields.get("resolved_at"), all),
    }
}

/// A text; `all` becomes false where it is something else.
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

/// Reads `linked_alerts`; an error where it cannot all be read.
pub(super) fn all_of_them<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<LinkedAlert>, D::Error> {
    match read(<&RawValue>::deserialize(deserializer)?) {
        (alerts, true) => Ok(alerts),
        (_, false) => Err(D::Error::custom("not all of it can be read")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(json: &str) -> Vec<LinkedAlert> {
        super::read(&RawValue::from_string(json.to_owned()).unwrap()).0
    }

    #[test]
    fn reads_what_is_kept_and_ignores_the_rest() {
        let alerts = read(
            r#"[{"alert_name":"XidError","severity":"PHC_SEVERITY_CRITICAL",
                "annotation":{"title":"GPU fell off the bus","xid":{"events":[{"xid_code":79}]}},
                "annotations":{"title":"legacy"},
                "started_at":"2026-01-02T03:04:05Z","resolved_at":""}]"#,
        );
        let expected = LinkedAlert {
            name: Some("XidError".into()),
            severity: Some("PHC_SEVERITY_CRITICAL".into()),
            title: Some("GPU fell off the bus".into()),
            started_at: Some("2026-01-02T03:04:05Z".into()),
            resolved_at: None,
        };
        assert_eq!(alerts, [expected]);
    }

    #[test]
    fn a_severity_that_is_a_number_is_read_as_text() {
        let alerts = read(r#"[{"alert_name":"XidError","severity":3}]"#);
        assert_eq!(alerts[0].severity.as_deref(), Some("3"));
    }

    #[test]
    fn junk_is_left_out() {
        for json in ["null", "7", "{}", "\"x\"", "[]", "[null, 3, [], {}]"] {
            assert!(read(json).is_empty(), "{json}");
        }
        let mixed = read(r#"[1, {"alert_name":"A","severity":5,"annotation":"text"}]"#);
        assert_eq!(mixed.len(), 1);
        assert_eq!(
            (mixed[0].name.as_deref(), mixed[0].severity.as_deref()),
            (Some("A"), Some("5"))
        );
    }

    #[test]
    fn tells_whether_all_of_it_was_read() {
        let all = |json: &str| super::read(&RawValue::from_string(json.to_owned()).unwrap()).1;
        for json in [
            "null",
            "[]",
            "[{}]",
            r#"[{"newer": [1], "severity": 3, "annotation": null, "alert_name": ""}]"#,
        ] {
            assert!(all(json), "{json}");
        }
        for json in [
            "7",
            "{}",
            "[null]",
            "[[]]",
            r#"[{"severity": 1.5}]"#,
            r#"[{"alert_name": 1}]"#,
            r#"[{"started_at": true}]"#,
            r#"[{"annotation": "text"}]"#,
            r#"[{"annotation": {"title": 1}}]"#,
        ] {
            assert!(!all(json), "{json}");
        }
    }
}
