//! Which API server to use: that of the kubeconfig, otherwise that of the cluster in which the program runs.

use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig, KubeconfigError},
};
use url::Url;

use crate::network::{
    Proxies,
    proxy::{ProxyError, ProxyUrl},
};

/// Why no API server is known. Contains no part of the kubeconfig except names of entries.
#[derive(Debug, thiserror::Error)]
pub enum NoCluster {
    /// Neither a kubeconfig nor a service account exists.
    #[error("no kubeconfig and no service account found")]
    Nothing,
    /// The kubeconfig exists but is invalid.
    #[error("invalid kubeconfig: {0}")]
    Kubeconfig(String),
    /// A proxy is not a valid URL.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
}

/// Reads the kubeconfig of `KUBECONFIG` or the home directory, otherwise the service account. A kubeconfig's proxy is
/// its own, otherwise the one of `proxies`; a service account has none.
///
/// # Errors
/// [`NoCluster`] says what is missing.
pub async fn infer(proxies: &Proxies) -> Result<Config, NoCluster> {
    match of_kubeconfig(proxies).await {
        Ok(config) => Ok(config),
        Err(error) => Config::incluster().map_err(|_| error),
    }
}

async fn of_kubeconfig(proxies: &Proxies) -> Result<Config, NoCluster> {
    let kubeconfig = Kubeconfig::read().map_err(|error| problem(&error))?;
    configured(kubeconfig, proxies).await
}

async fn configured(mut kubeconfig: Kubeconfig, proxies: &Proxies) -> Result<Config, NoCluster> {
    let proxy = proxy(&mut kubeconfig, proxies)?;
    let config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default()).await;
    let mut config = config.map_err(|error| problem(&error))?;
    // Libraries log this URL.
    if (config.cluster_url.authority()).is_some_and(|authority| authority.as_str().contains('@')) {
        let message =
            "server must not contain a user or password. Set them in the entry of the user";
        return Err(NoCluster::Kubeconfig(message.to_owned()));
    }
    config.proxy_url = proxy.and_then(|proxy| proxy.revealed().parse().ok());
    Ok(config)
}

/// The proxy of the current context's cluster. It is written back in normalized form, because kube parses URLs more
/// strictly.
fn proxy(kubeconfig: &mut Kubeconfig, proxies: &Proxies) -> Result<Option<ProxyUrl>, NoCluster> {
    let present = kubeconfig.current_context.as_deref();
    let mut contexts = kubeconfig.contexts.iter();
    let context = contexts.find(|context| Some(&*context.name) == present);
    let Some(context) = context.and_then(|named| named.context.as_ref()) else {
        return Ok(None);
    };
    let mut clusters = kubeconfig.clusters.iter_mut();
    let cluster = clusters.find(|cluster| cluster.name == context.cluster);
    let Some(cluster) = cluster.and_then(|named| named.cluster.as_mut()) else {
        return Ok(None);
    };
    let own = cluster
        .proxy_url
        .as_deref()
        .map(str::trim)
        .unwrap_or_default();
    let proxy = if own.is_empty() {
        let server = cluster
            .server
            .as_deref()
            .and_then(|server| Url::parse(server).ok());
        server.map_or(Ok(None), |server| proxies.for_kubernetes(&server))?
    } else {
        Some(ProxyUrl::parse(own, "the kubeconfig's proxy-url")?)
    };
    cluster.proxy_url = proxy.as_ref().map(|proxy| proxy.revealed().to_owned());
    Ok(proxy)
}

fn problem(error: &KubeconfigError) -> NoCluster {
    NoCluster::Kubeconfig(match error {
        KubeconfigError::FindPath => return NoCluster::Nothing,
        // kube reads the variable itself, even if it does not apply to this server.
        KubeconfigError::ParseProxyUrl(_) => return ProxyError("HTTPS_PROXY").into(),
        KubeconfigError::ReadConfig(error, _) if error.kind() == std::io::ErrorKind::NotFound => {
            return NoCluster::Nothing;
        }
        KubeconfigError::ReadConfig(_, path) => format!("cannot read {}", path.display()),
        KubeconfigError::CurrentContextNotSet => "no current-context is set".to_owned(),
        KubeconfigError::LoadContext(name) => format!("context {name:?} not found"),
        KubeconfigError::LoadClusterOfContext(name) => format!("cluster {name:?} not found"),
        KubeconfigError::MissingClusterUrl | KubeconfigError::ParseClusterUrl(_) => {
            "server is not a URL".to_owned()
        }
        KubeconfigError::LoadCertificateAuthority(_) | KubeconfigError::ParseCertificates(_) => {
            "certificate-authority contains no certificate".to_owned()
        }
        KubeconfigError::LoadClientCertificate(_) | KubeconfigError::LoadClientKey(_) => {
            "cannot read client-certificate or client-key".to_owned()
        }
        KubeconfigError::Parse(_) => "not a kubeconfig in YAML".to_owned(),
        _ => "its parts are inconsistent".to_owned(),
    })
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_in_the_url_of_the_server_is_refused_and_not_shown() {
        crate::tls::provide();
        for (server, is_refused) in [
            ("https://planted:planted@127.0.0.1:6443", true),
            ("http://planted@127.0.0.1:6443", true),
            ("https://127.0.0.1:6443", false),
        ] {
            let yaml = format!(
                "{{current-context: c, contexts: [{{name: c, context: {{cluster: c, user: u}}}}], clusters: [{{name: c, cluster: {{server: '{server}'}}}}], users: [{{name: u, user: {{}}}}]}}"
            );
            let kubeconfig = Kubeconfig::from_yaml(&yaml).unwrap();
            let config = configured(kubeconfig, &Proxies::default()).await;
            let refused = config.err().map(|error| error.to_string());
            assert_eq!(refused.is_some(), is_refused, "{server}: {refused:?}");
            assert!(!refused.unwrap_or_default().contains("planted"));
        }
    }
}
