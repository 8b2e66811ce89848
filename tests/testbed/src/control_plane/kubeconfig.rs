//! Kubeconfig files: written for this user alone, and read into `kube::Config`s.

use std::{
    fs::OpenOptions,
    io::Write as _,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use k8s_openapi::ByteString;
use kube::{
    Config,
    config::{KubeConfigOptions, Kubeconfig},
};
use serde_json::json;

use super::{error::Error, pki::Identity};

/// A kubeconfig for a user with a client certificate.
pub(super) fn with_certificate(
    server: &str,
    authority: &str,
    user: &Identity,
) -> Result<Kubeconfig, Error> {
    let base64 = |pem: &str| ByteString(pem.as_bytes().to_vec());
    serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "testbed",
        "clusters": [{"name": "testbed", "cluster": {
            "server": server,
            "certificate-authority-data": base64(authority),
        }}],
        "users": [{"name": "testbed", "user": {
            "client-certificate-data": base64(&user.certificate),
            "client-key-data": base64(&user.key),
        }}],
        "contexts": [{"name": "testbed", "context": {"cluster": "testbed", "user": "testbed"}}],
    }))
    .map_err(Error::unreadable("kubeconfig"))
}

/// The current context's cluster of `admin`, for a user with a bearer token and a default namespace.
pub(super) fn with_token(
    admin: &Kubeconfig,
    token: &str,
    namespace: &str,
) -> Result<Kubeconfig, Error> {
    let cluster = admin
        .current_context
        .as_ref()
        .and_then(|name| admin.contexts.iter().find(|context| &context.name == name))
        .and_then(|context| context.context.as_ref())
        .and_then(|context| admin.clusters.iter().find(|c| c.name == context.cluster))
        .ok_or_else(|| Error::unreadable("kubeconfig")("its current context names no cluster"))?;
    serde_json::from_value(json!({
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "operator",
        "clusters": [cluster],
        "users": [{"name": "operator", "user": {"token": token}}],
        "contexts": [{"name": "operator", "context": {
            "cluster": cluster.name, "user": "operator", "namespace": namespace,
        }}],
    }))
    .map_err(Error::unreadable("kubeconfig"))
}

/// Writes a kubeconfig, readable by this user alone.
pub(super) fn write(path: PathBuf, kubeconfig: &Kubeconfig) -> Result<PathBuf, Error> {
    let text = serde_saphyr::to_string(kubeconfig).map_err(Error::unreadable("kubeconfig"))?;
    write_private(&path, &text)?;
    Ok(path)
}

/// Writes a file that this user alone may read.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), Error> {
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(Error::io("write", path))
}

/// Reads a kubeconfig; file names in it become absolute.
pub(super) fn read(path: &Path) -> Result<Kubeconfig, Error> {
    Kubeconfig::read_from(path).map_err(Error::unreadable(&path.display().to_string()))
}

/// A client configuration, without kube's own retries: they would hide what the server answered.
pub(super) async fn config(kubeconfig: Kubeconfig) -> Result<Config, Error> {
    let mut config = Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .map_err(Error::unreadable("kubeconfig"))?;
    config.default_retry = false;
    Ok(config)
}
