//! Waiting until a control plane serves.

use std::time::Duration;

use k8s_openapi::api::core::v1::{ConfigMap, ServiceAccount};
use kube::{Api, Client};

use super::{error::Error, run::Run, wait::until};

/// From the start of the API server to its `/readyz`.
const API_SERVER: Duration = Duration::from_secs(120);
/// From there to the first work of the controllers.
const CONTROLLERS: Duration = Duration::from_secs(120);

/// Waits until the API server reports that it is ready.
pub(super) async fn api_server(run: &mut Run, client: &Client) -> Result<(), Error> {
    until(
        Some(run),
        "the API server's readiness",
        API_SERVER,
        async || {
            let request = http::Request::get("/readyz").body(Vec::new());
            let request = request.map_err(|error| error.to_string())?;
            client.request_text(request).await.map_err(short)
        },
    )
    .await
    .map(drop)
}

/// Waits until the controllers have made what every namespace gets from them.
pub(super) async fn controllers(run: &mut Run, client: &Client) -> Result<(), Error> {
    let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), "default");
    let config_maps: Api<ConfigMap> = Api::namespaced(client.clone(), "default");
    until(
        Some(run),
        "the controllers' first work",
        CONTROLLERS,
        async || {
            accounts.get("default").await.map_err(short)?;
            config_maps.get("kube-root-ca.crt").await.map_err(short)
        },
    )
    .await
    .map(drop)
}

fn short(error: impl std::fmt::Display) -> String {
    error.to_string()
}
