//! Namespaces of one's own, and the account the operator runs under: never the administrator.

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::{Namespace, ServiceAccount},
};
use kube::{
    Api, Client, Config, ResourceExt as _,
    api::{ObjectMeta, PostParams},
    config::Kubeconfig,
};

use super::{apply, error::Error, kubeconfig};

/// The namespace, the account, its rights and their binding.
pub const OPERATOR_RBAC: &str = include_str!("../../manifests/rbac.yaml");
/// As in the manifest.
const NAMESPACE: &str = "together-system";
/// As in the manifest.
const NAME: &str = "together-remediation-operator";
/// Longer than any test or soak runs.
const TOKEN_SECONDS: i64 = 24 * 3600;

/// A service account, mostly the operator's own: what that may do is in `manifests/rbac.yaml`.
#[derive(Clone, Debug)]
pub struct OperatorAccount {
    config: Config,
    kubeconfig: PathBuf,
}

impl OperatorAccount {
    /// A client configuration with the account's token, valid for a day, and without kube's own retries.
    #[must_use]
    pub fn config(&self) -> Config {
        self.config.clone()
    }

    /// The same as a kubeconfig, for a program of its own. It goes away with the control plane.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.kubeconfig
    }

    /// The same account by way of `address`, which takes plain HTTP.
    pub(crate) fn through(&self, address: SocketAddr) -> Result<Self, Error> {
        let mut file = kubeconfig::read(&self.kubeconfig)?;
        let server = format!("http://{address}");
        for cluster in file.clusters.iter_mut().filter_map(|c| c.cluster.as_mut()) {
            cluster.server = Some(server.clone());
        }
        let mut config = self.config();
        config.cluster_url = server.parse().map_err(Error::unreadable("URL"))?;
        let path = self.kubeconfig.with_extension(address.port().to_string());
        Ok(Self {
            config,
            kubeconfig: kubeconfig::write(path, &file)?,
        })
    }
}

/// Applies the operator's account and its rights. The files' default namespace is `namespace`.
pub(super) async fn operator(
    client: &Client,
    admin: &Kubeconfig,
    dir: &Path,
    namespace: &str,
) -> Result<OperatorAccount, Error> {
    apply::apply(client, OPERATOR_RBAC).await?;
    account(client, admin, dir, (NAMESPACE, NAME), namespace).await
}

/// Asks for a token of the account of this namespace and name. The files' default namespace is `namespace`.
pub(super) async fn account(
    client: &Client,
    admin: &Kubeconfig,
    dir: &Path,
    (home, name): (&str, &str),
    namespace: &str,
) -> Result<OperatorAccount, Error> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), home);
    let request = TokenRequest {
        spec: TokenRequestSpec {
            expiration_seconds: Some(TOKEN_SECONDS),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let token = accounts
        .create_token_request(name, &PostParams::default(), &request)
        .await
        .map_err(Error::kube(format!("a token for {home}/{name}")))?
        .status
        .ok_or_else(|| Error::unreadable("token request")("its answer has no status"))?
        .token;
    let file = kubeconfig::with_token(admin, &token, namespace)?;
    let path = kubeconfig::write(
        dir.join(format!("{home}-{name}-{namespace}.kubeconfig")),
        &file,
    )?;
    Ok(OperatorAccount {
        config: kubeconfig::config(file).await?,
        kubeconfig: path,
    })
}

/// A fresh namespace whose name begins with `prefix`.
pub(super) async fn namespace(client: &Client, prefix: &str) -> Result<String, Error> {
    let namespace = Namespace {
        metadata: ObjectMeta {
            generate_name: Some(format!("{prefix}-")),
            ..ObjectMeta::default()
        },
        ..Namespace::default()
    };
    let made = Api::<Namespace>::all(client.clone())
        .create(&PostParams::default(), &namespace)
        .await
        .map_err(Error::kube(format!("a namespace {prefix}-...")))?;
    Ok(made.name_any())
}
