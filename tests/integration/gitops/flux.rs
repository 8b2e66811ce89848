//! The expressions of docs/gitops/flux, evaluated by the API server's own CEL on the objects that it holds.
//!
//! A policy refuses an edit that is marked for it, and its refusal message contains what the expressions yield.

use std::{fs, sync::LazyLock};

use kube::api::{Patch, PatchParams};
use regex::Regex;
use serde_json::{Value, json};
use testbed::{control_plane::ControlPlane, drift::file};

use crate::{
    fixture::{Fixture, until},
    kstatus::Kstatus,
};

const MARK: &str = "example.com/flux-asks";

/// Name and text of each expression for a `ClusterWatch`, as Flux is given it.
fn expressions() -> Vec<(String, String)> {
    let page = fs::read_to_string(file("docs/gitops/flux/watches.yaml")).unwrap();
    let documents: Vec<Value> = serde_saphyr::from_multiple(&page).unwrap();
    let checks = documents
        .iter()
        .find_map(|document| document["spec"]["healthCheckExprs"].as_array());
    let Some([check]) = checks.map(Vec::as_slice) else {
        panic!("one kind: {checks:?}");
    };
    assert_eq!(check["apiVersion"], "compute.together.ai/v1alpha1");
    assert_eq!(check["kind"], "ClusterWatch");
    ["current", "failed"]
        .map(|name| (name.to_owned(), check[name].as_str().unwrap().to_owned()))
        .to_vec()
}

/// For Flux an object's fields are variables; for a policy they are fields of `object`.
fn for_a_policy(expression: &str) -> String {
    static FIELD: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(^|[^.\w])(metadata|spec|status)\.").unwrap());
    FIELD
        .replace_all(expression, "${1}object.${2}.")
        .into_owned()
}

/// Installs the policy.
pub(super) async fn install(control_plane: &ControlPlane) {
    let expressions = expressions();
    let variables: Vec<_> = expressions
        .iter()
        .map(|(name, text)| json!({"name": name, "expression": for_a_policy(text)}))
        .collect();
    let parts: Vec<_> = expressions
        .iter()
        .map(|(name, _)| format!("'{name}=' + string(variables.{name})"))
        .collect();
    let policy = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicy",
        "metadata": {"name": "flux-asks"},
        "spec": {
            "matchConstraints": {"resourceRules": [{
                "apiGroups": ["compute.together.ai"], "apiVersions": ["*"],
                "operations": ["UPDATE"], "resources": ["clusterwatches"],
            }]},
            "matchConditions": [{
                "name": "marked",
                "expression": format!(
                    "has(object.metadata.annotations) && '{MARK}' in object.metadata.annotations"
                ),
            }],
            "variables": variables,
            "validations": [{
                "expression": "false",
                "messageExpression": parts.join(" + ' ' + "),
            }],
        },
    });
    let binding = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingAdmissionPolicyBinding",
        "metadata": {"name": "flux-asks"},
        "spec": {"policyName": "flux-asks", "validationActions": ["Deny"]},
    });
    for manifest in [policy, binding] {
        control_plane.apply(&manifest.to_string()).await.unwrap();
    }
}

/// What Flux makes of a watch: another generation than the observed one is in progress; else the first expression that is
/// true; else it is in progress.
pub(super) async fn verdict(fixture: &Fixture, watch: &str) -> Kstatus {
    let values = until(
        "the policy reports what the expressions yield",
        async || ask(fixture, watch).await,
    )
    .await;
    let object = fixture.watches().get(watch).await.unwrap();
    let observed = object.status.and_then(|status| status.observed_generation);
    if observed.is_some() && observed != object.metadata.generation {
        Kstatus::InProgress
    } else if values.contains("failed=true") {
        Kstatus::Failed
    } else if values.contains("current=true") {
        Kstatus::Current
    } else {
        Kstatus::InProgress
    }
}

async fn ask(fixture: &Fixture, watch: &str) -> Result<String, String> {
    let marked = Patch::Merge(json!({"metadata": {"annotations": {MARK: "yes"}}}));
    let how = PatchParams {
        dry_run: true,
        ..PatchParams::default()
    };
    match fixture.watches().patch(watch, &how, &marked).await {
        Ok(_) => Err("the policy is not in force".to_owned()),
        Err(error) => {
            let message = error.to_string();
            if message.contains("current=") && message.contains("failed=") {
                Ok(message)
            } else {
                Err(message)
            }
        }
    }
}

#[test]
fn fields_become_fields_of_the_object() {
    assert_eq!(
        for_a_policy("has(spec.suspend) && status.c.exists(c, c.status == metadata.x)"),
        "has(object.spec.suspend) && object.status.c.exists(c, c.status == object.metadata.x)"
    );
}
