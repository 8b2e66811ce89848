//! The port to the cluster: every call that the operator makes of the Kubernetes API besides its watches.

use std::{sync::Arc, time::Duration};

use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, PostParams, Preconditions},
};
use leaky_bucket::RateLimiter;
use serde_json::Value;

use crate::{
    api::{cluster_watch::ClusterWatch, remediation::Remediation},
    leader::Leadership,
};

/// How long one call may take before it counts as failed; its effect is then unknown, and the fence makes that safe.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Why a call to the cluster failed.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum ClusterError {
    /// The object changed meanwhile, or one of that name exists already.
    #[error("the object changed meanwhile")]
    Conflict,
    /// There is no such object (or its namespace is gone).
    #[error("there is no such object")]
    NotFound,
    /// The cluster refuses: rights, quota or admission.
    #[error("the cluster refuses it: {0}")]
    Refused(String),
    /// No answer, or an answer that says to try again.
    #[error("the cluster did not take it: {0}")]
    Unavailable(String),
}

impl From<kube::Error> for ClusterError {
    fn from(error: kube::Error) -> Self {
        let kube::Error::Api(status) = error else {
            return Self::Unavailable(error.to_string());
        };
        match status.code {
            404 => Self::NotFound,
            409 => Self::Conflict,
            400..=428 | 430..=499 => Self::Refused(status.message.clone()),
            _ => Self::Unavailable(status.message.clone()),
        }
    }
}

/// What the operator asks of the cluster. Writes are fenced: `object` carries the uid and resourceVersion that the
/// decision was made on, and the cluster answers [`ClusterError::Conflict`] where they are no longer true.
pub trait Cluster: Clone + Send + Sync + 'static {
    /// Creates a mirror; its status is ignored by the server.
    fn create(
        &self,
        mirror: &Remediation,
    ) -> impl Future<Output = Result<Remediation, ClusterError>> + Send;
    /// Replaces the status of a mirror.
    fn replace_status(
        &self,
        mirror: &Remediation,
    ) -> impl Future<Output = Result<Remediation, ClusterError>> + Send;
    /// Changes labels and owner references by a merge patch that carries the fence.
    fn patch(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> impl Future<Output = Result<Remediation, ClusterError>> + Send;
    /// Deletes a mirror if it still has this uid and resourceVersion.
    fn delete(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        resource_version: u64,
    ) -> impl Future<Output = Result<(), ClusterError>> + Send;
    /// Reads a mirror.
    fn get(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Remediation, ClusterError>> + Send;
    /// Reads a watch.
    fn get_watch(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<ClusterWatch, ClusterError>> + Send;
    /// Replaces the status of a watch.
    fn replace_watch_status(
        &self,
        watch: &ClusterWatch,
    ) -> impl Future<Output = Result<ClusterWatch, ClusterError>> + Send;
    /// Reads a Secret.
    fn secret(
        &self,
        namespace: &str,
        name: &str,
    ) -> impl Future<Output = Result<Secret, ClusterError>> + Send;
}

/// What every write passes: those to mirrors wait for the bucket of `--kube-qps`; none is begun by a replica that does
/// not lead, and none is waited for without end.
#[derive(Clone)]
pub struct Gate {
    bucket: Option<Arc<RateLimiter>>,
    leadership: Leadership,
}

impl Gate {
    /// A gate with this `bucket` (writes a second; `None`: no limit), open while this replica leads.
    #[must_use]
    pub fn new(bucket: Option<Arc<RateLimiter>>, leadership: Leadership) -> Self {
        Self { bucket, leadership }
    }

    /// Makes a write to a mirror.
    ///
    /// # Errors
    /// [`ClusterError::Unavailable`] where this replica does not lead or no answer came, else what `call` failed with.
    pub async fn write<T, E: Into<ClusterError>>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, ClusterError> {
        if let Some(bucket) = &self.bucket {
            bucket.acquire_one().await;
        }
        self.write_now(call).await
    }

    /// Makes a write that need not wait for the bucket.
    ///
    /// # Errors
    /// See [`write`](Self::write).
    pub async fn write_now<T, E: Into<ClusterError>>(
        &self,
        call: impl Future<Output = Result<T, E>> + Send,
    ) -> Result<T, ClusterError> {
        if !self.leadership.holds() {
            return Err(ClusterError::Unavailable(
                "this replica does not lead any more".to_owned(),
            ));
        }
        bounded(call).await
    }
}

/// The answer of `call`, unless it takes too long.
///
/// # Errors
/// [`ClusterError::Unavailable`] where no answer came, else what `call` failed with.
pub async fn bounded<T, E: Into<ClusterError>>(
    call: impl Future<Output = Result<T, E>> + Send,
) -> Result<T, ClusterError> {
    match tokio::time::timeout(CALL_TIMEOUT, call).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(_) => Err(ClusterError::Unavailable(
            "no answer within 30 s".to_owned(),
        )),
    }
}

/// The real cluster.
#[derive(Clone)]
pub struct KubeCluster {
    client: Client,
    gate: Gate,
}

impl KubeCluster {
    /// A cluster behind `client`; `bucket`: writes a second, `None` for no limit.
    #[must_use]
    pub fn new(client: Client, bucket: Option<Arc<RateLimiter>>, leadership: Leadership) -> Self {
        let gate = Gate::new(bucket, leadership);
        Self { client, gate }
    }

    fn mirrors(&self, namespace: &str) -> Api<Remediation> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn watches(&self, namespace: &str) -> Api<ClusterWatch> {
        Api::namespaced(self.client.clone(), namespace)
    }
}

fn namespace_of(object: &impl kube::ResourceExt) -> String {
    object.namespace().unwrap_or_default()
}

impl Cluster for KubeCluster {
    async fn create(&self, mirror: &Remediation) -> Result<Remediation, ClusterError> {
        let api = self.mirrors(&namespace_of(mirror));
        self.gate
            .write(api.create(&PostParams::default(), mirror))
            .await
    }

    async fn replace_status(&self, mirror: &Remediation) -> Result<Remediation, ClusterError> {
        let api = self.mirrors(&namespace_of(mirror));
        let name = kube::ResourceExt::name_any(mirror);
        self.gate
            .write(api.replace_status(&name, &PostParams::default(), mirror))
            .await
    }

    async fn patch(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Result<Remediation, ClusterError> {
        let api = self.mirrors(namespace);
        self.gate
            .write(api.patch(name, &PatchParams::default(), &Patch::Merge(patch)))
            .await
    }

    async fn delete(
        &self,
        namespace: &str,
        name: &str,
        uid: &str,
        resource_version: u64,
    ) -> Result<(), ClusterError> {
        let fence = Preconditions {
            uid: Some(uid.to_owned()),
            resource_version: Some(resource_version.to_string()),
        };
        let api = self.mirrors(namespace);
        self.gate
            .write(api.delete(name, &DeleteParams::default().preconditions(fence)))
            .await
            .map(|_| ())
    }

    async fn get(&self, namespace: &str, name: &str) -> Result<Remediation, ClusterError> {
        bounded(self.mirrors(namespace).get(name)).await
    }

    async fn get_watch(&self, namespace: &str, name: &str) -> Result<ClusterWatch, ClusterError> {
        bounded(self.watches(namespace).get(name)).await
    }

    async fn replace_watch_status(
        &self,
        watch: &ClusterWatch,
    ) -> Result<ClusterWatch, ClusterError> {
        let api = self.watches(&namespace_of(watch));
        let name = kube::ResourceExt::name_any(watch);
        self.gate
            .write_now(api.replace_status(&name, &PostParams::default(), watch))
            .await
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Secret, ClusterError> {
        bounded(Api::namespaced(self.client.clone(), namespace).get(name)).await
    }
}
