//! What the server refuses in a new object, and in which words.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use together_remediation_operator::api;

use super::objects::{Objects, assert_refused, causes, dry_run, remediation, watch};

const DURATION: &str =
    "must be whole numbers with ms, s, m or h: write for instance 30s, 10m or 1h30m";
const AT_LEAST_5S: &str = "must not be below 5s: write 5s or more";
const SECRET_NAME: &str =
    "must be the name of a Secret in this namespace: write small letters, digits, - and .";
const SECRET_KEY: &str =
    "must be a key of the Secret: write letters, digits, -, _ and ., for instance api-key";

/// One rule: its message, specs that it lets pass and specs that it alone refuses.
struct Case {
    field: &'static str,
    message: &'static str,
    good: Vec<Value>,
    bad: Vec<Value>,
}

fn case(field: &'static str, message: &'static str, good: Vec<Value>, bad: Vec<Value>) -> Case {
    Case {
        field,
        message,
        good,
        bad,
    }
}

fn intervals(field: &'static str) -> [Case; 2] {
    let specs = |texts: &[&str]| texts.iter().map(|text| json!({ field: text })).collect();
    let path = match field {
        "interval" => "spec.interval",
        "activeInterval" => "spec.activeInterval",
        _ => "spec.fullResyncInterval",
    };
    let long = "999999h999999h99999m";
    [
        case(
            path,
            DURATION,
            specs(&["1h30m15s500ms", long]),
            specs(&["", "60", "1.5s", "soon", "-60s", "1d"]),
        ),
        case(
            path,
            AT_LEAST_5S,
            specs(&["5s", "5000ms"]),
            specs(&["4999ms", "0s"]),
        ),
    ]
}

fn watch_cases() -> Vec<Case> {
    let mut cases = Vec::from(intervals("interval"));
    cases.extend(intervals("activeInterval"));
    cases.extend(intervals("fullResyncInterval"));
    cases.extend([
        case(
            "spec.activeInterval",
            "must not be above interval: write a shorter activeInterval or a longer interval",
            vec![
                json!({ "activeInterval": "24h" }),
                json!({ "interval": "60s", "activeInterval": "1m" }),
            ],
            vec![json!({ "interval": "60s", "activeInterval": "61s" })],
        ),
        case(
            "spec.fullResyncInterval",
            "must not be below interval: write a longer fullResyncInterval or a shorter interval",
            vec![
                json!({ "interval": "24h" }),
                json!({ "fullResyncInterval": "5s" }),
                json!({ "interval": "10m", "fullResyncInterval": "600s" }),
            ],
            vec![json!({ "interval": "10m", "fullResyncInterval": "599s" })],
        ),
        case(
            "spec.clusterId",
            "must not be empty: write the cluster's id in Together's API",
            vec![json!({ "clusterId": "a/b ü" })],
            vec![json!({ "clusterId": "" }), json!({ "clusterId": " \t" })],
        ),
        case(
            "spec.instanceId",
            "must not be empty: write an instance's id, or leave instanceId out for all",
            vec![json!({ "instanceId": "-" }), json!({ "instanceId": "i" })],
            vec![json!({ "instanceId": "" })],
        ),
        case(
            "spec.states",
            "must not be empty: name at least one state, or leave states out for all",
            vec![json!({ "states": ["RUNNING"] })],
            vec![json!({ "states": [] })],
        ),
        case(
            "spec.states",
            "must hold states in capital letters and underscores: write for instance PENDING_APPROVAL",
            vec![json!({ "states": ["PENDING_APPROVAL", "NOT_YET_INVENTED"] })],
            vec![json!({ "states": ["RUNNING", "running"] }), json!({ "states": [""] })],
        ),
        case(
            "spec.query.pageSize",
            "must be a number from 1 to 1000",
            vec![json!({ "query": { "pageSize": 1 } }), json!({ "query": { "pageSize": 1000 } })],
            vec![
                json!({ "query": { "pageSize": 0 } }),
                json!({ "query": { "pageSize": -1 } }),
                json!({ "query": { "pageSize": 1001 } }),
                json!({ "query": { "pageSize": i64::MAX } }),
            ],
        ),
        case(
            "spec.query.orderBy",
            "must not be empty: write for instance create_time desc, or leave orderBy out",
            vec![json!({ "query": { "orderBy": "create_time desc" } })],
            vec![json!({ "query": { "orderBy": "" } })],
        ),
        case(
            "spec.apiKeySecretRef.name",
            SECRET_NAME,
            vec![json!({ "apiKeySecretRef": { "name": "a-1.b" } })],
            ["", "Together", "a/b", "../other/secrets/a", "a..b", "-a"]
                .map(|name| json!({ "apiKeySecretRef": { "name": name } }))
                .to_vec(),
        ),
        case(
            "spec.apiKeySecretRef.key",
            SECRET_KEY,
            vec![json!({ "apiKeySecretRef": { "key": "_Api.key-1" } })],
            vec![
                json!({ "apiKeySecretRef": { "key": "" } }),
                json!({ "apiKeySecretRef": { "key": "api key" } }),
            ],
        ),
        case(
            "spec.retention.ttlAfterFinished",
            DURATION,
            vec![json!({ "retention": { "ttlAfterFinished": "720h" } })],
            vec![json!({ "retention": { "ttlAfterFinished": "30d" } })],
        ),
        case(
            "spec.retention.maxFinishedPerInstance",
            "must be a number from 1 to 100000",
            vec![json!({ "retention": { "maxFinishedPerInstance": 1 } })],
            vec![
                json!({ "retention": { "maxFinishedPerInstance": 0 } }),
                json!({ "retention": { "maxFinishedPerInstance": 100_001 } }),
            ],
        ),
    ]);
    cases
}

fn remediation_cases() -> Vec<Case> {
    let good = || vec![json!({ "clusterId": "c", "id": "a/b ü" })];
    vec![
        case(
            "spec.clusterId",
            "must not be empty: write the cluster's id in Together's API",
            good(),
            vec![json!({ "clusterId": "", "id": "r" })],
        ),
        case(
            "spec.id",
            "must not be empty: write the remediation's id in Together's API",
            good(),
            vec![json!({ "clusterId": "c", "id": " " })],
        ),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_on_a_watch_lets_good_ones_pass_and_says_what_to_write() {
    let objects = Objects::new().await;
    for Case {
        field,
        message,
        good,
        bad,
    } in watch_cases()
    {
        for spec in good {
            let created = objects.watches.create(&dry_run(), &watch(&spec)).await;
            assert!(created.is_ok(), "{spec}: {created:?}");
        }
        for spec in bad {
            let refused = objects.watches.create(&dry_run(), &watch(&spec)).await;
            assert_refused(refused, field, message);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_rule_on_a_remediation_lets_good_ones_pass_and_says_what_to_write() {
    let objects = Objects::new().await;
    for Case {
        field,
        message,
        good,
        bad,
    } in remediation_cases()
    {
        for spec in good {
            let created = objects
                .remediations
                .create(&dry_run(), &remediation("r", spec))
                .await;
            assert!(created.is_ok(), "{created:?}");
        }
        for spec in bad {
            let refused = objects
                .remediations
                .create(&dry_run(), &remediation("r", spec))
                .await;
            assert_refused(refused, field, message);
        }
    }
}

/// A rule that nobody tests does not get in unnoticed. Those on changes are tested in `immutability`.
#[test]
fn every_rule_has_a_case() {
    for (crd, cases) in api::crds().iter().zip([watch_cases(), remediation_cases()]) {
        let schema = serde_json::to_value(&crd.spec.versions[0].schema).unwrap();
        let mut rules = BTreeSet::new();
        collect(&schema["openAPIV3Schema"], String::new(), &mut rules);
        let tested = cases
            .iter()
            .map(|case| format!("{}: {}", case.field, case.message))
            .collect();
        assert_eq!(rules, tested);
    }
}

fn collect(schema: &Value, path: String, rules: &mut BTreeSet<String>) {
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
        collect(field, format!("{path}{dot}{name}"), rules);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_mistakes_are_told_as_two_and_no_rule_trips_over_the_other() {
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
