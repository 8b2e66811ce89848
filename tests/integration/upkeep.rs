//! What keeps the repository up to date: Renovate finds every version that a script pins, and reports ask for `probe`'s output.

use std::fs;

use regex::Regex;
use serde_json::Value;
use testbed::drift::file;

fn texts(value: &Value) -> Vec<&str> {
    let all = value.as_array().unwrap().iter();
    all.map(|text| text.as_str().unwrap()).collect()
}

#[test]
fn renovate_finds_what_scripts_and_workflows_pin() {
    let config = fs::read_to_string(file(".github/renovate.json")).unwrap();
    let config: Value = serde_json::from_str(&config).unwrap();
    for manager in config["customManagers"].as_array().unwrap() {
        let patterns = texts(&manager["matchStrings"]);
        let patterns: Vec<_> = patterns
            .into_iter()
            .map(|text| Regex::new(text).unwrap())
            .collect();
        for path in texts(&manager["managerFilePatterns"]) {
            let path = path.replace("/^", "").replace("$/", "").replace('\\', "");
            let text = fs::read_to_string(file(&path)).unwrap();
            for pattern in &patterns {
                let found = pattern.is_match(&text);
                assert!(found, "{path} has nothing that {pattern} finds");
            }
        }
    }
    let script = fs::read_to_string(file(".ci/release")).unwrap();
    let image = fs::read_to_string(file("Dockerfile")).unwrap();
    let pinned = Regex::new(r"cargo-auditable (?:--locked --version )?([0-9.]+)").unwrap();
    let [script, image] =
        [&script, &image].map(|text| pinned.captures(text).unwrap()[1].to_owned());
    assert_eq!(script, image, "the release and the Dockerfile");
}

#[test]
fn reports_and_changes_ask_for_the_output_of_probe() {
    let folder = file(".github/ISSUE_TEMPLATE");
    let mut pages = vec![file(".github/pull_request_template.md")];
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let text = fs::read_to_string(&path).unwrap();
        let form: Value = serde_saphyr::from_str(&text).unwrap();
        if form.get("body").is_some() {
            pages.push(path);
        }
    }
    assert!(pages.len() > 3);
    for page in pages {
        let text = fs::read_to_string(&page).unwrap();
        let asks =
            text.contains("together-remediation-operator probe --cluster-id YOUR-CLUSTER-ID");
        assert!(asks && text.contains("no key, no id"), "{}", page.display());
    }
}
