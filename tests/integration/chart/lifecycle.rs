//! Installed, upgraded from an older version with other definitions, rolled back, uninstalled, installed again.

use std::{
    fs,
    path::{Path, PathBuf},
};

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::{Api, ResourceExt};
use testbed::tools::Helm as Version;

use super::{
    helm::chart,
    stage::{RELEASE, Stage, arguments, beside, fast},
};
use crate::{conditions::assert_contains, fixture::Fixture};

/// A chart as it might have been before: an older version, and a definition without the field `linkedAlerts`.
fn older(version: Version) -> PathBuf {
    let to = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("older-{version:?}"));
    let _ = fs::remove_dir_all(&to);
    copy(&chart(), &to);
    change(&to.join("Chart.yaml"), "version: 0.1.0", "version: 0.0.9");
    let definition = to.join("files/crds/remediations.yaml");
    change(&definition, "linkedAlerts:", "alertsOfOld:");
    to
}

pub(crate) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let (entry, to) = (
            entry.as_ref().unwrap(),
            to.join(entry.as_ref().unwrap().file_name()),
        );
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &to);
        } else {
            fs::copy(entry.path(), to).unwrap();
        }
    }
}

pub(super) fn change(path: &Path, old: &str, new: &str) {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(old), "{old} is in {}", path.display());
    fs::write(path, text.replace(old, new)).unwrap();
}

impl Stage {
    /// Whether the installed definition of mirrors is the present one.
    async fn is_new(&self) -> bool {
        let definitions: Api<CustomResourceDefinition> = Api::all(self.client.clone());
        let found = definitions.get("remediations.compute.together.ai").await;
        let text = serde_json::to_string(&found.unwrap().spec).unwrap();
        text.contains("linkedAlerts")
    }

    async fn kubectl_wait(&self, what: &[&str]) {
        let wait = [&["wait", "--timeout=60s"], what].concat();
        self.kubectl(&wait, "").await.unwrap();
    }
}

async fn a_life(stage: &Stage, version: Version) {
    let fixture = stage.fixture("life").await;
    let (values, home) = (beside(&fixture), stage.restricted("home").await);
    let values = arguments(&values, &[]);
    let older = older(version);

    stage
        .try_install(RELEASE, &home, &older, &values)
        .await
        .unwrap();
    assert!(!stage.is_new().await);
    let established = [
        "--for=condition=Established",
        "crd",
        "remediations.compute.together.ai",
    ];
    stage.kubectl_wait(&established).await;
    let operator = stage.operator(RELEASE, &home).await;
    operator.wait_for_log("not ready: ").await;

    let notes = stage.try_install(RELEASE, &home, &chart(), &values).await;
    let notes = notes.unwrap();
    assert_contains(
        &notes,
        &["Then create a Secret with an API key and a ClusterWatch"],
    );
    assert!(stage.is_new().await, "an upgrade brings the definitions");
    fixture.watch("training", fast).await;
    let ready = [
        "--for=condition=Ready",
        "clusterwatch/training",
        "-n",
        &fixture.namespace,
    ];
    stage.kubectl_wait(&ready).await;
    let watch = fixture.ready("training", "Synced").await;
    fixture.agrees().await;

    let back = ["rollback", RELEASE, "1", "--namespace", &home];
    stage.helm.run(&back).await.unwrap();
    assert!(!stage.is_new().await, "a rollback takes them back");
    operator.wait_for_log("no longer ready: ").await;
    stage.install(RELEASE, &home, &values).await;
    assert!(stage.is_new().await);
    drop(operator);

    let kept = Kept::of(&fixture).await;
    stage.uninstall(RELEASE, &home).await;
    assert_eq!(Kept::of(&fixture).await, kept, "uninstall keeps them");

    stage.install(RELEASE, &home, &values).await;
    assert_eq!(
        Kept::of(&fixture).await,
        kept,
        "the same release adopts them"
    );
    stage.uninstall(RELEASE, &home).await;

    let refused = stage.try_install("other", &home, &chart(), &values).await;
    let refused = refused.unwrap_err();
    assert!(refused.contains("invalid ownership metadata"), "{refused}");
    let adopting = [&values[..], &["--take-ownership"]].concat();
    stage.install("other", &home, &adopting).await;
    let operator = stage
        .operator("other-together-remediation-operator", &home)
        .await;
    let id = &fixture.truth()[0].id;
    fixture.enter(id, "SUCCEEDED");
    fixture.mirror_enters(id, "SUCCEEDED").await;
    let same = fixture.watches().get("training").await.unwrap();
    assert_eq!(same.uid(), watch.uid());
    drop(operator);
    stage.uninstall("other", &home).await;
}

/// What must outlive a release: uids and versions.
#[derive(Debug, PartialEq, Eq)]
struct Kept(Vec<(String, Option<String>)>);

impl Kept {
    async fn of(fixture: &Fixture) -> Self {
        let watch = fixture.watches().get("training").await.unwrap();
        let mut kept = vec![("training".to_owned(), watch.uid())];
        for mirror in fixture.all().await {
            kept.push((mirror.name_any(), mirror.resource_version()));
        }
        Self(kept)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_release_lives_with_each_helm() {
    Stage::with_each_helm(a_life).await;
}
