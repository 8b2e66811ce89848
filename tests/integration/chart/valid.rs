//! Every render, as a manifest that is applied: the real API server takes it strictly and without a warning, and
//! kube-score, a linter of the ecosystem, has nothing against it but what is decided here.

use std::collections::BTreeSet;

use serde_json::json;
use testbed::tools::{Helm as Version, Tool};
use tokio::process::Command;

use super::{
    helm::Helm,
    stage::Stage,
    switches::{self},
    umbrella,
};

/// What kube-score calls critical and this chart does on purpose, with the reason.
const DECIDED: [(&str, &str); 6] = [
    (
        "running with a low user ID",
        "OpenShift picks the user; the image's own is 65532",
    ),
    ("running with a low group ID", "as the user"),
    (
        "ImagePullPolicy is not set to Always",
        "a version's image does not change, and a digest cannot",
    ),
    (
        "Ephemeral Storage limit is not set",
        "the root filesystem is read-only, and there is no volume",
    ),
    ("Ephemeral Storage request is not set", "as its limit"),
    (
        "does not have a matching NetworkPolicy",
        "networkPolicy.enabled is off by default, and none is for `helm test`",
    ),
];

/// What was set, and the manifest of it.
async fn renders(helm: &Helm) -> Vec<(String, String)> {
    let mut all = vec![("defaults".to_owned(), helm.template(&[]).await.unwrap())];
    for sets in switches::releases() {
        let sets: Vec<&str> = sets.iter().map(String::as_str).collect();
        all.push((sets.join(" "), helm.template(&sets).await.unwrap()));
    }
    let long = "g".repeat(62);
    for (alias, key) in [
        (None, "together-remediation-operator"),
        (Some("gpuOperator"), "gpuOperator"),
        (Some("_gpu"), "_gpu"),
        (Some(&long), &long),
    ] {
        let parent = umbrella::parent(alias);
        for own in [
            json!({"enabled": true}),
            json!({"enabled": true, "networkPolicy": {"enabled": true}, "serviceMonitor": {"enabled": true}}),
        ] {
            let values = json!({"global": {"imageRegistry": "host.test"}, key: own});
            let manifest = umbrella::rendered(helm, &parent, &values).await;
            all.push((values.to_string(), manifest.unwrap()));
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_takes_each_without_a_warning() {
    let Some(stage) = Stage::shared().await else {
        return;
    };
    stage.restrict("together-system").await;
    for (version, helm) in Helm::both() {
        for (what, manifest) in renders(&helm).await {
            let output = stage.dry_run(&manifest).await;
            let output = output.unwrap_or_else(|error| panic!("{version:?} {what}: {error}"));
            assert!(!output.contains("Warning"), "{version:?} {what}: {output}");
            assert!(output.lines().count() > 8, "{version:?} {what}: {output}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn kube_score_finds_nothing_critical_but_what_is_decided() {
    let (Some(helm), Some(program)) = (Helm::new(Version::V4), Tool::KubeScore.find_or_note())
    else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("manifest.yaml");
    let mut needed = BTreeSet::new();
    for (what, manifest) in renders(&helm).await {
        std::fs::write(&path, manifest).unwrap();
        let mut command = Command::new(&program);
        command.args([
            "score",
            "--output-format=ci",
            "--ignore-container-cpu-limit",
        ]);
        command.args(["--enable-optional-test", "container-seccomp-profile"]);
        command.args(["--enable-optional-test", "container-ports-check"]);
        let output = command.arg(&path).output().await.unwrap();
        let report = String::from_utf8(output.stdout).unwrap();
        assert!(report.contains("[OK]"), "{what}: {report}");
        for line in report.lines().filter(|line| line.starts_with("[CRITICAL]")) {
            let decided = DECIDED.iter().find(|(check, _)| line.contains(check));
            let Some((check, _)) = decided else {
                panic!("{what}: {line}");
            };
            needed.insert(*check);
        }
    }
    let decided = DECIDED.iter().map(|(check, _)| *check);
    assert_eq!(needed, decided.collect(), "decided, and no more asked for");
}
