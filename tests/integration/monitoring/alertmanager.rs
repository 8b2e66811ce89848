//! The recipes of docs/guides/notifications.md: the route by the real amtool, the rule by the real promtool.

use std::{
    fs,
    path::Path,
    process::{Command, Output},
};

use testbed::{drift::file, tools::Tool};

use super::alerts;

/// The first block of YAML below `heading`.
fn recipe(heading: &str) -> String {
    let page = fs::read_to_string(file("docs/guides/notifications.md")).unwrap();
    let (_, section) = page.split_once(&format!("\n## {heading}\n")).unwrap();
    let (_, rest) = section.split_once("\n```yaml\n").unwrap();
    rest.split_once("\n```\n").unwrap().0.to_owned() + "\n"
}

fn run(program: &Path, arguments: &[&str], folder: &Path) -> Output {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn text(output: &Output) -> String {
    [&output.stdout, &output.stderr]
        .map(|part| String::from_utf8_lossy(part).into_owned())
        .concat()
}

#[test]
fn the_route_sends_each_alert_to_its_receiver() {
    let Some(amtool) = Tool::Amtool.find_or_note() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("alertmanager.yml"),
        recipe("A route for Alertmanager"),
    )
    .unwrap();
    let amtool = |arguments: &[&str]| run(&amtool, arguments, folder.path());
    let checked = amtool(&["check-config", "alertmanager.yml"]);
    assert!(checked.status.success(), "{}", text(&checked));
    let mut labels = vec![
        ("TogetherRemediationRuns".to_owned(), "info".to_owned()),
        ("SomethingElse".to_owned(), "critical".to_owned()),
    ];
    labels.extend(alerts().iter().map(|alert| {
        let word = |word: &serde_json::Value| word.as_str().unwrap().to_owned();
        (word(&alert["alert"]), word(&alert["labels"]["severity"]))
    }));
    for (name, severity) in labels {
        let expected = match (&*name, &*severity) {
            ("TogetherApprovalWaits", _) => "approvers",
            ("TogetherRemediationRuns", _) => "nodes",
            ("SomethingElse", _) | (_, "warning") => "tickets",
            _ => "on-call",
        };
        let asked = amtool(&[
            "config",
            "routes",
            "test",
            "--config.file=alertmanager.yml",
            &format!("alertname={name}"),
            &format!("severity={severity}"),
        ]);
        let stdout = String::from_utf8_lossy(&asked.stdout);
        assert_eq!(stdout.trim(), expected, "{name}");
    }
}

#[test]
fn a_remediation_starts_and_the_node_is_back() {
    let Some(promtool) = Tool::Promtool.find_or_note() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let rule = recipe("Remediation starts, node is back");
    fs::write(folder.path().join("remediations.yaml"), rule).unwrap();
    let cases = fs::read_to_string(file("tests/promtool/remediations_test.yaml")).unwrap();
    fs::write(folder.path().join("remediations_test.yaml"), cases).unwrap();
    for arguments in [
        ["check", "rules", "remediations.yaml"],
        ["test", "rules", "remediations_test.yaml"],
    ] {
        let ran = run(&promtool, &arguments, folder.path());
        assert!(ran.status.success(), "{arguments:?}: {}", text(&ran));
    }
}
