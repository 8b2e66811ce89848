//! The example repository in docs/gitops: whether its files agree with each other, with the chart and with the CRDs.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use serde_json::{Value, json};
use testbed::{drift::file, tools::Helm as Version};
use together_remediation_operator::api::cluster_watch::ClusterWatch;

use crate::{
    chart::helm::{Helm, documents},
    fixture::{CLUSTER, Fixture},
};

const FOLDER: &str = "docs/gitops";

/// Each file of the example with its objects.
fn files() -> Vec<(PathBuf, Vec<Value>)> {
    let root = file(FOLDER);
    let mut files = Vec::new();
    for folder in ["argo-cd", "flux", "secrets", "watches"] {
        for entry in fs::read_dir(root.join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let objects = documents(&fs::read_to_string(&path).unwrap());
            files.push((path, objects));
        }
    }
    files
}

fn all() -> Vec<Value> {
    files()
        .into_iter()
        .flat_map(|(_, objects)| objects)
        .collect()
}

fn one<'a>(objects: &'a [Value], kind: &str, name: &str) -> &'a Value {
    let found: Vec<_> = objects
        .iter()
        .filter(|object| object["kind"] == kind && object["metadata"]["name"] == name)
        .collect();
    let [found] = found[..] else {
        panic!("{} of {kind} {name}", found.len());
    };
    found
}

/// A file of the example, for the fixture's namespace and cluster.
pub(super) fn text_for(fixture: &Fixture, path: &str) -> String {
    let text = fs::read_to_string(file(FOLDER).join(path)).unwrap();
    let text = text.replace("gpu-ops", &fixture.namespace);
    text.replace("YOUR-CLUSTER-ID", CLUSTER)
}

/// The example's watch.
pub(super) fn watch_for(fixture: &Fixture) -> String {
    text_for(fixture, "watches/training.yaml")
}

/// Another watch, of this cluster.
pub(super) fn second_for(fixture: &Fixture, cluster: &str) -> Value {
    json!({
        "apiVersion": "compute.together.ai/v1alpha1",
        "kind": "ClusterWatch",
        "metadata": {"name": "second", "namespace": fixture.namespace},
        "spec": {"clusterId": cluster, "apiKeySecretRef": {"name": "together"}},
    })
}

/// The Secret itself, where external-secrets would make it.
pub(super) fn secret_for(fixture: &Fixture, key: &str) -> String {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": "together",
            "namespace": fixture.namespace,
            "annotations": {"argocd.argoproj.io/sync-wave": "0"},
        },
        "stringData": {"api-key": key},
    })
    .to_string()
}

#[test]
fn every_path_is_there_and_every_object_is_whole() {
    let objects = all();
    let words = ["apiVersion", "kind"];
    for (path, objects) in files() {
        assert!(!objects.is_empty(), "{}", path.display());
        for object in objects {
            assert!(
                words.iter().all(|word| object[*word].is_string()),
                "{object}"
            );
            assert!(object["metadata"]["name"].is_string(), "{object}");
        }
    }
    let mut paths = BTreeSet::new();
    for object in &objects {
        let spec = &object["spec"];
        let sources = spec["sources"].as_array().into_iter().flatten();
        for source in sources.chain([&spec["source"], spec]) {
            paths.extend(
                source["path"]
                    .as_str()
                    .map(|path| path.trim_start_matches("./")),
            );
        }
    }
    assert_eq!(paths, BTreeSet::from(["argo-cd", "secrets", "watches"]));
    assert!(paths.iter().all(|path| file(FOLDER).join(path).is_dir()));
}

#[test]
fn the_secret_is_the_one_that_the_watch_names() {
    let objects = all();
    let watch = one(&objects, "ClusterWatch", "training");
    let secret = one(&objects, "ExternalSecret", "together");
    let parsed: ClusterWatch = serde_json::from_value(watch.clone()).unwrap();
    let named = parsed.spec.api_key_secret_ref;
    assert_eq!(secret["spec"]["target"]["name"], named.name.as_str());
    assert_eq!(secret["spec"]["target"]["template"]["type"], "Opaque");
    assert_eq!(secret["spec"]["data"][0]["secretKey"], named.key.as_str());
    assert_eq!(
        watch["metadata"]["namespace"],
        secret["metadata"]["namespace"]
    );
    one(
        &objects,
        "Namespace",
        watch["metadata"]["namespace"].as_str().unwrap(),
    );

    let wave = |object: &Value| -> i32 {
        let wave = &object["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"];
        wave.as_str().unwrap().parse().unwrap()
    };
    let namespace = one(&objects, "Namespace", "gpu-ops");
    assert!(wave(namespace) < wave(secret) && wave(secret) < wave(watch));
    let [operator, watches] = ["together-remediation-operator", "gpu-watches"]
        .map(|name| wave(one(&objects, "Application", name)));
    assert!(operator < watches);
    let waits = &one(&objects, "Kustomization", "gpu-watches")["spec"]["dependsOn"][0];
    one(&objects, "Kustomization", waits["name"].as_str().unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_takes_the_values_and_has_the_version() {
    let objects = all();
    let name = "together-remediation-operator";
    let application = &one(&objects, "Application", name)["spec"]["source"];
    let release = &one(&objects, "HelmRelease", name)["spec"];
    let repository = &one(&objects, "OCIRepository", name)["spec"];
    let chart = fs::read_to_string(file("charts").join(name).join("Chart.yaml")).unwrap();
    let chart: Value = serde_saphyr::from_str(&chart).unwrap();
    assert_eq!(application["chart"], chart["name"]);
    assert_eq!(application["targetRevision"], chart["version"]);
    assert_eq!(repository["ref"]["tag"], chart["version"]);
    let Some(helm) = Helm::new(Version::V4) else {
        return;
    };
    for values in [&application["helm"]["valuesObject"], &release["values"]] {
        assert!(values.is_object());
        let at = tempfile::NamedTempFile::new().unwrap();
        fs::write(at.path(), values.to_string()).unwrap();
        let rendered = helm.template(&["--values", text(at.path())]).await.unwrap();
        assert!(rendered.contains("REGISTRY/together-remediation-operator"));
        let mirrored = values["mirrorAnnotations"].is_object();
        let flag = "argocd.argoproj.io/ignore-resource-updates=true";
        assert_eq!(rendered.contains(flag), mirrored);
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_watch_of_the_example_syncs() {
    let fixture = Fixture::new("example").await;
    let manifest = watch_for(&fixture);
    assert!(manifest.contains(&fixture.namespace) && manifest.contains(CLUSTER));
    fixture.control_plane.apply(&manifest).await.unwrap();
    fixture.ready("training", "Synced").await;
}
