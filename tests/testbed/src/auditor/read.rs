//! One read of a namespace of the cluster, as JSON.

use kube::{
    Api, Client,
    api::{DynamicObject, ListParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::Value;

/// What a namespace shows.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// Its `ClusterWatches`.
    pub watches: Vec<Value>,
    /// Its `Remediations`.
    pub mirrors: Vec<Value>,
}

/// Reads both kinds of a namespace.
///
/// # Errors
/// What the API server returns.
pub async fn see(client: &Client, namespace: &str) -> Result<Seen, kube::Error> {
    Ok(Seen {
        watches: list(client, namespace, "ClusterWatch", "clusterwatches").await?,
        mirrors: list(client, namespace, "Remediation", "remediations").await?,
    })
}

async fn list(
    client: &Client,
    namespace: &str,
    kind: &str,
    plural: &str,
) -> Result<Vec<Value>, kube::Error> {
    let kind = GroupVersionKind::gvk("compute.together.ai", "v1alpha1", kind);
    let resource = ApiResource::from_gvk_with_plural(&kind, plural);
    let api: Api<DynamicObject> = Api::namespaced_with(client.clone(), namespace, &resource);
    let list = api.list(&ListParams::default()).await?;
    let objects = list.items.into_iter().map(serde_json::to_value);
    objects
        .collect::<Result<_, _>>()
        .map_err(kube::Error::SerdeError)
}
