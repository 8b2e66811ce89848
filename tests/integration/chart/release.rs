//! What `.ci/release` makes of the chart, and that the workflow publishes by it.

use std::{fs, path::Path};

use serde_json::Value;
use testbed::drift::file;
use tokio::process::Command;

use super::helm::{Helm, documents, of_kind};
use crate::setup;

const IMAGE: &str = "registry.test/owner/repository";
const SOURCE: &str = "https://host.test/Owner/Repository";
const RELEASE: [&str; 2] = ["together-remediation-operator", "together-system"];

fn digest() -> String {
    format!("sha256:{}", "0123456789abcdef".repeat(4))
}

/// Runs a program of `.ci/release.d`.
async fn run(program: &str, arguments: &[&str], helm: Option<&Path>) {
    let mut command = Command::new(file(".ci/release.d").join(program));
    command.args(arguments);
    if let Some(helm) = helm {
        command.env("HELM", helm);
    }
    let output = command.output().await.unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {stderr}");
}

/// The chart as it is published with this image.
async fn published(to: &Path) {
    let to = to.to_str().unwrap();
    run("chart", &[to, IMAGE, &digest(), SOURCE], None).await;
}

#[test]
fn the_workflow_publishes_by_the_script_that_is_rehearsed() {
    let workflow = setup::yaml(".github/workflows/release.yml");
    let steps = workflow["jobs"]["release"]["steps"].as_array().unwrap();
    let script = steps.iter().find(|step| step["run"] == ".ci/release");
    let given = script.unwrap()["env"].as_object().unwrap();
    let text = fs::read_to_string(file(".ci/release")).unwrap();
    let (head, _) = text.split_once("set -euo").unwrap();
    for parameter in given.keys() {
        assert!(head.contains(parameter), "the head lacks {parameter}");
    }
    for tool in ["docker build", "helm ", "cosign ", "crane "] {
        let other = steps.iter().any(|step| {
            let run = step["run"].as_str().unwrap_or_default();
            run.contains(tool)
        });
        assert!(!other, "the workflow itself calls {tool}");
    }
    let full = fs::read_to_string(file(".ci/full")).unwrap();
    assert!(full.contains(".ci/release"), "the long suites rehearse it");
}

#[tokio::test(flavor = "multi_thread")]
async fn install_yaml_matches_the_chart_and_crds_yaml_matches_the_files() {
    for (version, helm) in Helm::both() {
        let program = version.tool().find().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let chart = folder.path().join("chart");
        published(&chart).await;
        let [from, to] = [chart.as_path(), folder.path()].map(|path| path.to_str().unwrap());
        run("manifests", &[from, to], Some(&program)).await;

        let install = fs::read_to_string(folder.path().join("install.yaml")).unwrap();
        let install = documents(&install);
        let expected = helm.render(&chart, RELEASE, &["--no-hooks"]).await.unwrap();
        assert_eq!(install[0]["kind"], "Namespace");
        assert_eq!(install[0]["metadata"]["name"], RELEASE[1]);
        assert_eq!(install[1..], documents(&expected), "{version:?}");
        for kind in ["CustomResourceDefinition", "ClusterRole", "Deployment"] {
            assert!(!of_kind(&install, kind).is_empty(), "{kind}");
        }
        let crds = fs::read_to_string(folder.path().join("crds.yaml")).unwrap();
        assert_eq!(crds, setup::crd_files());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_released_chart_names_its_image_by_digest_and_where_it_is_published() {
    for (_, helm) in Helm::both() {
        let folder = tempfile::tempdir().unwrap();
        let chart = folder.path().join("chart");
        published(&chart).await;
        let objects = helm.render(&chart, RELEASE, &[]).await.unwrap();
        let objects = documents(&objects);
        let container = "/spec/template/spec/containers/0/image";
        let image = of_kind(&objects, "Deployment")[0].pointer(container);
        let expected = format!("{IMAGE}:0.1.0@{}", digest());
        assert_eq!(image.unwrap(), &Value::from(expected));

        let read = |path: &str| fs::read_to_string(chart.join(path)).unwrap();
        let command = format!("oci://{IMAGE}/charts/together-remediation-operator");
        for path in ["README.md", "templates/NOTES.txt"] {
            assert!(read(path).contains(&command), "{path}");
            assert!(!read(path).contains("OWNER/REPOSITORY"), "{path}");
        }
        let about: Value = serde_saphyr::from_str(&read("Chart.yaml")).unwrap();
        assert_eq!(about["sources"][0], SOURCE);
        assert_eq!(read("values.yaml"), read("files/values.yaml"));
    }
}
