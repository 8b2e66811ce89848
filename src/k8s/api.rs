//! The port to the API server: every request to it except for watches.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use serde_json::Value;

use crate::{
    api::{cluster_watch::ClusterWatch, remediation::Remediation},
    k8s::{error::KubeApiError, gate::Gate, partial::Shown},
};

/// The operator's requests to the API server. Writes are fenced: `object` carries the uid and resourceVersion that the
/// decision was based on. If they are outdated, the result is [`KubeApiError::Conflict`].
pub trait KubeApi: Clone + Send + Sync + 'static {
    /// Creates a mirror. The API server ignores its status.
    fn create(
        &self,
        mirror: &Remediation,
    ) -> impl Future<Output = Result<Remediation, KubeApiError>> + Send;
    /// Replaces the status of a mirror.
    fn replace_status(
        &self,
        mirror: &Remediation,
    ) -> impl Future<Output = Result<Remediation, KubeApiError>> + Send;
    /// Updates labels and owner references by a merge patch that carries the fence.
    fn patch(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> impl Future<Output = Result<Remediation, KubeApiError>> + Send;
    /// Deletes a mirror if it still has this uid and resourceVersion.
    fn delete(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        resource_version: u64,
    ) -> impl Future<Output = Result<(), KubeApiError>> + Send;
    /// Reads a mirror.
    fn get(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Remediation, KubeApiError>> + Send;
    /// Reads a `ClusterWatch`.
    fn get_watch(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<ClusterWatch, KubeApiError>> + Send;
    /// Replaces the status of a `ClusterWatch`.
    fn replace_watch_status(
        &self,
        watch: &ClusterWatch,
    ) -> impl Future<Output = Result<ClusterWatch, KubeApiError>> + Send;
    /// Reads a Secret.
    fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Secret, KubeApiError>> + Send;
}

/// The real API server.
#[derive(Clone)]
pub struct KubeClient {
    client: Client,
    gate: Gate,
    annotations: Arc<BTreeMap<String, String>>,
}

impl KubeClient {
    /// The API server behind `client`; every request passes `gate`.
    #[must_use]
    pub fn new(client: Client, gate: Gate) -> Self {
        Self {
            client,
            gate,
            annotations: Arc::default(),
        }
    }

    /// The same; each mirror gets these annotations when it is created.
    #[must_use]
    pub fn annotating(mut self, annotations: impl IntoIterator<Item = (String, String)>) -> Self {
        self.annotations = Arc::new(annotations.into_iter().collect());
        self
    }

    /// Mirrors are read as the watch reads them: without unused metadata, and an unreadable status does not prevent a new
    /// one from being written.
    fn mirrors(&self, namespace: &str) -> Api<Shown> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn watches(&self, namespace: &str) -> Api<ClusterWatch> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

fn namespace_of(object: &impl kube::ResourceExt) -> String {
    object.namespace().unwrap_or_default()
}

impl KubeApi for KubeClient {
    async fn create(&self, mirror: &Remediation) -> Result<Remediation, KubeApiError> {
        let api = self.mirrors(&namespace_of(mirror));
        let how = PostParams::default();
        let mut mirror = Shown(mirror.clone());
        if !self.annotations.is_empty() {
            mirror.0.metadata.annotations = Some((*self.annotations).clone());
        }
        let create = async || {
            let created = api.create(&how, &mirror).await;
            created.map_err(KubeApiError::of_creation)
        };
        let Shown(created) = self.gate.write(create).await?;
        Ok(created)
    }

    async fn replace_status(&self, mirror: &Remediation) -> Result<Remediation, KubeApiError> {
        let api = self.mirrors(&namespace_of(mirror));
        let (how, mirror) = (PostParams::default(), Shown(mirror.clone()));
        let name = kube::ResourceExt::name_any(&mirror);
        let replace = || api.replace_status(&name, &how, &mirror);
        let Shown(replaced) = self.gate.write(replace).await?;
        Ok(replaced)
    }

    async fn patch(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Result<Remediation, KubeApiError> {
        let api = self.mirrors(namespace);
        let (how, patch) = (PatchParams::default(), Patch::Merge(patch));
        let Shown(patched) = self.gate.write(|| api.patch(name, &how, &patch)).await?;
        Ok(patched)
    }

    async fn delete(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        resource_version: u64,
    ) -> Result<(), KubeApiError> {
        let fence = Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: Some(resource_version.to_string()),
        };
        let api = self.mirrors(namespace);
        let how = DeleteParams::default().preconditions(fence);
        self.gate.write(|| api.delete(name, &how)).await.map(drop)
    }

    async fn get(&self, namespace: &str, name: &str) -> Result<Remediation, KubeApiError> {
        let api = self.mirrors(namespace);
        let Shown(read) = self.gate.read(|| api.get(name)).await?;
        Ok(read)
    }

    async fn get_watch(&self, namespace: &str, name: &str) -> Result<ClusterWatch, KubeApiError> {
        let api = self.watches(namespace);
        self.gate.read(|| api.get(name)).await
    }

    async fn replace_watch_status(
        &self,
        watch: &ClusterWatch,
    ) -> Result<ClusterWatch, KubeApiError> {
        let api = self.watches(&namespace_of(watch));
        let name = kube::ResourceExt::name_any(watch);
        let how = PostParams::default();
        self.gate
            .write_now(|| api.replace_status(&name, &how, watch))
            .await
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Secret, KubeApiError> {
        let api = Api::namespaced(self.client.clone(), namespace);
        self.gate.read(|| api.get(name)).await
    }
}

#[cfg(test)]
mod tests;
