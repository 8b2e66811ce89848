//! `OpenShift` gives each namespace a range of users and groups, and refuses pods that ask for another. An admission policy of the
//! real API server does the same here.

use std::fs;

use k8s_openapi::api::core::v1::{Namespace, Pod};
use kube::{
    Api,
    api::{Patch, PatchParams},
};
use serde_json::json;
use testbed::drift::file;

use super::{
    helm::{documents, of_kind},
    rollout::{pods_of_the_newest, refusal},
    stage::{RELEASE, Stage},
};
use crate::{fixture::until, steps::dry_run};

const RANGE: &str = "openshift.io/sa.scc.uid-range";

/// As the SCC restricted-v2: a user or group that a pod names is of its namespace's range.
const POLICY: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: uid-range}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods]}]
  variables:
  - {name: range, expression: "namespaceObject.metadata.annotations['openshift.io/sa.scc.uid-range'].split('/').map(n, int(n))"}
  - name: containers
    expression: "(object.spec.containers + object.spec.?initContainers.orValue([])).map(c, c.?securityContext)"
  - name: ids
    expression: >-
      (variables.containers + [object.spec.?securityContext])
      .map(c, [c.?runAsUser.orValue(-1), c.?runAsGroup.orValue(-1)])
      + [[object.spec.?securityContext.?fsGroup.orValue(-1)] + object.spec.?securityContext.?supplementalGroups.orValue([])]
  validations:
  - expression: >-
      variables.ids.all(some, some.all(id, id == -1 ||
      (id >= variables.range[0] && id < variables.range[0] + variables.range[1])))
    message: unable to validate against any security context constraint
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: uid-range}
spec:
  policyName: uid-range
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {cluster: openshift}}}
"#;

/// A namespace under "restricted" with a range of users.
async fn ranged(stage: &Stage) -> String {
    let name = stage.restricted("openshift").await;
    let namespaces: Api<Namespace> = Api::all(stage.client.clone());
    let range = json!({"metadata": {
        "annotations": {RANGE: "1000680000/10000"},
        "labels": {"cluster": "openshift"},
    }});
    let (how, range) = (PatchParams::default(), Patch::Merge(range));
    namespaces.patch(&name, &how, &range).await.unwrap();
    name
}

/// Waits until the policy refuses a pod of the image's own user.
async fn in_force(stage: &Stage, namespace: &str) {
    let pods: Api<Pod> = Api::namespaced(stage.client.clone(), namespace);
    let pod = json!({
        "metadata": {"name": "fixed"},
        "spec": {
            "automountServiceAccountToken": false,
            "securityContext": {"runAsNonRoot": true, "runAsUser": 65532, "seccompProfile": {"type": "RuntimeDefault"}},
            "containers": [{
                "name": "a", "image": "a",
                "securityContext": {"allowPrivilegeEscalation": false, "capabilities": {"drop": ["ALL"]}},
            }],
        },
    });
    let pod: Pod = serde_json::from_value(pod).unwrap();
    until(
        "the policy refuses a user outside of the range",
        async || match pods.create(&dry_run(), &pod).await {
            Err(error) if error.to_string().contains("security context constraint") => Ok(()),
            other => Err(format!("{other:?}")),
        },
    )
    .await;
}

async fn admitted_within_the_range(stage: &Stage) {
    let namespace = ranged(stage).await;
    stage.control_plane.apply(POLICY).await.unwrap();
    in_force(stage, &namespace).await;

    stage.install(RELEASE, &namespace, &[]).await;
    pods_of_the_newest(stage, &namespace, 2).await;
    let hook = ["get", "hooks", RELEASE, "--namespace", &namespace];
    let hook = documents(&stage.helm.run(&hook).await.unwrap());
    let pods: Api<Pod> = Api::namespaced(stage.client.clone(), &namespace);
    let hook: Pod = serde_json::from_value(of_kind(&hook, "Pod")[0].clone()).unwrap();
    pods.create(&dry_run(), &hook).await.unwrap();

    let fixed = ["--set", "podSecurityContext.runAsUser=65532"];
    stage.install(RELEASE, &namespace, &fixed).await;
    let reason = refusal(stage, &namespace).await;
    assert!(reason.contains("security context constraint"), "{reason}");
    stage.uninstall(RELEASE, &namespace).await;
    stage.kubectl(&["delete", "-f-"], POLICY).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn its_pods_are_admitted_where_each_namespace_has_a_range_of_users() {
    Stage::with_each_helm(async |stage, _| admitted_within_the_range(stage).await).await;
}

#[test]
fn the_images_user_is_a_number_and_so_passes_run_as_non_root() {
    let text = fs::read_to_string(file("Dockerfile")).unwrap();
    let users: Vec<&str> = text
        .lines()
        .filter_map(|line| line.strip_prefix("USER "))
        .collect();
    assert!(!users.is_empty());
    for user in users {
        let number = user
            .split(':')
            .all(|id| id.parse::<u32>().is_ok_and(|id| id > 0));
        assert!(number, "{user}");
    }
}
