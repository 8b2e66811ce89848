//! The port to the Lease.

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::{
    Api, Client,
    api::{ObjectMeta, PostParams},
};

use crate::k8s::error::KubeApiError;

/// The requests of the election. They have no timeout of their own: the election sets it.
pub trait Leases: Send + Sync {
    /// Reads the Lease; `None` if it does not exist.
    fn get(&self) -> impl Future<Output = Result<Option<Lease>, KubeApiError>> + Send;
    /// Creates it; [`KubeApiError::Conflict`] if another replica did.
    fn create(&self, spec: LeaseSpec) -> impl Future<Output = Result<Lease, KubeApiError>> + Send;
    /// Replaces it if it still has the resourceVersion of `lease`, otherwise [`KubeApiError::Conflict`].
    fn replace(&self, lease: &Lease) -> impl Future<Output = Result<Lease, KubeApiError>> + Send;
}

/// The Lease in the real cluster.
pub struct KubeLeases {
    api: Api<Lease>,
    name: String,
}

impl KubeLeases {
    /// The Lease of this name.
    #[must_use]
    pub fn new(client: Client, namespace: &str, name: &str) -> Self {
        Self {
            api: Api::namespaced(client, namespace),
            name: name.to_owned(),
        }
    }
}

impl Leases for KubeLeases {
    async fn get(&self) -> Result<Option<Lease>, KubeApiError> {
        Ok(self.api.get_opt(&self.name).await?)
    }

    async fn create(&self, spec: LeaseSpec) -> Result<Lease, KubeApiError> {
        let lease = Lease {
            metadata: ObjectMeta {
                name: Some(self.name.clone()),
                ..ObjectMeta::default()
            },
            spec: Some(spec),
        };
        let created = self.api.create(&PostParams::default(), &lease).await;
        created.map_err(KubeApiError::of_creation)
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, KubeApiError> {
        let params = PostParams::default();
        Ok(self.api.replace(&self.name, &params, lease).await?)
    }
}
