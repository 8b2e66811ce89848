//! An admission policy of one namespace that refuses some mirrors.

use crate::{
    fixture::{Fixture, until},
    steps::{dry_run, unfilled},
};

const POLICY: &str = r#"
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: $NAMESPACE}
spec:
  failurePolicy: Fail
  matchConstraints:
    resourceRules:
      - {apiGroups: [compute.together.ai], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [remediations, remediations/status]}
  validations:
    - expression: "$DEMAND"
      message: $MESSAGE
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: $NAMESPACE}
spec:
  policyName: $NAMESPACE
  validationActions: [Deny]
  matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: $NAMESPACE}}}
"#;

impl Fixture {
    /// Demands this of all mirrors of the namespace, and waits until one of `id` is refused.
    pub(crate) async fn demand(&self, demand: &str, message: &str, id: &str) {
        let policy = POLICY.replace("$DEMAND", demand);
        let policy = policy.replace("$MESSAGE", message);
        let policy = policy.replace("$NAMESPACE", &self.namespace);
        self.control_plane.apply(&policy).await.unwrap();
        self.refuses(id, true).await;
    }

    /// Waits until admission refuses a mirror of `id`, or does not, without creating one.
    pub(crate) async fn refuses(&self, id: &str, refuses: bool) {
        let object = unfilled(id);
        until("the refusal has the expected message", || async {
            match self.mirrors().create(&dry_run(), &object).await {
                Err(kube::Error::Api(status)) if status.code == 422 && refuses => Ok(()),
                Ok(_) if !refuses => Ok(()),
                other => Err(format!("{other:?}")),
            }
        })
        .await;
    }
}
