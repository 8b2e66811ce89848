//! Assembles the operator and runs it until it is stopped.

pub mod metrics;

use std::{io, net::SocketAddr, sync::Arc, time::Duration};

use futures::future::join_all;
use kube::Client;
use leaky_bucket::RateLimiter;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::{
    clock::Clock,
    config::{LeaseFlags, Run},
    controller::{
        control,
        metrics::Watches,
        registry::{WorkerFactory, WorkerRegistry},
        shard::Shard,
    },
    events::{Events, Publisher},
    health::{
        crds,
        liveness::{self, Watchdog},
        readiness::Readiness,
        server::{self, Probes},
    },
    k8s::{
        api::{KubeApi, KubeClient},
        error_text::words,
        gate::Gate,
        leadership::Leadership,
        lease::KubeLeases,
        signature,
        throttle::RetryAfterGate,
        watch,
    },
    leader::{
        election_thread::{Election, ElectionThread},
        elector::{Elector, Lost, identity},
    },
    network::{Proxies, proxy::ProxyUrl},
    operator::metrics::Operator,
    store::{Index, reflector::follow, restored::watch_for_restores},
    sync::{Env, credentials::Keys, write::permits::WritePermits},
    together::{self, Service},
};

/// Why the operator stopped or could not start.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The command line is wrong: exit 2.
    #[error("{0}")]
    Usage(String),
    /// No connection to Kubernetes.
    #[error(
        "cannot connect to Kubernetes: {0}. Run the operator with a service account, or outside a cluster set KUBECONFIG"
    )]
    KubeApi(String),
    /// The admin server cannot listen.
    #[error("cannot listen on --admin-addr {0}: {1}. Set another address or port")]
    Admin(SocketAddr, io::Error),
    /// The signal handlers cannot be installed.
    #[error("cannot install signal handlers: {0}")]
    Signals(io::Error),
    /// The client of the Together API cannot be created.
    #[error("cannot create the client of the Together API: {0}")]
    Client(#[from] together::ClientError),
    /// The thread for the leader election cannot be started.
    #[error("cannot start the thread of the leader election: {0}")]
    Thread(#[from] io::Error),
    /// Another replica may lead now.
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// The proxy for requests to the Together API.
///
/// # Errors
/// [`RunError::Usage`] if `--api-url` or the proxy variable in use is not a URL.
pub fn proxy(flags: &Run, proxies: &Proxies) -> Result<Option<ProxyUrl>, RunError> {
    let base = flags.together.base_url().map_err(RunError::Usage)?;
    let proxy = base.proxy(proxies);
    proxy.map_err(|error| RunError::Usage(error.to_string()))
}

fn together_client(flags: &Run, proxies: &Proxies) -> Result<together::Client, RunError> {
    let base = flags.together.base_url().map_err(RunError::Usage)?;
    let limits = flags.rates.together_limits();
    let proxy = proxy(flags, proxies)?;
    Ok(together::Client::new(base, limits, proxy)?)
}

/// Runs the operator with `flags` in the cluster of `kube` until `shutdown`; `admin` serves its probes and metrics.
///
/// # Errors
/// See [`RunError`]. Failures of Kubernetes or the Together API after the start are not errors: they are retried.
pub async fn run(
    flags: &Run,
    proxies: &Proxies,
    admin: TcpListener,
    kube: kube::Config,
    clock: Arc<dyn Clock>,
    shutdown: CancellationToken,
) -> Result<(), RunError> {
    let together = together_client(flags, proxies)?.with_clock(clock.clone());
    let stop = shutdown.child_token();
    let (mut parts, publisher, probes) = assemble(flags, together, kube, clock, stop).await?;
    let address = admin.local_addr().ok();
    tracing::info!(version = env!("CARGO_PKG_VERSION"), admin = ?address, api = %flags.together.api_url, namespaces = ?flags.scope.namespaces, "started");
    let outcome = tokio::select! {
        biased;
        () = shutdown.cancelled() => Ok(()),
        outcome = parts.work(publisher) => outcome,
        () = server::serve(admin, probes) => Ok(()),
    };
    parts.registry.stop().await;
    if let (Ok(()), Some(elector)) = (&outcome, &mut parts.elector) {
        elector.release().await;
    }
    tracing::info!("stopped");
    Ok(outcome?)
}

/// The parts of a running operator.
struct Parts {
    namespaces: Vec<Option<String>>,
    watches: Client,
    readiness: Readiness,
    registry: Arc<WorkerRegistry<KubeClient, together::Client>>,
    elector: Option<ElectionThread>,
}

impl Parts {
    /// Mirrors and publishes until another replica may lead.
    async fn work(&mut self, publisher: Publisher) -> Result<(), Lost> {
        let (watches, readiness) = (&self.watches, &self.readiness);
        crds::until_fit(watches, readiness).await;
        let registry = &self.registry;
        tokio::select! {
            lost = Box::pin(lead(self.elector.as_mut(), registry, readiness)) => Err(lost),
            () = mirror(&self.namespaces, watches, registry, readiness) => Ok(()),
            () = publisher.run() => Ok(()),
        }
    }
}

/// Connects to Kubernetes and assembles the parts.
async fn assemble(
    flags: &Run,
    together: together::Client,
    mut kube: kube::Config,
    clock: Arc<dyn Clock>,
    stop: CancellationToken,
) -> Result<(Parts, Publisher, Probes), RunError> {
    // The operator retries by itself, because it knows which requests are worth repeating.
    kube.default_retry = false;
    // Watches have their own connection, because the API server closes them under many writes on a shared one.
    let watches = watch::client(kube.clone()).map_err(|error| connection_error(&error))?;
    let retry_after = RetryAfterGate::default();
    let writes = retry_after.client(kube.clone());
    let writes = writes.map_err(|error| connection_error(&error))?;
    let namespaces = flags.scope.watched_namespaces();
    let index = Index::new(namespaces.len()).labeling(flags.mirrors.labels());
    let readiness = Readiness::new(index.clone());
    let (leadership, elector) = elected(flags, &kube, &clock, &readiness).await?;

    let watchdog = Watchdog::new(clock.clone(), liveness::stall_timeout(flags.rates.api_qps));
    let meters = Watches::new(clock.clone());
    let (events, publisher) = Events::new(writes.clone(), clock.clone(), leadership.clone());
    let operator = Operator::new(leadership.clone(), events.dropped()).reaching(readiness.clone());
    let probes = Probes {
        watchdog: watchdog.clone(),
        readiness: readiness.clone(),
        metrics: metrics::metrics(operator, &meters, &together),
        panics: meters.panics("admin"),
    };
    let bucket = bucket(flags.rates.kube_qps, flags.rates.kube_burst);
    let kube_api = KubeClient::new(writes, Gate::new(retry_after, bucket, leadership));
    let env = Arc::new(Env {
        kube: kube_api.annotating(flags.mirrors.mirror_annotations.iter().cloned()),
        together,
        index,
        clock,
        events,
        permits: WritePermits::default(),
        keys: Keys::default(),
    });
    let shard = Shard::new(flags.scope.cluster_watch_selector.clone());
    let factory = WorkerFactory::new(env, flags.sync.poll_defaults(), watchdog, meters);
    let parts = Parts {
        namespaces,
        watches,
        readiness,
        registry: Arc::new(WorkerRegistry::new(factory, shard, stop)),
        elector,
    };
    Ok((parts, publisher, probes))
}

/// Whether this replica leads, and the elector that decides it if replicas are elected.
async fn elected(
    flags: &Run,
    kube: &kube::Config,
    clock: &Arc<dyn Clock>,
    readiness: &Readiness,
) -> Result<(Leadership, Option<ElectionThread>), RunError> {
    if !flags.lease.leader_elect {
        return Ok((Leadership::unelected(clock.clone()), None));
    }
    let leadership = Leadership::new(clock.clone());
    let elector = elector(
        &flags.lease,
        kube,
        clock.clone(),
        leadership.clone(),
        readiness,
    )
    .await?;
    Ok((leadership, Some(elector)))
}

/// Mirrors the `namespaces` (`None`: all), and starts over after the CRDs were missing.
async fn mirror<C: KubeApi, T: Service>(
    namespaces: &[Option<String>],
    watches: &Client,
    registry: &Arc<WorkerRegistry<C, T>>,
    readiness: &Readiness,
) {
    let each = |namespace: &Option<String>| {
        let errors = readiness.clone();
        let index = readiness.index().clone();
        let follow = follow(watches.clone(), namespace.clone(), index, move || {
            errors.report_watch_error();
        });
        let (namespace, registry) = (namespace.clone(), registry.clone());
        let control = control(watches.clone(), namespace, registry, readiness.clone());
        async move {
            tokio::select! {
                () = follow => {}
                () = control => {}
            }
        }
    };
    loop {
        tokio::select! {
            () = crds::until_unfit(watches, readiness) => {}
            _ = join_all(namespaces.iter().map(each)) => return,
            () = watch_for_restores(watches.clone(), namespaces, readiness.index()) => return,
        }
        // Mirrors in the index may no longer exist.
        registry.pause().await;
        readiness.index().forget(namespaces.len());
        crds::until_fit(watches, readiness).await;
    }
}

/// Acquires leadership and holds it until it is lost. A single replica leads forever.
pub(crate) async fn lead<C: KubeApi, T: Service>(
    elector: Option<&mut impl Election>,
    registry: &WorkerRegistry<C, T>,
    readiness: &Readiness,
) -> Lost {
    let Some(elector) = elector else {
        registry.lead();
        return std::future::pending().await;
    };
    // A replica that knows nothing yet must not take the Lease from one that does.
    readiness.filled().await;
    if let Err(lost) = elector.acquire().await {
        return lost;
    }
    registry.lead();
    elector.keep().await
}

/// The Lease's namespace, and both its namespace and name.
fn lease<'a>(flags: &'a LeaseFlags, kube: &'a kube::Config) -> (&'a str, String) {
    let namespace = flags.namespace_or(&kube.default_namespace);
    (namespace, format!("{namespace}/{}", flags.lease_name))
}

/// The elector on its own thread, because a busy runtime must not lose the Lease.
async fn elector(
    flags: &LeaseFlags,
    kube: &kube::Config,
    clock: Arc<dyn Clock>,
    leadership: Leadership,
    readiness: &Readiness,
) -> Result<ElectionThread, RunError> {
    let (namespace, lease) = lease(flags, kube);
    let (kube, namespace, name) = (kube.clone(), namespace.to_owned(), flags.lease_name.clone());
    let (name_of_lease, shared) = (lease.clone(), leadership.clone());
    let (known, rewound) = (readiness.clone(), readiness.index().clone());
    let make = move || {
        // Its own connection, so that renewals do not queue behind writes.
        let client = signature::client(kube).map_err(|error| connection_error(&error))?;
        let leases = KubeLeases::new(client, &namespace, &name);
        let elector = Elector::new(leases, name_of_lease, identity(), clock, shared);
        Ok(elector.guarded(move || known.is_filled(), move || rewound.rewound(None)))
    };
    ElectionThread::start(lease, leadership, make).await
}

fn connection_error(error: &kube::Error) -> RunError {
    RunError::KubeApi(words(error))
}

fn bucket(qps: u32, burst: u32) -> Option<Arc<RateLimiter>> {
    let turn = Duration::from_secs(1).checked_div(qps)?;
    let (max, burst) = (burst as usize, burst as usize);
    Some(Arc::new(
        RateLimiter::builder()
            .max(max)
            .initial(burst)
            .refill(1)
            .interval(turn)
            .build(),
    ))
}
