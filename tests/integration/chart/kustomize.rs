//! The chart and watches by the real kubectl kustomize: the files of docs/kustomize, generated Secrets, objects that
//! are moved and renamed.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;
use testbed::{
    control_plane::ControlPlane,
    drift::file,
    tools::{Helm as Version, not_run},
};
use tokio::process::Command;

use super::{
    helm::{chart, documents, of_kind},
    lifecycle::{change, copy},
    policy::refuses_hand_made,
    stage::{RELEASE, Stage, arguments, beside, fast},
};
use crate::{
    fixture::{CLUSTER, Fixture},
    run::output_of,
    setup,
};

const EXAMPLE: &str = "docs/kustomize";

/// A copy of a folder of the example.
fn example(folder: &str) -> TempDir {
    let to = tempfile::tempdir().unwrap();
    copy(&file(EXAMPLE).join(folder), to.path());
    to
}

async fn kustomize(control_plane: &ControlPlane, folder: &Path, more: &[&str]) -> String {
    let mut kubectl = Command::new(control_plane.kubectl().unwrap());
    let kustomize = kubectl.arg("kustomize").args(more).arg(folder);
    output_of(kustomize.env("HOME", folder)).await.unwrap()
}

/// Whether this kubectl's kustomize knows Helm 4, as it does since 5.8.
async fn knows_helm_4(control_plane: &ControlPlane) -> bool {
    let mut kubectl = Command::new(control_plane.kubectl().unwrap());
    let version_info = output_of(kubectl.args(["version", "--client", "--output=json"])).await;
    let version_info: Value = serde_json::from_str(&version_info.unwrap()).unwrap();
    let version = version_info["kustomizeVersion"].as_str().unwrap();
    let mut parts = version.trim_start_matches('v').split('.');
    let mut part = || parts.next().unwrap().parse::<u32>().unwrap();
    [part(), part()] >= [5, 8]
}

/// The name of the Secret that there is, and of the one that the `ClusterWatch` names.
fn secrets(manifest: &str) -> [String; 2] {
    let objects = documents(manifest);
    let name = |kind, place| {
        let object = of_kind(&objects, kind)[0];
        object.pointer(place).unwrap().as_str().unwrap().to_owned()
    };
    [
        name("Secret", "/metadata/name"),
        name("ClusterWatch", "/spec/apiKeySecretRef/name"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_watch_follows_its_generated_secret() {
    let control_plane = setup::control_plane().await;
    let folder = example("watches");
    let key = folder.path().join("KEY_FILE");
    fs::write(&key, "tgp_one").unwrap();
    let [first, named] = secrets(&kustomize(control_plane, folder.path(), &[]).await);
    assert!(first.starts_with("together-"), "{first}");
    assert_eq!(named, first);

    fs::write(&key, "tgp_two").unwrap();
    let [second, named] = secrets(&kustomize(control_plane, folder.path(), &[]).await);
    assert_ne!(second, first, "another key, another name");
    assert_eq!(named, second);

    let list = folder.path().join("kustomization.yaml");
    change(&list, "configurations:\n- name-reference.yaml\n", "");
    let [_, named] = secrets(&kustomize(control_plane, folder.path(), &[]).await);
    assert_eq!(named, "together", "kustomize knows it by that file alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_example_makes_is_mirrored() {
    let fixture = Fixture::new("kustomize").await;
    fixture.delete_secret().await;
    let folder = example("watches");
    fs::write(folder.path().join("KEY_FILE"), fixture.simulator.key()).unwrap();
    let (list, watch) = ("kustomization.yaml", "training.yaml");
    change(&folder.path().join(list), "gpu-ops", &fixture.namespace);
    change(&folder.path().join(watch), "YOUR-CLUSTER-ID", CLUSTER);
    let manifest = kustomize(&fixture.control_plane, folder.path(), &[]).await;
    fixture.control_plane.apply(&manifest).await.unwrap();
    fixture.ready("training", "Synced").await;
}

/// The example's operator with the chart of this tree.
fn operator(namespace: &str) -> TempDir {
    let folder = example("operator");
    copy(&chart(), &folder.path().join("charts").join(RELEASE));
    let list = folder.path().join("kustomization.yaml");
    change(
        &list,
        "  repo: oci://REGISTRY/charts\n  version: 0.1.0\n",
        "",
    );
    change(
        &list,
        "namespace: together-system",
        &format!("namespace: {namespace}"),
    );
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chart_by_helm_charts_knows_its_namespace_with_both_helms() {
    let control_plane = setup::control_plane().await;
    for version in Version::BOTH {
        let Some(helm) = version.tool().find_or_note() else {
            return;
        };
        if version == Version::V4 && !knows_helm_4(control_plane).await {
            return not_run::note("a kubectl that knows Helm 4", "a newer Kubernetes");
        }
        let helm = format!("--helm-command={}", helm.display());
        let folder = operator("mine");
        let manifest = kustomize(control_plane, folder.path(), &["--enable-helm", &helm]).await;
        let objects = documents(&manifest);
        assert!(of_kind(&objects, "Pod").is_empty(), "no hook");
        let policy = of_kind(&objects, "ValidatingAdmissionPolicy")[0];
        let writers = &policy["spec"]["matchConditions"][0]["expression"];
        let account = format!("system:serviceaccount:mine:{RELEASE}");
        assert!(writers.as_str().unwrap().contains(&account), "{writers}");
        let deployment = of_kind(&objects, "Deployment")[0];
        assert_eq!(deployment["metadata"]["namespace"], "mine");
        for binding in [
            of_kind(&objects, "ClusterRoleBinding"),
            of_kind(&objects, "RoleBinding"),
        ] {
            assert_eq!(binding[0]["subjects"][0]["namespace"], "mine");
        }
    }
}

/// The chart rendered for `together-system`, then moved to another namespace and renamed by kustomize.
async fn moved(stage: &Stage, values: &[&str], namespace: &str) -> String {
    let manifest = stage
        .helm
        .render(
            &chart(),
            [RELEASE, "together-system"],
            &[values, &["--no-hooks"]].concat(),
        )
        .await
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("operator.yaml"), manifest).unwrap();
    let list = json!({"resources": ["operator.yaml"], "namespace": namespace, "namePrefix": "my-"});
    fs::write(folder.path().join("kustomization.yaml"), list.to_string()).unwrap();
    kustomize(&stage.control_plane, folder.path(), &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn moved_and_renamed_it_writes_once_the_policy_names_its_account() {
    let Some(stage) = Stage::begin(Version::V4).await else {
        return;
    };
    let (fixture, home) = (stage.fixture("moved").await, stage.restricted("home").await);
    let name = format!("my-{RELEASE}");
    let values = beside(&fixture);
    let apply = ["apply", "--server-side", "--force-conflicts", "-f-"];
    let plain = moved(&stage, &arguments(&values, &[]), &home).await;
    stage.kubectl(&apply, &plain).await.unwrap();
    let operator = stage.operator(&name, &home).await;
    operator.wait_for_log("leading").await;
    refuses_hand_made(&fixture.mirrors()).await;
    fixture.watch("training", fast).await;
    operator.wait_for_log("admissionPolicy.writers").await;
    assert!(fixture.all().await.is_empty());

    let writers = format!("--set=admissionPolicy.writers={{{home}/{name}}}");
    let named = moved(&stage, &arguments(&values, &[&writers]), &home).await;
    stage.kubectl(&apply, &named).await.unwrap();
    fixture.ready("training", "Synced").await;
    fixture.agrees().await;
    drop(operator);
    stage.kubectl(&["delete", "-f-"], &named).await.unwrap();
}

#[test]
fn the_example_names_the_field_that_the_definition_has() {
    let read = |path: &str| fs::read_to_string(file(EXAMPLE).join(path)).unwrap();
    let reference: Value = serde_saphyr::from_str(&read("watches/name-reference.yaml")).unwrap();
    let place = reference["nameReference"][0]["fieldSpecs"][0]["path"]
        .as_str()
        .unwrap();
    let definitions = documents(&setup::crd_files());
    let schema = &definitions[0]["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let place = format!("/properties/{}", place.replace('/', "/properties/"));
    assert!(schema.pointer(&place).is_some(), "{place}");
    let chart = fs::read_to_string(chart().join("Chart.yaml")).unwrap();
    let version = chart
        .lines()
        .find(|line| line.starts_with("version: "))
        .unwrap();
    assert!(read("operator/kustomization.yaml").contains(&format!("  {version}\n")));
}
