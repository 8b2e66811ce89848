//! Values that are null or missing: a user takes a default away, Helm 4 leaves nulls in place, and `--reuse-values` brings the
//! values of an older chart along.

use std::{collections::BTreeSet, fs};

use serde_json::{Map, Value, json};

use super::{
    helm::{Helm, chart, documents, of_kind, values_file},
    lifecycle::copy,
    values,
};

/// Maps whose keys are Kubernetes's or the user's own: null takes their defaults away. Elsewhere null stands for the default.
const OWN: [&str; 4] = [
    "dashboard.labels",
    "podSecurityContext",
    "resources",
    "securityContext",
];

/// Renders what hides behind a switch.
const ON: &str = "--set=networkPolicy.enabled=true,serviceMonitor.enabled=true,podMonitor.enabled=true,\
                  prometheusRule.enabled=true,dashboard.enabled=true";

fn is_own(path: &str) -> bool {
    OWN.contains(&path)
}

fn put(values: &mut Value, path: &str, value: Value) {
    let mut place = values;
    for key in path.split('.') {
        let map = place.as_object_mut().unwrap();
        place = map.entry(key).or_insert_with(|| json!({}));
    }
    *place = value;
}

/// Fails where an object holds null: the API server reads some as zero.
fn assert_no_null(place: &str, value: &Value) {
    match value {
        Value::Null => panic!("{place} is null"),
        Value::Array(all) => {
            for (index, value) in all.iter().enumerate() {
                assert_no_null(&format!("{place}/{index}"), value);
            }
        }
        Value::Object(all) => {
            for (key, value) in all {
                assert_no_null(&format!("{place}/{key}"), value);
            }
        }
        _ => {}
    }
}

#[test]
fn the_chart_holds_its_defaults_where_templates_can_read_them() {
    let read = |path: &str| fs::read_to_string(chart().join(path)).unwrap();
    assert!(
        read("files/values.yaml") == read("values.yaml"),
        "cd charts/together-remediation-operator && cp values.yaml files/"
    );
}

#[test]
fn every_template_begins_with_the_defaults() {
    let mut all = 0;
    for folder in ["templates", "templates/tests"] {
        for entry in fs::read_dir(chart().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let template = ["yaml", "txt"].map(|kind| path.extension() == Some(kind.as_ref()));
            if template.contains(&true) {
                let text = fs::read_to_string(&path).unwrap();
                let begins = text
                    .starts_with("{{- include \"together-remediation-operator.values\" . -}}\n");
                assert!(begins, "{}", path.display());
                all += 1;
            }
        }
    }
    assert!(all > 12, "{all}");
}

#[tokio::test(flavor = "multi_thread")]
async fn null_stands_for_the_default() {
    for (version, helm) in Helm::both() {
        let plain = helm.template(&[]).await.unwrap();
        let paths = values::rows().into_iter().map(|row| row.path);
        let paths: Vec<String> = paths.filter(|path| !is_own(path)).collect();
        let tops = paths.iter().map(|path| path.split('.').next().unwrap());
        let tops: BTreeSet<&str> = tops.collect();
        for key in tops.iter().copied().chain(["global", "enabled"]) {
            let set = format!("--set={key}=null");
            let rendered = helm.template(&[&set]).await;
            let rendered = rendered.unwrap_or_else(|error| panic!("{version:?} {key}: {error}"));
            // A null dashboard has lost its labels, and renders nothing.
            assert!(rendered == plain, "{version:?}: {key}");
        }

        let (mut nulls, on) = (json!({}), helm.template(&[ON]).await.unwrap());
        for path in &paths {
            put(&mut nulls, path, Value::Null);
        }
        let file = values_file(&nulls);
        let file = ["--values", file.path().to_str().unwrap(), ON];
        let rendered = helm.template(&file).await.unwrap();
        assert!(rendered == on, "{version:?}: every value is null");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_older_charts_values_lack_has_its_default() {
    let older = tempfile::tempdir().unwrap();
    copy(&chart(), older.path());
    let mut kept = json!({});
    for row in values::rows().into_iter().filter(|row| is_own(&row.path)) {
        put(&mut kept, &row.path, row.default);
    }
    fs::write(older.path().join("values.yaml"), kept.to_string()).unwrap();
    for (version, helm) in Helm::both() {
        for set in [&[][..], &[ON]] {
            let now = helm.template(set).await.unwrap();
            let rendered = helm.render(older.path(), ["demo", "together-system"], set);
            assert!(rendered.await.unwrap() == now, "{version:?} {set:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn null_takes_defaults_of_kubernetes_own_maps_away() {
    for (version, helm) in Helm::both() {
        for (set, key, within, gone) in [
            ("podSecurityContext=null", "securityContext", "", ""),
            (
                "podSecurityContext.runAsNonRoot=null",
                "securityContext",
                "",
                "runAsNonRoot",
            ),
            ("securityContext=null", "securityContext", "containers", ""),
            (
                "securityContext.capabilities=null",
                "securityContext",
                "containers",
                "capabilities",
            ),
            ("resources=null", "resources", "containers", ""),
            ("resources.limits=null", "resources", "containers", "limits"),
        ] {
            let objects = helm.objects(&["--set", set]).await;
            let deployment = of_kind(&objects, "Deployment")[0];
            let replica = &deployment["spec"]["template"]["spec"];
            for pod in [replica, &of_kind(&objects, "Pod")[0]["spec"]] {
                let place = if within.is_empty() {
                    pod
                } else {
                    &pod[within][0]
                };
                match place.get(key) {
                    None => assert_eq!(gone, "", "{version:?} {set}: all is gone"),
                    Some(left) => {
                        assert_ne!(gone, "", "{version:?} {set}: {left}");
                        assert_eq!(left.get(gone), None, "{version:?} {set}");
                        assert_ne!(left.as_object().map(Map::len), Some(0));
                    }
                }
            }
        }
        let sets = "--set=resources.limits.memory=null,commonLabels.a=null,podAnnotations.a=null,affinity.a=null";
        for object in documents(&helm.template(&[sets]).await.unwrap()) {
            assert_no_null(object["kind"].as_str().unwrap(), &object);
        }
    }
}
