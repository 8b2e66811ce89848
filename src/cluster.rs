//! The port to the cluster: every call that the operator makes of the Kubernetes API besides its watches.

mod patience;
pub mod watching;

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

pub use self::patience::Patience;

/// How long one call may take before it counts as failed; its effect is then unknown, and the fence makes that safe.
const CALL_TIMEOUT: Duration = Duration::from_secs(30);

/// How often a call is made that the server answers with 429: it was not carried out then.
const TRIES: usize = 4;
const TOO_MANY_REQUESTS: u16 = 429;

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
            TOO_MANY_REQUESTS => Self::Unavailable(status.message.clone()),
            400..=499 => Self::Refused(status.message.clone()),
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

/// The real cluster. Writes to mirrors wait for the bucket of `--kube-qps`; no write is begun by a replica that does not
/// lead.
#[derive(Clone)]
pub struct KubeCluster {
    client: Client,
    bucket: Option<Arc<RateLimiter>>,
    leadership: Leadership,
    patience: Patience,
}

impl KubeCluster {
    /// A cluster behind `client`, whose answers `patience` heeds; `bucket`: writes a second, `None` for no limit.
    #[must_use]
    pub fn new(
        client: Client,
        patience: Patience,
        bucket: Option<Arc<RateLimiter>>,
        leadership: Leadership,
    ) -> Self {
        Self {
            client,
            bucket,
            leadership,
            patience,
        }
    }

    fn mirrors(&self, namespace: &str) -> Api<Remediation> {
        Api::namespaced(self.client.clone(), namespace)
    }

    fn watches(&self, namespace: &str) -> Api<ClusterWatch> {
        Api::namespaced(self.client.clone(), namespace)
    }

    async fn write<T, F>(&self, call: impl Fn() -> F + Send) -> Result<T, ClusterError>
    where
        F: Future<Output = kube::Result<T>> + Send,
    {
        if let Some(bucket) = &self.bucket {
            bucket.acquire_one().await;
        }
        self.write_now(call).await
    }

    async fn write_now<T, F>(&self, call: impl Fn() -> F + Send) -> Result<T, ClusterError>
    where
        F: Future<Output = kube::Result<T>> + Send,
    {
        self.call(|| self.leadership.holds(), call).await
    }

    async fn read<T, F>(&self, call: impl Fn() -> F + Send) -> Result<T, ClusterError>
    where
        F: Future<Output = kube::Result<T>> + Send,
    {
        self.call(|| true, call).await
    }

    /// Makes a call, as soon as the server may be asked and if it still `may` be made then.
    async fn call<T, F>(
        &self,
        may: impl Fn() -> bool + Send,
        call: impl Fn() -> F + Send,
    ) -> Result<T, ClusterError>
    where
        F: Future<Output = kube::Result<T>> + Send,
    {
        let mut tries = 1;
        loop {
            self.patience.wait().await;
            if !may() {
                return Err(ClusterError::Unavailable(
                    "this replica does not lead any more".to_owned(),
                ));
            }
            match tokio::time::timeout(CALL_TIMEOUT, call()).await {
                Ok(Err(kube::Error::Api(status)))
                    if status.code == TOO_MANY_REQUESTS && tries < TRIES =>
                {
                    tries += 1;
                }
                Ok(answer) => return Ok(answer?),
                Err(_) => {
                    return Err(ClusterError::Unavailable(
                        "no answer within 30 s".to_owned(),
                    ));
                }
            }
        }
    }
}

fn namespace_of(object: &impl kube::ResourceExt) -> String {
    object.namespace().unwrap_or_default()
}

impl Cluster for KubeCluster {
    async fn create(&self, mirror: &Remediation) -> Result<Remediation, ClusterError> {
        let api = self.mirrors(&namespace_of(mirror));
        let how = PostParams::default();
        self.write(|| api.create(&how, mirror)).await
    }

    async fn replace_status(&self, mirror: &Remediation) -> Result<Remediation, ClusterError> {
        let api = self.mirrors(&namespace_of(mirror));
        let name = kube::ResourceExt::name_any(mirror);
        let how = PostParams::default();
        self.write(|| api.replace_status(&name, &how, mirror)).await
    }

    async fn patch(
        &self,
        namespace: &str,
        name: &str,
        patch: Value,
    ) -> Result<Remediation, ClusterError> {
        let api = self.mirrors(namespace);
        let (how, patch) = (PatchParams::default(), Patch::Merge(patch));
        self.write(|| api.patch(name, &how, &patch)).await
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
        let how = DeleteParams::default().preconditions(fence);
        self.write(|| api.delete(name, &how)).await.map(drop)
    }

    async fn get(&self, namespace: &str, name: &str) -> Result<Remediation, ClusterError> {
        let api = self.mirrors(namespace);
        self.read(|| api.get(name)).await
    }

    async fn get_watch(&self, namespace: &str, name: &str) -> Result<ClusterWatch, ClusterError> {
        let api = self.watches(namespace);
        self.read(|| api.get(name)).await
    }

    async fn replace_watch_status(
        &self,
        watch: &ClusterWatch,
    ) -> Result<ClusterWatch, ClusterError> {
        let api = self.watches(&namespace_of(watch));
        let name = kube::ResourceExt::name_any(watch);
        let how = PostParams::default();
        self.write_now(|| api.replace_status(&name, &how, watch))
            .await
    }

    async fn secret(&self, namespace: &str, name: &str) -> Result<Secret, ClusterError> {
        let api = Api::namespaced(self.client.clone(), namespace);
        self.read(|| api.get(name)).await
    }
}
