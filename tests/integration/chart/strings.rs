//! Names that YAML reads as numbers, booleans, dates or null. Each string that the chart renders stays one, by the real API
//! server, which refuses a number in a string's place.

use std::{collections::BTreeSet, fs};

use regex::Regex;
use serde_json::{Value, json};

use super::{
    helm::{Helm, chart, documents, of_kind, values_file},
    stage::Stage,
};

/// DNS labels: names of namespaces, releases and objects.
#[rustfmt::skip]
const NAMES: [&str; 12] = [
    "1234567", "1e5", "0x1f", "true", "null", "on", "y", "0777", "08", "0b1", "0o17", "2026-11-29",
];
/// Values of labels, and tags of images.
#[rustfmt::skip]
const LABELS: [&str; 12] = [
    "1_000", "1E5", "0x1F", "TRUE", "Null", "NO", "1.0", "1.5e3", "0", "12e03", "190", "6.02E23",
];
/// Where any text may stand.
#[rustfmt::skip]
const TEXTS: [&str; 12] = [
    "~", "- a", "a: b", "a #b", "1:30", "*a", "&a", "!a", ".inf", "{a}", "\"a'\\", "a\n\"b\": c",
];

/// Where names stand: every string of the chart whose form they have.
fn names(word: &str) -> Value {
    json!({
        "nameOverride": word,
        "namespaces": [word],
        "leaderElection": {"leaseName": word},
        "image": {"repository": word},
        "imagePullSecrets": [{"name": word}],
        "caBundle": {"secret": word},
        "serviceAccount": {"name": word},
        "rbac": {"secretNames": [word]},
        "admissionPolicy": {"enabled": true, "writers": [format!("{word}/{word}")]},
        "priorityClassName": word,
    })
}

fn labels(word: &str) -> Value {
    let map = json!({word: word});
    json!({
        "commonLabels": map,
        "podLabels": map,
        "nodeSelector": map,
        "mirrorLabels": map,
        "image": {"tag": word},
        "tolerations": [{"key": word, "operator": "Equal", "value": word, "effect": "NoSchedule"}],
        "serviceMonitor": {"enabled": true, "labels": map},
        "podMonitor": {"enabled": true, "labels": map},
        "prometheusRule": {"enabled": true, "labels": map},
        "dashboard": {"enabled": true, "labels": map},
        "networkPolicy": {"enabled": true, "metricsFrom": [{"podSelector": {"matchLabels": map}}]},
    })
}

fn texts(word: &str) -> Value {
    let map = json!({"a": word});
    json!({
        "clusterWatchSelector": word,
        "mirrorAnnotations": map,
        "podAnnotations": map,
        "serviceAccount": {"annotations": map},
        "service": {"annotations": map},
        "dashboard": {"annotations": map},
        "extraArgs": [format!("-{word}")],
        "extraEnv": [{"name": "A", "value": word}],
        "proxy": {"httpsProxy": "http://proxy:3128", "noProxy": word},
        "log": {"level": word},
    })
}

/// Values of all three, of the words at this place of the lists.
fn hostile(place: usize) -> Value {
    let mut all = names(NAMES[place]);
    for more in [labels(LABELS[place]), texts(TEXTS[place])] {
        merge(&mut all, more);
    }
    all
}

fn merge(into: &mut Value, more: Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more,
    }
}

/// The paths of what may be a string, with the pattern that it has to match.
fn strings(path: &str, schema: &Value, into: &mut Vec<(String, Option<String>)>) {
    if let Some(properties) = schema["properties"].as_object() {
        for (key, schema) in properties {
            let path = format!("{path}.{key}");
            strings(path.trim_start_matches('.'), schema, into);
        }
    }
    for (below, path) in [
        ("additionalProperties", path.to_owned()),
        ("items", format!("{path}.0")),
    ] {
        if schema[below].is_object() {
            strings(&path, &schema[below], into);
        }
    }
    let is_string = |word: &Value| word == "string";
    let typed = &schema["type"];
    let typed = is_string(typed)
        || typed
            .as_array()
            .is_some_and(|all| all.iter().any(is_string));
    if typed && schema.get("enum").is_none() {
        let pattern = schema["pattern"].as_str().map(str::to_owned);
        into.push((path.to_owned(), pattern));
    }
}

#[test]
fn every_string_of_the_chart_is_among_them() {
    let schema = fs::read_to_string(chart().join("values.schema.json")).unwrap();
    let (all, mut found) = (hostile(0), Vec::new());
    strings("", &serde_json::from_str(&schema).unwrap(), &mut found);
    let words = || NAMES.iter().chain(&LABELS).chain(&TEXTS);
    let mut missing = BTreeSet::new();
    for (path, pattern) in found {
        let pattern = pattern.map(|text| Regex::new(&text).unwrap());
        let takes = |word: &&&str| pattern.as_ref().is_none_or(|form| form.is_match(word));
        let there = all
            .pointer(&format!("/{}", path.replace('.', "/")))
            .is_some();
        if !there && words().any(|word| takes(&word)) {
            missing.insert(path);
        }
    }
    // One of the two names of a release, one of the two places of a bundle, and lists that go to the pod as they are.
    let known = [
        "caBundle.configMap",
        "dnsConfig.nameservers.0",
        "dnsConfig.searches.0",
        "fullnameOverride",
    ];
    assert_eq!(missing, known.map(str::to_owned).into());
}

/// What has to be a string, with a JSON pointer to it.
fn text_of(object: &Value) -> Vec<(String, &Value)> {
    let mut found = Vec::new();
    walk("", object, &mut found);
    found
}

/// A JSON pointer one key longer.
fn below(path: &str, key: &str) -> String {
    format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"))
}

fn walk<'a>(path: &str, value: &'a Value, into: &mut Vec<(String, &'a Value)>) {
    const MAPS: [&str; 5] = [
        "labels",
        "annotations",
        "matchLabels",
        "nodeSelector",
        "selector",
    ];
    const WORDS: [&str; 14] = [
        "name",
        "namespace",
        "value",
        "image",
        "serviceAccountName",
        "priorityClassName",
        "secretName",
        "policyName",
        "key",
        "kind",
        "apiVersion",
        "interval",
        "imagePullPolicy",
        "runbook_url",
    ];
    const LISTS: [&str; 4] = ["args", "resourceNames", "values", "verbs"];
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let path = below(path, key);
                let key = key.as_str();
                match value {
                    Value::Object(texts) if MAPS.contains(&key) => {
                        let texts = texts.iter().filter(|(_, value)| !value.is_object());
                        into.extend(texts.map(|(key, value)| (below(&path, key), value)));
                    }
                    Value::Array(words) if LISTS.contains(&key) => {
                        let words = words.iter().enumerate();
                        into.extend(words.map(|(at, value)| (format!("{path}/{at}"), value)));
                    }
                    Value::Object(_) | Value::Array(_) => {}
                    _ if WORDS.contains(&key) => into.push((path.clone(), value)),
                    _ => {}
                }
                walk(&path, value, into);
            }
        }
        Value::Array(all) => {
            for (index, value) in all.iter().enumerate() {
                walk(&format!("{path}/{index}"), value, into);
            }
        }
        _ => {}
    }
}

/// One object of each without the definitions, which hold schemas.
async fn objects(helm: &Helm, place: usize) -> String {
    let mut values = hostile(place);
    merge(
        &mut values,
        json!({"crds": {"enabled": false}, "rbac": {"aggregateToDefaultRoles": true}}),
    );
    let file = values_file(&values);
    let file = ["--values", file.path().to_str().unwrap()];
    let word = NAMES[place];
    let rendered = helm.render(&chart(), [word, word], &file).await;
    rendered.unwrap_or_else(|error| panic!("{word}: {error}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn every_label_name_argument_and_variable_is_a_string_with_both_helms() {
    for (version, helm) in Helm::both() {
        for (place, name) in NAMES.iter().enumerate() {
            let rendered = documents(&objects(&helm, place).await);
            assert!(rendered.len() > 15, "{}", rendered.len());
            let mut all = BTreeSet::new();
            for object in &rendered {
                for (path, value) in text_of(object) {
                    let kind = &object["kind"];
                    assert!(
                        value.is_string(),
                        "{version:?} {name} {kind}{path}: {value}"
                    );
                    all.insert(value.as_str().unwrap().to_owned());
                }
            }
            let (label, text) = (LABELS[place], TEXTS[place]);
            let level = format!("--log-level={text}");
            for word in [name, label, text, &level] {
                assert!(all.contains(word), "{version:?}: {word:?} is lost");
            }
        }
    }
}

/// Kubernetes 1.32 takes no other name for a Service.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_any_release_begins_with_a_letter_and_has_no_dot() {
    let label = Regex::new("^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$").unwrap();
    let long = "9".repeat(53);
    for (version, helm) in Helm::both() {
        for release in ["1e5", "my.release", "2026-11-29", "0.1", &long] {
            let rendered = helm.render(&chart(), [release, "home"], &[]).await;
            let objects = documents(&rendered.unwrap());
            let of = |kind| of_kind(&objects, kind)[0];
            let name = of("Service")["metadata"]["name"].as_str().unwrap();
            assert!(label.is_match(name), "{version:?} {release}: {name}");
            let url = format!("http://{name}.home.svc:8080/readyz");
            assert_eq!(of("Pod")["spec"]["containers"][0]["args"][1], url);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_reads_each_as_the_string_that_it_is() {
    let Some(stage) = Stage::shared().await else {
        return;
    };
    for (place, name) in NAMES.iter().enumerate() {
        stage.restrict(name).await;
        let manifest = objects(&stage.helm, place).await;
        let line = [
            "create",
            "--dry-run=server",
            "--validate=strict",
            "--output=json",
            "-f-",
        ];
        let taken = stage.kubectl(&line, &manifest).await;
        let taken = taken.unwrap_or_else(|error| panic!("{name}: {error}"));
        let objects = &taken[taken.find('{').unwrap()..];
        let objects = serde_json::Deserializer::from_str(objects).into_iter::<Value>();
        let taken: Vec<Value> = objects.map(Result::unwrap).collect();
        let sent = documents(&manifest);
        assert_eq!(taken.len(), sent.len());
        for expected in &sent {
            let same = |found: &&Value| {
                ["/kind", "/metadata/name"].map(|at| found.pointer(at))
                    == ["/kind", "/metadata/name"].map(|at| expected.pointer(at))
            };
            let found = taken.iter().find(same);
            let found = found.unwrap_or_else(|| panic!("{expected}"));
            for (path, value) in text_of(expected) {
                assert_eq!(found.pointer(&path), Some(value), "{name} {path}");
            }
        }
    }
}
