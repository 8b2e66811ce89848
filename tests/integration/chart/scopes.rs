//! Releases for a part of the cluster: some namespaces with Roles only, and a second release beside the first.

use kube::{Api, api::ListParams};
use testbed::tools::Helm as Version;
use together_remediation_operator::api::remediation::Remediation;

use super::{
    helm::documents,
    policy::refuses_hand_made,
    stage::{RELEASE, Stage, arguments, beside, fast},
};
use crate::fixture::CLUSTER;

/// Kinds of the chart that belong to no namespace.
const CLUSTER_WIDE: [&str; 5] = [
    "ClusterRole",
    "ClusterRoleBinding",
    "CustomResourceDefinition",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
];

#[tokio::test(flavor = "multi_thread")]
async fn with_roles_only_it_mirrors_its_namespaces_and_no_other() {
    let Some(stage) = Stage::begin(Version::V3).await else {
        return;
    };
    crate::setup::install(&stage.control_plane).await;
    let (mine, other) = (stage.fixture("mine").await, stage.fixture("other").await);
    let home = stage.restricted("home").await;
    let values = beside(&mine);
    let namespaces = format!("namespaces={{{},{home}}}", mine.namespace);
    let tenant = ["--set", "crds.enabled=false", "--set", &namespaces];
    let arguments = arguments(&values, &tenant);
    stage.install("tenant", &home, &arguments).await;
    let manifest = ["get", "manifest", "tenant", "--namespace", &home];
    for object in documents(&stage.helm.run(&manifest).await.unwrap()) {
        let kind = object["kind"].as_str().unwrap();
        assert!(!CLUSTER_WIDE.contains(&kind), "{kind}");
    }

    let name = "tenant-together-remediation-operator";
    let _operator = stage.operator(name, &home).await;
    for fixture in [&mine, &other] {
        fixture.watch("training", fast).await;
    }
    mine.ready("training", "Synced").await;
    mine.agrees().await;
    let id = &mine.simulator.truth(CLUSTER)[0].id;
    mine.simulator.enter(CLUSTER, id, "SUCCEEDED");
    mine.mirror_enters(id, "SUCCEEDED").await;

    assert!(other.all().await.is_empty());
    let account = stage.control_plane.account(&home, name).await.unwrap();
    let client = kube::Client::try_from(account.config()).unwrap();
    let secrets: Api<k8s_openapi::api::core::v1::Secret> =
        Api::namespaced(client.clone(), &other.namespace);
    assert!(is_forbidden(&secrets.get("together").await));
    let mirrors: Api<Remediation> = Api::namespaced(client, &other.namespace);
    assert!(is_forbidden(&mirrors.list(&ListParams::default()).await));
    stage.uninstall("tenant", &home).await;
}

fn is_forbidden<T>(answer: &kube::Result<T>) -> bool {
    matches!(answer, Err(kube::Error::Api(status)) if status.code == 403)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_release_works_beside_the_first_once_that_lets_it_write() {
    let Some(stage) = Stage::begin(Version::V4).await else {
        return;
    };
    let fixture = stage.fixture("shard").await;
    let (first, second) = (
        stage.restricted("first").await,
        stage.restricted("second").await,
    );
    stage.install(RELEASE, &first, &[]).await;
    let values = beside(&fixture);
    let shard = ["--set", "crds.enabled=false,leaderElection.leaseName=shard"];
    stage
        .install("shard", &second, &arguments(&values, &shard))
        .await;
    let name = "shard-together-remediation-operator";
    let operator = stage.operator(name, &second).await;
    operator.wait_for_log("leading").await;
    refuses_hand_made(&fixture.mirrors()).await;
    fixture.watch("training", fast).await;
    operator.wait_for_log("admissionPolicy.writers").await;
    assert!(fixture.all().await.is_empty());

    let writers = format!("admissionPolicy.writers={{{second}/{name}}}");
    stage.install(RELEASE, &first, &["--set", &writers]).await;
    fixture.ready("training", "Synced").await;
    fixture.agrees().await;
    refuses_hand_made(&fixture.mirrors()).await;
    drop(operator);
    stage.uninstall("shard", &second).await;
    stage.uninstall(RELEASE, &first).await;
}
