//! What the chart renders, without a cluster.

use std::collections::BTreeSet;

use serde_json::Value;
use testbed::tools::Helm as Version;

use super::{
    helm::{Helm, chart, documents, of_kind},
    renamed, values,
};
use crate::setup;

/// Each right as group, resource and verb.
pub(crate) fn rights<'a>(roles: impl IntoIterator<Item = &'a Value>) -> BTreeSet<[String; 3]> {
    let words = |value: &Value| -> Vec<String> { serde_json::from_value(value.clone()).unwrap() };
    let mut rights = BTreeSet::new();
    for rule in roles
        .into_iter()
        .flat_map(|role| role["rules"].as_array().unwrap())
    {
        for group in words(&rule["apiGroups"]) {
            for resource in words(&rule["resources"]) {
                for verb in words(&rule["verbs"]) {
                    rights.insert([group.clone(), resource.clone(), verb]);
                }
            }
        }
    }
    rights
}

#[tokio::test(flavor = "multi_thread")]
async fn both_helms_lint_it_and_render_the_same_twice() {
    let mut rendered = Vec::new();
    for (version, helm) in Helm::both() {
        let chart = chart();
        let lint = ["lint", "--strict", chart.to_str().unwrap()];
        helm.run(&[&lint[..], &["--kube-version", "1.32.0"]].concat())
            .await
            .unwrap();
        let once = helm.template(&[]).await.unwrap();
        assert_eq!(helm.template(&[]).await.unwrap(), once, "{version:?}");
        rendered.push(once);
    }
    // They differ in blank lines alone.
    let lines = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.is_empty());
        lines.map(str::to_owned).collect()
    };
    if let [one, other] = &rendered[..] {
        assert_eq!(lines(one), lines(other));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_typo_and_a_value_out_of_its_bounds_are_refused_by_name() {
    for (version, helm) in Helm::both() {
        for (set, expected) in [
            ("replicaCounts=3", "replicaCounts"),
            ("image.repo=x", "repo"),
            ("crds.enable=false", "enable"),
            ("networkPolicy.egress=1", "egress"),
            ("replicaCount=-1", "replicaCount"),
            ("replicaCount=two", "replicaCount"),
            ("networkPolicy.dnsPorts={0}", "dnsPorts"),
            ("prometheusRule.approvalTimeout=3600", "approvalTimeout"),
            ("strategy.type=OnDelete", "strategy"),
            ("image.digest=sha256:12", "digest"),
            ("namespaces={Not_A_Name}", "namespaces"),
            ("defaultInterval=soon", "defaultInterval"),
            ("mirrorAnnotations.a/b/c=d", "a/b/c"),
            ("mirrorLabels.a/b/c=d", "a/b/c"),
            ("mirrorLabels.team=a b", "mirrorLabels"),
            ("mirrorLabels.team=-a", "mirrorLabels"),
            (
                "mirrorLabels.compute\\.together\\.ai/cluster-id=a",
                "compute.together.ai/cluster-id",
            ),
            (
                "mirrorLabels.app\\.kubernetes\\.io/managed-by=Helm",
                "app.kubernetes.io/managed-by",
            ),
            ("log.format=xml", "format"),
            ("admissionPolicy.writers={nobody}", "writers"),
            ("leaderElection.enabled=false", "replicaCount=1"),
            (
                "leaderElection.enabled=false,replicaCount=1,strategy.type=RollingUpdate",
                "strategy.type=Recreate",
            ),
            (
                "caBundle.configMap=a,caBundle.secret=b",
                "mutually exclusive",
            ),
            ("api.url=http://simulator:8081", "api.allowHttp=true"),
        ] {
            let error = helm.template(&["--set", set]).await.unwrap_err();
            assert!(error.contains(expected), "{version:?} {set}: {error}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_definitions_are_those_of_the_program_and_stay_at_uninstall() {
    let Some(helm) = Helm::new(Version::V3) else {
        return;
    };
    let objects = helm.objects(&["--set", "commonLabels.team=gpu"]).await;
    let mut definitions: Vec<Value> = of_kind(&objects, "CustomResourceDefinition")
        .into_iter()
        .cloned()
        .collect();
    for definition in &mut definitions {
        let metadata = definition["metadata"].as_object_mut().unwrap();
        let annotations = metadata.remove("annotations").unwrap();
        assert_eq!(annotations["helm.sh/resource-policy"], "keep");
        assert_eq!(metadata.remove("labels").unwrap()["team"], "gpu");
    }
    assert!(
        definitions == documents(&setup::crd_files()),
        "the chart's definitions are out of date: cp crds/* charts/together-remediation-operator/files/crds/"
    );
    let without = helm.objects(&["--set", "crds.enabled=false"]).await;
    for kind in [
        "CustomResourceDefinition",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ] {
        assert!(of_kind(&without, kind).is_empty(), "{kind}");
    }
    let roles = of_kind(&without, "ClusterRole");
    assert_eq!(roles.len(), 1, "only the operator's own");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_are_those_that_every_test_runs_with_and_none_is_a_wildcard() {
    let Some(helm) = Helm::new(Version::V3) else {
        return;
    };
    let objects = helm
        .objects(&["--set", "rbac.aggregateToDefaultRoles=false"])
        .await;
    let tested = documents(testbed::control_plane::OPERATOR_RBAC);
    let namespaced = [
        "--set",
        "rbac.aggregateToDefaultRoles=false,namespaces={a,b}",
    ];
    let namespaced = helm.objects(&namespaced).await;
    let roles = |objects| [of_kind(objects, "ClusterRole"), of_kind(objects, "Role")].concat();
    let granted = rights(roles(&objects));
    assert_eq!(granted, rights(roles(&tested)));
    assert_eq!(granted, rights(roles(&namespaced)));
    assert!(of_kind(&namespaced, "ClusterRole").is_empty());
    assert!(granted.iter().flatten().all(|word| !word.contains('*')));
    assert_eq!(
        granted,
        documented_rights(),
        "docs/concepts/security.md lists other rights"
    );
}

/// The rights that the threat model lists.
fn documented_rights() -> BTreeSet<[String; 3]> {
    let text = include_str!("../../../docs/concepts/security.md");
    let (_, rest) = text.split_once("## Rights in the cluster").unwrap();
    let (table, _) = rest.split_once("\n## ").unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    rows.flat_map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let group = cells[1].replace("(core)", "");
        let resource = cells[2].to_owned();
        cells[3]
            .split(", ")
            .map(move |verb| [group.clone(), resource.clone(), verb.to_owned()])
            .collect::<Vec<_>>()
    })
    .collect()
}

#[test]
fn every_value_has_a_comment_and_a_place_in_the_schema() {
    let schema = std::fs::read_to_string(chart().join("values.schema.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let mut described = BTreeSet::new();
    for row in values::rows() {
        let place = row.path.replace('.', "/properties/");
        let found = schema.pointer(&format!("/properties/{place}"));
        assert!(found.is_some(), "{} is not in values.schema.json", row.path);
        described.insert(row.path);
    }
    for path in leaves("", &schema) {
        // A parent chart's, and names of before.
        let tolerated = ["global", "enabled"].contains(&&*path) || renamed::is_old(&path);
        let known = tolerated || described.iter().any(|row| covers(row, &path));
        assert!(known, "{path} is not in values.yaml");
    }
}

fn covers(row: &str, path: &str) -> bool {
    path == row || path.starts_with(&format!("{row}."))
}

/// The places of a schema that have no properties of their own. Objects with properties are strict.
fn leaves(path: &str, schema: &Value) -> Vec<String> {
    let Some(properties) = schema["properties"].as_object() else {
        return vec![path.to_owned()];
    };
    assert_eq!(schema["additionalProperties"], false, "{path} is strict");
    let below = properties.iter().flat_map(|(key, schema)| {
        let path = format!("{path}.{key}");
        leaves(path.trim_start_matches('.'), schema)
    });
    below.collect()
}
