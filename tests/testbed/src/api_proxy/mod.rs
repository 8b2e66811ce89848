//! A proxy between one replica of the operator and the API server: it writes down every write as an outside observer sees
//! it, and goes wrong on demand.
//!
//! The replica's own token goes through it, so the replica has its own rights and no others. A write that has reached the
//! proxy goes its way whatever becomes of the replica, as one in the network would. It runs on a thread of its own;
//! dropping it closes its port and every connection.

mod asked;
mod fault;
mod forward;
mod observed;

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::{Client, config::AuthInfo};
use tokio::{
    net::TcpListener,
    runtime::{Builder, Runtime},
};

pub use self::{
    asked::Asked,
    fault::{Fault, RunningFault, Which},
    observed::{Answer, Observed},
};
use self::{fault::Rules, forward::Connections, observed::Book};
use crate::control_plane::{Error, OperatorAccount};

/// A running proxy for one replica.
pub struct ApiProxy {
    account: OperatorAccount,
    shared: Arc<Shared>,
    /// Taken when dropped.
    runtime: Option<Runtime>,
}

/// What handle and connections share.
struct Shared {
    server: Client,
    rules: Rules,
    book: Book,
    connections: Connections,
}

impl Drop for ApiProxy {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl ApiProxy {
    /// Starts one on a free port of 127.0.0.1, before the API server of `account`.
    ///
    /// # Errors
    /// If no port can be had, or the account makes no client.
    pub async fn start(account: &OperatorAccount) -> Result<Self, Error> {
        let io = |source| Error::Io {
            what: "start a proxy before the API server".to_owned(),
            source,
        };
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("api-proxy")
            .enable_all()
            .build()
            .map_err(io)?;
        let server = {
            let mut config = account.config();
            // Each request brings its own.
            config.auth_info = AuthInfo::default();
            let _entered = runtime.enter();
            Client::try_from(config).map_err(|source| Error::Kube {
                what: "a client for the proxy".to_owned(),
                source: Box::new(source),
            })?
        };
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(io)?.into_std().map_err(io)?;
        let address: SocketAddr = listener.local_addr().map_err(io)?;
        let shared = Arc::new(Shared {
            server,
            rules: Rules::default(),
            book: Book::default(),
            connections: Connections::default(),
        });
        runtime.spawn(forward::serve(listener, shared.clone()));
        Ok(Self {
            account: account.through(address)?,
            shared,
            runtime: Some(runtime),
        })
    }

    /// The account whose configuration and kubeconfig lead through this proxy.
    #[must_use]
    pub fn account(&self) -> &OperatorAccount {
        &self.account
    }

    /// From now on `fault` strikes the requests that `fits` picks: `which` selects among them. Where several faults fit,
    /// the one that was given first strikes. It goes on until it is ended.
    pub fn fault(
        &self,
        fault: Fault,
        which: Which,
        fits: impl Fn(&Asked) -> bool + Send + Sync + 'static,
    ) -> RunningFault {
        self.shared.rules.add(fault, which, Box::new(fits))
    }

    /// Every write that came so far, in the order of arrival.
    #[must_use]
    pub fn writes(&self) -> Vec<Observed> {
        self.shared.book.writes()
    }

    /// Breaks every connection, and each new one at once, until [`ApiProxy::restore`]. A write that is under way to the
    /// server arrives; its answer does not.
    pub fn cut(&self) {
        self.shared.connections.cut();
    }

    /// Ends [`ApiProxy::cut`]: new connections are accepted again.
    pub fn restore(&self) {
        self.shared.connections.restore();
    }

    /// Breaks the watches that run now, and nothing else; returns how many.
    #[must_use]
    pub fn cut_watches(&self) -> usize {
        self.shared.connections.cut_watches()
    }
}

/// A lock that a panic elsewhere does not spoil.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
