//! What kstatus makes of an object, by its published rules.

use serde_json::{Value, json};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kstatus {
    Terminating,
    InProgress,
    Failed,
    Current,
}

/// The first rule that fits.
pub(crate) fn kstatus(object: &Value) -> Kstatus {
    let (meta, status) = (&object["metadata"], &object["status"]);
    if !meta["deletionTimestamp"].is_null() {
        return Kstatus::Terminating;
    }
    let observed = &status["observedGeneration"];
    if !observed.is_null() && *observed != meta["generation"] {
        return Kstatus::InProgress;
    }
    let conditions = status["conditions"].as_array();
    let conditions = || conditions.into_iter().flatten();
    for condition in conditions() {
        match (condition["type"].as_str(), condition["status"].as_str()) {
            (Some("Reconciling"), Some("True")) => return Kstatus::InProgress,
            (Some("Stalled"), Some("True")) => return Kstatus::Failed,
            _ => {}
        }
    }
    let ready = conditions().find(|condition| condition["type"] == "Ready");
    match ready {
        Some(ready) if ready["status"] != "True" => Kstatus::InProgress,
        _ => Kstatus::Current,
    }
}

#[test]
fn the_first_rule_that_fits_wins() {
    let rules = [
        (
            json!({"metadata": {"deletionTimestamp": "t", "generation": 1}}),
            Kstatus::Terminating,
        ),
        (of(2, &[("Ready", "True")]), Kstatus::InProgress),
        (
            of(1, &[("Reconciling", "True"), ("Ready", "True")]),
            Kstatus::InProgress,
        ),
        (
            of(1, &[("Stalled", "True"), ("Ready", "True")]),
            Kstatus::Failed,
        ),
        (
            of(1, &[("Stalled", "True"), ("Reconciling", "True")]),
            Kstatus::Failed,
        ),
        (
            of(1, &[("Reconciling", "True"), ("Stalled", "True")]),
            Kstatus::InProgress,
        ),
        (of(1, &[("Ready", "True")]), Kstatus::Current),
        (of(1, &[("Ready", "False")]), Kstatus::InProgress),
        (of(1, &[("Ready", "Unknown")]), Kstatus::InProgress),
        (of(1, &[("Succeeded", "False")]), Kstatus::Current),
        (json!({"metadata": {"generation": 1}}), Kstatus::Current),
    ];
    for (object, expected) in rules {
        assert_eq!(kstatus(&object), expected, "{object}");
    }
}

/// An object of generation `generation`, observed at 1, with these conditions.
fn of(generation: i64, conditions: &[(&str, &str)]) -> Value {
    let conditions = conditions.iter();
    let conditions = conditions.map(|(kind, status)| json!({"type": kind, "status": status}));
    json!({
        "metadata": {"generation": generation},
        "status": {"observedGeneration": 1, "conditions": conditions.collect::<Vec<_>>()},
    })
}
