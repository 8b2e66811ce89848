//! Connections of the Kubernetes clients. kube's defaults would resolve names with the C library, which fails in some
//! networks, and would use a proxy from the environment for every server.

use std::error::Error;

use hyper::{
    Request, Response, Uri,
    body::Incoming,
    rt::{Read, Write},
};
use hyper_timeout::TimeoutConnector;
use hyper_util::{
    client::legacy::{
        self,
        connect::{
            Connection, HttpConnector,
            proxy::{SocksV5, Tunnel},
        },
    },
    rt::TokioExecutor,
};
use kube::{
    Config,
    client::{Body, ClientBuilder, ConfigExt},
};
use tower::{BoxError, Layer, Service, ServiceExt, util::BoxService};

use crate::network::{Resolver, proxy::ProxyUrl};

type Requests = BoxService<Request<Body>, Response<Incoming>, BoxError>;

/// The start of a client for the server of `config`, through its proxy if it has one.
///
/// # Errors
/// If the configuration is invalid.
pub(super) fn builder(config: Config) -> kube::Result<ClientBuilder<Requests>> {
    let mut http = HttpConnector::new_with_resolver(Resolver::default());
    http.enforce_http(false);
    let Some(proxy) = proxy_of(&config) else {
        return of_connector(config, http);
    };
    let address = proxy.address();
    if proxy.is_socks() {
        let mut socks = SocksV5::new(address, http);
        if let Some((user, password)) = proxy.credentials() {
            socks = socks.with_auth(user, password);
        }
        of_connector(config, socks)
    } else if proxy.is_https() {
        let mut of_proxy = config.clone();
        // The name is that of the server.
        of_proxy.tls_server_name = None;
        let https = of_proxy.rustls_https_connector_with_connector(http)?;
        of_connector(config, authorized(Tunnel::new(address, https), &proxy))
    } else {
        of_connector(config, authorized(Tunnel::new(address, http), &proxy))
    }
}

/// The kubeconfig's reader already checked that this is a proxy URL.
fn proxy_of(config: &Config) -> Option<ProxyUrl> {
    let url = config.proxy_url.as_ref()?;
    ProxyUrl::parse(&url.to_string(), "proxy-url").ok()
}

fn authorized<C>(tunnel: Tunnel<C>, proxy: &ProxyUrl) -> Tunnel<C> {
    match proxy.basic_auth() {
        Some(header) => tunnel.with_auth(header),
        None => tunnel,
    }
}

fn of_connector<C>(config: Config, connector: C) -> kube::Result<ClientBuilder<Requests>>
where
    C: Service<Uri> + Clone + Send + Sync + 'static,
    C::Response: Connection + Read + Write + Send + Unpin + 'static,
    C::Future: Send + 'static,
    C::Error: Error + Send + Sync + 'static,
{
    let mut connector =
        TimeoutConnector::new(config.rustls_https_connector_with_connector(connector)?);
    connector.set_connect_timeout(config.connect_timeout);
    connector.set_read_timeout(config.read_timeout);
    connector.set_write_timeout(config.write_timeout);
    connector.set_reset_reader_on_write(config.reset_reader_on_write);
    let client = legacy::Client::builder(TokioExecutor::new()).build(connector);
    let service = config
        .extra_headers_layer()?
        .layer(client.map_err(BoxError::from));
    let service = match config.auth_layer()? {
        Some(layer) => BoxService::new(layer.layer(service)),
        None => BoxService::new(service),
    };
    let service = BoxService::new(config.base_uri_layer().layer(service));
    Ok(ClientBuilder::new(service, config.default_namespace))
}
