//! The alerts that led to a remediation: newer than the reference page, so nothing in them
//! can make an item unreadable.

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

impl LinkedAlert {
    /// `None` for what is no object or says nothing that is kept.
    fn read(raw: &RawValue) -> Option<Self> {
        let fields: Map<String, Value> = serde_json::from_str(raw.get()).ok()?;
        let alert = Self {
            name: text(fields.get("alert_name")),
            severity: text(fields.get("severity")),
            title: text(fields.get("annotation").and_then(|a| a.get("title"))),
            started_at: text(fields.get("started_at")),
            resolved_at: text(fields.get("resolved_at")),
        };
        (alert != Self::default()).then_some(alert)
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    let text = value?.as_str()?;
    (!text.is_empty()).then(|| text.to_owned())
}

/// Reads `linked_alerts`, leaving out what cannot be read.
pub(super) fn readable<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<LinkedAlert>, D::Error> {
    let raw = <&RawValue>::deserialize(deserializer)?;
    let alerts: Vec<&RawValue> = serde_json::from_str(raw.get()).unwrap_or_default();
    Ok(alerts.into_iter().filter_map(LinkedAlert::read).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn read(json: &str) -> Vec<LinkedAlert> {
        readable(&mut serde_json::Deserializer::from_str(json)).unwrap()
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
    fn junk_is_left_out() {
        for json in ["null", "7", "{}", "\"x\"", "[]", "[null, 3, [], {}]"] {
            assert!(read(json).is_empty(), "{json}");
        }
        let mixed = read(r#"[1, {"alert_name":"A","severity":5,"annotation":"text"}]"#);
        assert_eq!(mixed.len(), 1);
        assert_eq!(
            (mixed[0].name.as_deref(), mixed[0].severity.as_deref()),
            (Some("A"), None)
        );
    }
}
