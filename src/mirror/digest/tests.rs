#![allow(clippy::unwrap_used)]

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Time, jiff::Timestamp};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{
    api::remediation::Transition,
    mirror::status::from_api,
    testing::{cluster::through_json, full_item, now, random},
};

/// Every way to change one thing in `value`, each with its path.
fn changes(value: &Value, path: &str) -> Vec<(String, Value)> {
    let here = |new: Value| vec![(path.to_owned(), new)];
    match value {
        Value::String(text) => here(json!(format!("{text}x"))),
        Value::Bool(yes) => here(json!(!yes)),
        Value::Number(number) => here(json!(number.as_i64().unwrap() + 1)),
        Value::Array(entries) => {
            let mut all = here(json!(entries[1..]));
            for (at, entry) in entries.iter().enumerate() {
                for (path, new) in changes(entry, &format!("{path}[{at}]")) {
                    let mut entries = entries.clone();
                    entries[at] = new;
                    all.push((path, json!(entries)));
                }
            }
            all
        }
        Value::Object(fields) => {
            let mut all = Vec::new();
            for (name, field) in fields {
                for (path, new) in changes(field, &format!("{path}.{name}")) {
                    let mut fields = fields.clone();
                    fields[name] = new;
                    all.push((path, json!(fields)));
                }
            }
            all
        }
        Value::Null => Vec::new(),
    }
}

#[test]
fn each_single_difference_shows() {
    let mut status = from_api(&full_item("FAILED"), &[], 1);
    for condition in &mut status.conditions {
        condition.last_transition_time = Time(now());
    }
    let mut value = serde_json::to_value(&status).unwrap();
    for condition in value["conditions"].as_array_mut().unwrap() {
        condition["lastTransitionTime"] = Value::Null;
    }
    let all = changes(&value, "status");
    assert!(all.len() > 45, "{}", all.len());
    for (path, mut changed) in all {
        for condition in changed["conditions"].as_array_mut().unwrap() {
            condition["lastTransitionTime"] = json!("2026-11-23T10:00:00Z");
        }
        let changed: RemediationStatus = serde_json::from_value(changed).unwrap();
        assert_ne!(digest(&changed), digest(&status), "{path}");
    }
}

#[test]
fn two_fields_that_swap_their_values_differ() {
    let status = from_api(&full_item("FAILED"), &[], 1);
    let swapped = RemediationStatus {
        requested_by: status.reviewed_by.clone(),
        reviewed_by: status.requested_by.clone(),
        ..status.clone()
    };
    assert_ne!(digest(&status), digest(&swapped));
}

proptest! {
    #[test]
    fn history_times_and_order_of_conditions_do_not_show(
        item in random::remediation(1),
        second in 0_i64..4_000_000_000,
        turn in 0_usize..4,
    ) {
        let status = from_api(&item, &[], 1);
        let mut other = status.clone();
        for condition in &mut other.conditions {
            condition.last_transition_time = Time(Timestamp::from_second(second).unwrap());
        }
        other.conditions.rotate_left(turn);
        other.transitions.push(Transition { to: "RUNNING".into(), ..Transition::default() });
        prop_assert_eq!(digest(&status), digest(&other));
    }

    #[test]
    fn the_way_through_the_server_does_not_show(item in random::remediation(1)) {
        let status = from_api(&item, &[], 1);
        prop_assert_eq!(digest(&status), digest(&through_json(&status)));
    }

    #[test]
    fn another_remediation_shows(one in random::remediation(1), other in random::remediation(1)) {
        let (one, other) = (from_api(&one, &[], 1), from_api(&other, &[], 1));
        prop_assert_eq!(digest(&one) == digest(&other), one == other);
    }
}
