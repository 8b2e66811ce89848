//! An upgrade to a next version that brings a map of values and another image, with the values of the installed release.

use std::{
    fs,
    path::{Path, PathBuf},
};

use k8s_openapi::api::{apps::v1::Deployment, core::v1::ConfigMap};
use kube::Api;
use serde_json::Value;
use testbed::tools::Helm as Version;

use super::{
    helm::{Helm, chart},
    lifecycle::{change, copy},
    stage::{RELEASE, Stage},
};

/// The map of values that the next version brings.
const MAP: &str = "
tracing:
  # Where spans go.
  endpoint: http://collector:4318
  batch:
    # Spans in one request.
    size: 512
";

/// Its place in the schema.
const SCHEMA: &str = r#""tracing": {"type": ["object", "null"]},
    "replicaCount": "#;

const TEMPLATE: &str = r#"{{- include "together-remediation-operator.values" . -}}
apiVersion: v1
kind: ConfigMap
metadata:
  name: tracing
  namespace: {{ .Release.Namespace | quote }}
data:
  endpoint: {{ .Values.tracing.endpoint | quote }}
  size: {{ .Values.tracing.batch.size | quote }}
"#;

/// The chart as a release publishes it: with its image by digest.
fn released(name: &str, version: Version, digest: char) -> PathBuf {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{version:?}"));
    let _ = fs::remove_dir_all(&to);
    copy(&chart(), &to);
    let digest = format!("\n  digest: sha256:{}\n", digest.to_string().repeat(64));
    for values in ["values.yaml", "files/values.yaml"] {
        change(&to.join(values), "\n  digest: \"\"\n", &digest);
    }
    to
}

/// The next version: another image, and a template that reads a new map of values.
fn next(version: Version) -> PathBuf {
    let to = released("next", version, 'b');
    for values in ["values.yaml", "files/values.yaml"] {
        let path = to.join(values);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(path, text + MAP).unwrap();
    }
    change(&to.join("Chart.yaml"), "version: 0.1.0", "version: 0.2.0");
    change(&to.join("values.schema.json"), "\"replicaCount\": ", SCHEMA);
    fs::write(to.join("templates/tracing.yaml"), TEMPLATE).unwrap();
    to
}

/// What the cluster holds of a release.
struct Seen {
    endpoint: String,
    size: String,
    image: String,
    replicas: Option<i32>,
}

async fn seen(stage: &Stage, namespace: &str) -> Seen {
    let maps: Api<ConfigMap> = Api::namespaced(stage.client.clone(), namespace);
    let data = maps.get("tracing").await.unwrap().data.unwrap();
    let deployments: Api<Deployment> = Api::namespaced(stage.client.clone(), namespace);
    let spec = deployments.get(RELEASE).await.unwrap().spec.unwrap();
    let pod = spec.template.spec.unwrap();
    Seen {
        endpoint: data["endpoint"].clone(),
        size: data["size"].clone(),
        image: pod.containers[0].image.clone().unwrap(),
        replicas: spec.replicas,
    }
}

async fn upgrade(stage: &Stage, namespace: &str, chart: &Path, arguments: &[&str]) {
    let line = ["upgrade", RELEASE, chart.to_str().unwrap(), "-n", namespace];
    let line = [&line[..], arguments].concat();
    stage.helm.run(&line).await.unwrap();
}

async fn an_upgrade_to_the_next_version(stage: &Stage, version: Version) {
    let home = stage.restricted("next").await;
    let (now, next) = (released("now", version, 'a'), next(version));
    let (old, new) = ("a".repeat(64), "b".repeat(64));
    let set = ["--set", "replicaCount=1"];
    let installed = stage.try_install(RELEASE, &home, &now, &set).await;
    installed.unwrap();

    upgrade(stage, &home, &next, &["--reuse-values"]).await;
    let reused = seen(stage, &home).await;
    assert_eq!(reused.endpoint, "http://collector:4318", "its default");
    assert_eq!(reused.size, "512", "the default of a nested map");
    assert_eq!(reused.replicas, Some(1), "it was set");
    // As the page describes, defaults of the old chart are kept, and the image is one of them.
    assert!(reused.image.ends_with(&old), "{}", reused.image);

    let part = ["--reuse-values", "--set", "tracing.batch.size=7"];
    upgrade(stage, &home, &next, &part).await;
    let part = seen(stage, &home).await;
    assert_eq!(
        (part.endpoint.as_str(), part.size.as_str()),
        ("http://collector:4318", "7"),
        "a part of the new map is set"
    );

    upgrade(stage, &home, &next, &["--reset-then-reuse-values"]).await;
    let reset = seen(stage, &home).await;
    assert_eq!(reset.size, "7", "it was set");
    assert_eq!(reset.endpoint, "http://collector:4318");
    assert_eq!(reset.replicas, Some(1), "it was set");
    assert!(reset.image.ends_with(&new), "{}", reset.image);

    // Back with the values of the next version: the old chart refuses what it does not know, by name.
    let line = ["upgrade", RELEASE, now.to_str().unwrap(), "-n", &home];
    let back = [&line[..], &["--reuse-values"]].concat();
    let refused = stage.helm.run(&back).await.unwrap_err();
    assert!(refused.contains("tracing"), "{refused}");
    let back = ["rollback", RELEASE, "1", "--namespace", &home];
    stage.helm.run(&back).await.unwrap();
    let values = ["get", "values", RELEASE, "-n", &home, "-o", "json"];
    let values: Value = serde_json::from_str(&stage.helm.run(&values).await.unwrap()).unwrap();
    assert_eq!(values, serde_json::json!({"replicaCount": 1}));
    stage.uninstall(RELEASE, &home).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn to_the_next_version_with_each_helm() {
    Stage::with_each_helm(an_upgrade_to_the_next_version).await;
}

/// Without a cluster: a values map of this version is all that the next one gets.
#[tokio::test(flavor = "multi_thread")]
async fn the_next_version_renders_with_the_values_of_this_one() {
    for (version, helm) in Helm::both() {
        let next = next(version);
        let without = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("without-{version:?}"));
        let _ = fs::remove_dir_all(&without);
        copy(&next, &without);
        fs::copy(
            released("values", version, 'b').join("values.yaml"),
            without.join("values.yaml"),
        )
        .unwrap();
        let names = ["demo", "together-system"];
        let expected = helm.render(&next, names, &[]).await.unwrap();
        assert!(expected.contains("name: tracing"));
        assert_eq!(helm.render(&without, names, &[]).await.unwrap(), expected);
    }
}
