//! The chart as a part of a parent chart: with and without an alias, by a condition or a tag, beside the parent's `global`.

use std::{collections::BTreeSet, fs, path::Path};

use regex::Regex;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{
    helm::{Helm, chart, documents, values_file},
    lifecycle::copy,
};

const NAME: &str = "together-remediation-operator";
/// As parent charts like them, for a template can read `.Values.gpuOperator`. No object may bear it.
const ALIAS: &str = "gpuOperator";

/// A parent chart with this one under an alias, if any.
pub(super) fn parent(alias: Option<&str>) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    copy(&chart(), &folder.path().join("charts").join(NAME));
    let key = alias.unwrap_or(NAME);
    let mut dependency = json!({
        "name": NAME,
        "version": "0.1.0",
        "condition": format!("{key}.enabled"),
        "tags": ["gpu"],
    });
    if let Some(alias) = alias {
        dependency["alias"] = alias.into();
    }
    let parent = json!({
        "apiVersion": "v2",
        "name": "platform",
        "version": "1.2.3",
        "dependencies": [dependency],
    });
    fs::write(folder.path().join("Chart.yaml"), parent.to_string()).unwrap();
    folder
}

/// What Helm renders of it as release `demo`.
pub(super) async fn rendered(
    helm: &Helm,
    parent: &TempDir,
    values: &Value,
) -> Result<String, String> {
    rendered_as(helm, parent.path(), "demo", values).await
}

async fn rendered_as(
    helm: &Helm,
    parent: &Path,
    release: &str,
    values: &Value,
) -> Result<String, String> {
    let values = values_file(values);
    let values = ["--values", values.path().to_str().unwrap()];
    helm.render(parent, [release, "together-system"], &values)
        .await
}

fn set(manifest: &str) -> BTreeSet<String> {
    let objects = documents(manifest).into_iter();
    objects.map(|object| object.to_string()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn it_renders_what_it_renders_alone_but_for_its_name() {
    for (version, helm) in Helm::both() {
        let alone = set(&helm.template(&[]).await.unwrap());
        for (alias, name) in [(None, NAME), (Some(ALIAS), "gpuoperator")] {
            let key = alias.unwrap_or(NAME);
            for values in [
                json!({"global": {"imageRegistry": "host.test"}, key: {"enabled": true}}),
                json!({"global": {}, "tags": {"gpu": true}, key: {"global": {"own": 1}}}),
                json!({key: {"enabled": null, "global": null}}),
            ] {
                let manifest = rendered(&helm, &parent(alias), &values).await;
                let manifest =
                    manifest.unwrap_or_else(|error| panic!("{version:?} {values}: {error}"));
                let manifest = manifest.replace(&format!("demo-{name}"), &format!("demo-{NAME}"));
                let manifest =
                    manifest.replace(&format!("{ALIAS}-0.1.0"), &format!("{NAME}-0.1.0"));
                assert_eq!(set(&manifest), alone, "{version:?} {values}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn its_condition_and_its_tag_leave_it_out() {
    for (version, helm) in Helm::both() {
        let parent = parent(Some(ALIAS));
        for values in [
            json!({ALIAS: {"enabled": false}}),
            json!({"tags": {"gpu": false}}),
        ] {
            let manifest = rendered(&helm, &parent, &values).await.unwrap();
            assert!(
                documents(&manifest).is_empty(),
                "{version:?} {values}: {manifest}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_it_does_not_know_is_refused_by_name() {
    for (version, helm) in Helm::both() {
        let parent = parent(Some(ALIAS));
        for (values, expected) in [
            (json!({ALIAS: {"replicaCounts": 3}}), "replicaCounts"),
            (json!({ALIAS: {"image": {"enabled": true}}}), "enabled"),
            (json!({ALIAS: {"tags": {"gpu": true}}}), "tags"),
        ] {
            let error = rendered(&helm, &parent, &values).await.unwrap_err();
            assert!(error.contains(expected), "{version:?} {values}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_parent_takes_a_map_of_defaults_away_by_null() {
    for (version, helm) in Helm::both() {
        let values = json!({ALIAS: {
            "podSecurityContext": null,
            "securityContext": {"capabilities": null},
            "networkPolicy": null,
            "strategy": null,
        }});
        let manifest = rendered(&helm, &parent(Some(ALIAS)), &values).await;
        let objects = documents(&manifest.unwrap());
        let deployment = objects.iter().find(|object| object["kind"] == "Deployment");
        let pod = deployment.unwrap().pointer("/spec/template/spec").unwrap();
        assert_eq!(pod.get("securityContext"), None, "{version:?}");
        let container = pod["containers"][0]["securityContext"].as_object().unwrap();
        assert!(!container.contains_key("capabilities"), "{version:?}");
        assert_eq!(container["readOnlyRootFilesystem"], true);
    }
}

/// Helm's template names are global: those of a chart that `helm create operator` made must not replace this chart's.
#[tokio::test(flavor = "multi_thread")]
async fn a_sibling_or_a_parent_called_operator_changes_none_of_its_objects() {
    for (version, helm) in Helm::both() {
        let values = json!({NAME: {
            "commonLabels": {"team": "gpu"},
            "serviceMonitor": {"enabled": true},
        }});
        let alone = rendered_as(&helm, parent(None).path(), "my.release", &values).await;
        let alone = set(&alone.unwrap());

        let beside = parent(None);
        let sibling = beside.path().join("charts/operator");
        helm.run(&["create", sibling.to_str().unwrap()])
            .await
            .unwrap();
        let folder = tempfile::tempdir().unwrap();
        let above = folder.path().join("operator");
        helm.run(&["create", above.to_str().unwrap()])
            .await
            .unwrap();
        copy(&chart(), &above.join("charts").join(NAME));

        for (what, umbrella) in [("sibling", beside.path()), ("parent", &*above)] {
            let manifest = rendered_as(&helm, umbrella, "my.release", &values).await;
            let objects = set(&manifest.unwrap());
            let lost: Vec<_> = alone.difference(&objects).collect();
            assert!(lost.is_empty(), "{version:?} {what}: {lost:#?}");
            assert!(
                objects.len() > alone.len(),
                "{version:?} {what}: it has none"
            );
        }
    }
}

/// The names and label values of these objects and of their pods that Kubernetes refuses.
fn refused(objects: &[Value]) -> Vec<String> {
    let value = Regex::new("^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$").unwrap();
    let part = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    let name = Regex::new(&format!(r"^{part}(\.{part})*$")).unwrap();
    let service = Regex::new("^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$").unwrap();
    let mut refused = Vec::new();
    for object in objects {
        let kind = object["kind"].as_str().unwrap();
        let own = object["metadata"]["name"].as_str().unwrap();
        let form = if kind == "Service" { &service } else { &name };
        if own.len() > 253 || !form.is_match(own) {
            refused.push(format!("{kind} {own}"));
        }
        for place in [
            "/metadata/labels",
            "/spec/selector",
            "/spec/selector/matchLabels",
            "/spec/template/metadata/labels",
        ] {
            let labels = object.pointer(place).and_then(Value::as_object);
            for (key, label) in labels.into_iter().flatten() {
                if label.as_str().is_some_and(|text| !value.is_match(text)) {
                    refused.push(format!("{kind} {own} {place} {key}: {label}"));
                }
            }
        }
    }
    refused
}

/// Aliases that Helm takes and that are no label values.
pub(super) fn odd_aliases() -> Vec<String> {
    let long = (59..=64).map(|length| "g".repeat(length));
    let odd = ["_gpu", "-gpu", "gpu_", "gpu-", "_", "-_-", "GPU__0", "9"].map(str::to_owned);
    odd.into_iter().chain(long).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_alias_release_and_name_gives_names_and_labels_that_kubernetes_takes() {
    let on = json!({"serviceMonitor": {"enabled": true}, "dashboard": {"enabled": true},
        "networkPolicy": {"enabled": true}, "leaderElection": {"leaseName": ""}, "clusterWatchSelector": "a=b"});
    for (version, helm) in Helm::both() {
        let release = &"9-9".repeat(17);
        for alias in odd_aliases() {
            let folder = parent(Some(&alias));
            let manifest = rendered_as(&helm, folder.path(), release, &json!({&*alias: on})).await;
            let manifest = manifest.unwrap_or_else(|error| panic!("{version:?} {alias}: {error}"));
            let refused = refused(&documents(&manifest));
            assert!(
                refused.is_empty(),
                "{version:?} {release} {alias}: {refused:#?}"
            );
        }
        let long = format!("{}a", "a-".repeat(31));
        for name in [1, 9, 57, 59, 61, 63].map(|length| &long[..length]) {
            for key in ["nameOverride", "fullnameOverride"] {
                let mut values = on.clone();
                values[key] = name.into();
                let manifest = rendered_as(&helm, &chart(), release, &values).await;
                let refused = refused(&documents(&manifest.unwrap()));
                assert!(
                    refused.is_empty(),
                    "{version:?} {release} {name}: {refused:#?}"
                );
            }
        }
    }
}

/// A chart may be packaged with another version of the program, such as one with the name of its build.
#[tokio::test(flavor = "multi_thread")]
async fn a_version_with_the_name_of_a_build_is_a_label_value_too() {
    for (version, helm) in Helm::both() {
        let folder = tempfile::tempdir().unwrap();
        copy(&chart(), folder.path());
        let path = folder.path().join("Chart.yaml");
        let text = fs::read_to_string(&path).unwrap();
        let built = text
            .replace("\nversion: 0.1.0\n", "\nversion: 0.1.0+own.1\n")
            .replace("\nappVersion: 0.1.0\n", "\nappVersion: 0.1.0+own.1\n");
        assert_eq!(built.matches("+own.1").count(), 2, "{text}");
        fs::write(&path, built).unwrap();
        let manifest = rendered_as(&helm, folder.path(), "demo", &json!({})).await;
        let refused = refused(&documents(&manifest.unwrap()));
        assert!(refused.is_empty(), "{version:?}: {refused:#?}");
    }
}
