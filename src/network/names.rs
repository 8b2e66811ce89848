//! Resolves names by the rules of `/etc/resolv.conf`, the same way in every build. The resolver of musl, which release
//! builds would use, gives up at the first search domain whose server fails, and never searches for names with `ndots`
//! dots.

use std::{
    fs, io,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    path::PathBuf,
    str::FromStr as _,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Duration,
    vec,
};

use futures::{FutureExt, future::BoxFuture};
use hickory_resolver::{
    Hosts, TokioResolver,
    config::{LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts},
    lookup_ip::LookupIp,
    net::runtime::TokioRuntimeProvider,
    proto::{
        op::Query,
        rr::{Name, RecordType},
    },
    system_conf::parse_resolv_conf,
};
use hyper_util::client::legacy::connect::dns;
use reqwest::dns::{Addrs, Resolve, Resolving};
use tokio::time::timeout;
use tower::Service;

/// Timeout of one query, so that a lost packet is sent again within [`LIMIT`].
const QUERY: Duration = Duration::from_secs(1);

/// Timeout of one name. It is shorter than the connect timeout, so that failing name servers are reported as such.
const LIMIT: Duration = Duration::from_secs(4);

/// Why a name has no address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// The name does not exist, or has no address.
    #[error("name not found")]
    NotFound,
    /// The name servers fail or do not respond.
    #[error("name servers failed")]
    Failed,
}

/// Resolves names without a cache, so that the next connection uses a changed address. Clones share sockets.
#[derive(Clone)]
pub struct Resolver {
    files: Arc<Files>,
    known: Arc<Mutex<Option<Known>>>,
}

/// The configuration files.
struct Files {
    resolv_conf: PathBuf,
    hosts: PathBuf,
    /// Port of the name servers.
    port: u16,
}

/// The parsed files. They are read again each time, because they change with the network of a laptop.
struct Known {
    content: [Vec<u8>; 2],
    made: Made,
}

#[derive(Clone)]
struct Made {
    resolver: TokioResolver,
    hosts: Arc<Hosts>,
}

impl Default for Resolver {
    fn default() -> Self {
        Self::new(Files {
            resolv_conf: "/etc/resolv.conf".into(),
            hosts: "/etc/hosts".into(),
            port: 53,
        })
    }
}

impl Resolver {
    fn new(files: Files) -> Self {
        Self {
            files: Arc::new(files),
            known: Arc::default(),
        }
    }

    /// The addresses of `name`, with port 0.
    ///
    /// # Errors
    /// [`LookupError`] if it has none.
    pub async fn addresses(&self, name: &str) -> Result<Vec<SocketAddr>, LookupError> {
        let Made { resolver, hosts } = self.made()?;
        let listed = listed(&hosts, name);
        if !listed.is_empty() {
            return Ok(listed);
        }
        let Ok(found) = timeout(LIMIT, resolver.lookup_ip(name)).await else {
            return Err(LookupError::Failed);
        };
        match found {
            Ok(found) => {
                let addresses: Vec<_> = found.iter().map(|ip| (ip, 0).into()).collect();
                if addresses.is_empty() {
                    return Err(LookupError::NotFound);
                }
                Ok(addresses)
            }
            Err(error) if error.is_no_records_found() => Err(LookupError::NotFound),
            Err(_) => Err(LookupError::Failed),
        }
    }

    fn made(&self) -> Result<Made, LookupError> {
        let read = |path| fs::read(path).unwrap_or_default();
        let content = [read(&self.files.resolv_conf), read(&self.files.hosts)];
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known
            && known.content == content
        {
            return Ok(known.made.clone());
        }
        let resolver = build(&content[0], &self.files).map_err(|_| LookupError::Failed)?;
        let mut hosts = Hosts::default();
        // An invalid line ends the list.
        let _ = hosts.read_hosts_conf(&*content[1]);
        let made = Made {
            resolver,
            hosts: Arc::new(hosts),
        };
        *known = Some(Known {
            content,
            made: made.clone(),
        });
        Ok(made)
    }
}

/// The addresses in the hosts file for `name` itself. They take precedence over those of search domains.
fn listed(hosts: &Hosts, name: &str) -> Vec<SocketAddr> {
    let Ok(name) = Name::from_str(&name.to_lowercase()) else {
        return Vec::new();
    };
    let of_type = |type_| hosts.lookup_static_host(&Query::query(name.clone(), type_));
    let found = [RecordType::A, RecordType::AAAA]
        .into_iter()
        .filter_map(of_type);
    let addresses = found.flat_map(|found| LookupIp::from(found).into_iter().collect::<Vec<_>>());
    addresses.map(|ip| (ip, 0).into()).collect()
}

fn build(resolv_conf: &[u8], files: &Files) -> io::Result<TokioResolver> {
    // Without name servers in the file, one on this host is used.
    let (config, mut options) = parse_resolv_conf(resolv_conf).unwrap_or_else(|_| {
        let local = NameServerConfig::udp_and_tcp(IpAddr::V4(Ipv4Addr::LOCALHOST));
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![local]);
        (config, ResolverOpts::default())
    });
    let mut servers = config.name_servers().to_vec();
    for server in &mut servers {
        for connection in &mut server.connections {
            connection.port = files.port;
        }
    }
    // The host's own domain is not a search domain of the file.
    let config = ResolverConfig::from_parts(None, config.search().to_vec(), servers);
    options.cache_size = 0;
    options.timeout = options.timeout.min(QUERY);
    options.use_hosts_file = ResolveHosts::Never;
    options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
    let mut builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
    *builder.options_mut() = options;
    builder.build().map_err(io::Error::other)
}

impl Resolve for Resolver {
    fn resolve(&self, name: reqwest::dns::Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let addresses = resolver.addresses(name.as_str()).await?;
            let addresses: Addrs = Box::new(addresses.into_iter());
            Ok(addresses)
        })
    }
}

impl Service<dns::Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = LookupError;
    type Future = BoxFuture<'static, Result<Self::Response, LookupError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), LookupError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: dns::Name) -> Self::Future {
        let resolver = self.clone();
        async move { Ok(resolver.addresses(name.as_str()).await?.into_iter()) }.boxed()
    }
}

#[cfg(test)]
mod tests;
