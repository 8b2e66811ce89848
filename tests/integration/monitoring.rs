//! The alerts of the chart: by the real promtool, and against their runbook.

use std::{collections::BTreeSet, fs, process::Command};

use serde_json::Value;
use testbed::{drift::file, tools::Tool};

mod alertmanager;
mod exposition;
mod prometheus;

const RULES: &str = "charts/together-remediation-operator/files/rules.yaml";

/// Each alert, as the rules have it.
fn alerts() -> Vec<Value> {
    let rules: Value = serde_saphyr::from_str(&fs::read_to_string(file(RULES)).unwrap()).unwrap();
    let groups = rules["groups"].as_array().unwrap().clone();
    let rules = groups
        .into_iter()
        .flat_map(|group| group["rules"].as_array().unwrap().clone());
    rules.filter(|rule| rule["alert"].is_string()).collect()
}

#[test]
fn each_alert_describes_what_happened_and_has_a_runbook() {
    let page = fs::read_to_string(file("docs/on-call/alerts.md")).unwrap();
    let documented: BTreeSet<&str> = page
        .lines()
        .filter_map(|line| line.strip_prefix("## Together"))
        .collect();
    let mut named = BTreeSet::new();
    let all = alerts();
    for alert in &all {
        let name = alert["alert"].as_str().unwrap();
        named.insert(name.strip_prefix("Together").unwrap());
        let severity = alert["labels"]["severity"].as_str().unwrap();
        assert!(
            ["critical", "warning"].contains(&severity),
            "{name}: {severity}"
        );
        for part in ["summary", "description"] {
            assert!(
                alert["annotations"][part]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{name}: {part}"
            );
        }
        let runbook = format!("docs/on-call/alerts.md#{}", name.to_lowercase());
        assert_eq!(alert["annotations"]["runbook"], *runbook, "{name}");
    }
    assert_eq!(documented, named);
}

#[test]
fn each_alert_fires_and_does_not_by_promtool() {
    let tests = fs::read_to_string(file("tests/promtool/rules_test.yaml")).unwrap();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        for case in ["fires", "does not fire"] {
            assert!(
                tests.contains(&format!("- name: {name} {case}\n")),
                "{name}: {case}"
            );
        }
    }
    // One alert must neither hide nor raise that of another ClusterWatch, shard or cluster.
    let clusters = fs::read_to_string(file("tests/promtool/clusters_test.yaml")).unwrap();
    for alert in alerts() {
        let name = alert["alert"].as_str().unwrap();
        assert!(clusters.contains(&format!("- name: {name}, ")), "{name}");
    }
    let Some(promtool) = Tool::Promtool.find_or_note() else {
        return;
    };
    for (what, path) in [
        ("check", RULES),
        ("test", "tests/promtool/rules_test.yaml"),
        ("test", "tests/promtool/clusters_test.yaml"),
    ] {
        let mut check = Command::new(&promtool);
        let ran = check.args([what, "rules"]).arg(file(path)).output();
        let ran = ran.unwrap();
        let output =
            [ran.stdout, ran.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
        assert!(ran.status.success(), "promtool {what} rules: {output:?}");
    }
}
