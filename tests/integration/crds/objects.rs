//! The objects that the tests of the definitions send, and how the server refuses one.

use kube::{
    Api, Client, ResourceExt,
    api::{DynamicObject, Patch, PatchParams, PostParams},
    core::ApiResource,
};
use serde_json::{Value, json};
use together_remediation_operator::api::{
    GROUP, VERSION, cluster_watch::ClusterWatch, remediation::Remediation,
};

use crate::setup;

/// Both kinds, untyped, in a namespace of their own.
pub(super) struct Objects {
    pub(super) client: Client,
    pub(super) namespace: String,
    pub(super) watches: Api<DynamicObject>,
    pub(super) remediations: Api<DynamicObject>,
}

impl Objects {
    pub(super) async fn new() -> Self {
        let control_plane = setup::control_plane().await;
        let client = control_plane.admin().unwrap();
        let namespace = control_plane.namespace("crds").await.unwrap();
        let api = |resource| Api::namespaced_with(client.clone(), &namespace, &resource);
        Self {
            watches: api(ApiResource::erase::<ClusterWatch>(&())),
            remediations: api(ApiResource::erase::<Remediation>(&())),
            client,
            namespace,
        }
    }

    fn of(&self, kind: &str) -> &Api<DynamicObject> {
        match kind {
            "ClusterWatch" => &self.watches,
            _ => &self.remediations,
        }
    }

    /// Creates this one.
    pub(super) async fn create(&self, object: &DynamicObject) -> DynamicObject {
        let api = self.of(&object.types.as_ref().unwrap().kind);
        api.create(&PostParams::default(), object).await.unwrap()
    }

    /// Merges a status into one that is there.
    pub(super) async fn write(
        &self,
        object: &DynamicObject,
        status: &Value,
    ) -> kube::Result<DynamicObject> {
        let api = self.of(&object.types.as_ref().unwrap().kind);
        let (name, patch) = (object.name_any(), Patch::Merge(json!({"status": status})));
        let how = PatchParams::default();
        api.patch_status(&name, &how, &patch).await
    }
}

/// A `ClusterWatch` whose spec is the shortest valid one with `more` merged into it.
pub(super) fn watch(more: &Value) -> DynamicObject {
    let mut spec = json!({ "clusterId": "c", "apiKeySecretRef": { "name": "together" } });
    merge(&mut spec, more);
    object("ClusterWatch", "w", &spec)
}

pub(super) fn remediation(name: &str, spec: &Value) -> DynamicObject {
    object("Remediation", name, spec)
}

fn object(kind: &str, name: &str, spec: &Value) -> DynamicObject {
    serde_json::from_value(json!({
        "apiVersion": format!("{GROUP}/{VERSION}"),
        "kind": kind,
        "metadata": { "name": name },
        "spec": spec,
    }))
    .unwrap()
}

fn merge(into: &mut Value, more: &Value) {
    match (into, more) {
        (Value::Object(into), Value::Object(more)) => {
            for (key, value) in more {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, more) => *into = more.clone(),
    }
}

/// Why the server rejects an invalid object: each cause with its field.
pub(super) fn causes(result: kube::Result<DynamicObject>) -> Vec<(String, String)> {
    let Err(kube::Error::Api(status)) = result else {
        panic!("not refused: {result:?}");
    };
    assert_eq!(status.code, 422, "{status:?}");
    let causes = status.details.unwrap().causes;
    causes
        .into_iter()
        .map(|cause| (cause.field, cause.message))
        .collect()
}

/// The server refuses the object for this field alone, with this message behind the value.
pub(super) fn assert_refused(result: kube::Result<DynamicObject>, field: &str, message: &str) {
    let causes = causes(result);
    let [(about, text)] = causes.as_slice() else {
        panic!("not for {field} alone: {causes:?}");
    };
    assert_eq!(about, field, "{text}");
    assert!(
        text.starts_with("Invalid value: ") && text.ends_with(message),
        "{text}"
    );
}
