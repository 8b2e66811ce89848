//! What the server refuses in a new object, and in which words.

use std::collections::BTreeSet;

use kube::{Api, api::DynamicObject};
use serde_json::{Value, json};
use together_remediation_operator::api;

use super::objects::{Objects, assert_refused, causes, remediation, watch};

mod cases;

use crate::steps::dry_run;
use cases::{Case, DURATION, remediation_cases, watch_cases};

async fn check(api: &Api<DynamicObject>, object: fn(&Value) -> DynamicObject, cases: Vec<Case>) {
    for case in cases {
        for spec in case.good {
            let created = api.create(&dry_run(), &object(&spec)).await;
            assert!(created.is_ok(), "{spec}: {created:?}");
        }
        for spec in case.bad {
            let refused = api.create(&dry_run(), &object(&spec)).await;
            assert_refused(refused, &format!("spec.{}", case.field), case.message);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_on_a_watch_accepts_valid_ones_and_explains_what_to_write() {
    check(&Objects::new().await.watches, watch, watch_cases()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_on_a_remediation_accepts_valid_ones_and_explains_what_to_write() {
    let object = |spec: &Value| remediation("r", spec);
    check(
        &Objects::new().await.remediations,
        object,
        remediation_cases(),
    )
    .await;
}

/// An untested rule does not get in unnoticed. Those on changes are tested in `immutability`.
#[test]
fn every_rule_has_a_case() {
    for (crd, cases) in api::crds().iter().zip([watch_cases(), remediation_cases()]) {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        let mut rules = BTreeSet::new();
        collect(&schema["openAPIV3Schema"], "", &mut rules);
        let tested = cases
            .iter()
            .map(|case| format!("spec.{}: {}", case.field, case.message))
            .collect();
        assert_eq!(rules, tested);
    }
}

fn collect(schema: &Value, path: &str, rules: &mut BTreeSet<String>) {
    for rule in schema["x-kubernetes-validations"]
        .as_array()
        .into_iter()
        .flatten()
    {
        if rule["rule"].as_str().unwrap().contains("oldSelf") {
            continue;
        }
        let below = rule["fieldPath"].as_str().unwrap_or_default();
        rules.insert(format!(
            "{path}{below}: {}",
            rule["message"].as_str().unwrap()
        ));
    }
    for (name, field) in schema["properties"].as_object().into_iter().flatten() {
        let dot = if path.is_empty() { "" } else { "." };
        collect(field, &format!("{path}{dot}{name}"), rules);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mistakes_are_reported_as_two_and_no_rule_trips_over_the_other() {
    let objects = Objects::new().await;
    let spec =
        json!({ "interval": "soon", "activeInterval": "never", "fullResyncInterval": "10m" });
    let refused = objects.watches.create(&dry_run(), &watch(&spec)).await;
    let mut causes = causes(refused);
    causes.sort();
    let fields: Vec<_> = causes.iter().map(|(field, _)| field.as_str()).collect();
    assert_eq!(fields, ["spec.activeInterval", "spec.interval"]);
    assert!(
        causes
            .iter()
            .all(|(_, message)| message.ends_with(DURATION)),
        "{causes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_duration_too_long_to_add_up_is_refused_for_its_length() {
    let objects = Objects::new().await;
    let spec = json!({ "interval": "999999h999999h999999m", "activeInterval": "5s" });
    let refused = objects.watches.create(&dry_run(), &watch(&spec)).await;
    let causes = causes(refused);
    assert_eq!(causes[0].0, "spec.interval");
    assert!(causes[0].1.starts_with("Too long"), "{causes:?}");
    assert!(
        !causes
            .iter()
            .any(|(_, message)| message.contains("conversion")),
        "{causes:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_hold_each_entry_once() {
    let objects = Objects::new().await;
    for (field, value) in [("states", "RUNNING"), ("omit", "reason")] {
        let spec = json!({ field: [value, value] });
        let refused = objects.watches.create(&dry_run(), &watch(&spec)).await;
        let cause = (
            format!("spec.{field}[1]"),
            format!("Duplicate value: {value:?}"),
        );
        assert_eq!(causes(refused), [cause]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_stand_for_nothing_are_refused_with_those_that_do() {
    let objects = Objects::new().await;
    for (spec, words) in [
        (
            json!({ "deletionPolicy": "Keep" }),
            r#"supported values: "Delete", "Retain""#,
        ),
        (
            json!({ "omit": ["id"] }),
            r#"supported values: "requestedBy""#,
        ),
    ] {
        let refused = objects.watches.create(&dry_run(), &watch(&spec)).await;
        assert!(causes(refused)[0].1.contains(words), "{spec}");
    }
}
