//! A real control plane for tests, benchmarks and the demo: etcd, kube-apiserver and kube-controller-manager with RBAC on.
//!
//! It comes, in this order, from programs that are there (`KUBEBUILDER_ASSETS`, or the cache of an earlier build), from a
//! kind node in a container, or from a build with the Go toolchain; one line on stderr names which. `TESTBED_WAY` forces one of
//! them. Never the user's own cluster, unless `TESTBED_KUBECONFIG` names one. Several can run at once; whatever way a process ends, nothing of its
//! control plane stays for long.

mod account;
mod apply;
mod engine;
mod error;
pub(crate) mod go_build;
mod kind;
mod kubeadm;
mod kubeconfig;
mod outage;
mod pki;
mod plan;
mod processes;
pub(crate) mod programs;
mod progress;
mod ready;
mod requests;
mod restore;
mod run;
mod sweep;
mod wait;
mod way;

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use kube::{Client, Config, config::Kubeconfig};
use tokio::sync::{Mutex, OnceCell};

pub use self::{
    account::{OPERATOR_RBAC, OperatorAccount},
    error::Error,
    plan::Plan,
    progress::{end_progress, print_line},
    requests::{RequestCounts, RequestKind},
    restore::{Revisions, Snapshot},
    way::Way,
};
use self::{kind::Node, run::Run};

/// A running control plane; clones are handles to the same one. It ends with [`ControlPlane::stop`], with its last handle
/// or with the process, whichever comes first.
#[derive(Clone)]
pub struct ControlPlane(Arc<Inner>);

struct Inner {
    way: Way,
    version: String,
    dir: PathBuf,
    run: Mutex<Run>,
    node: Option<Node>,
    admin: Kubeconfig,
    config: Config,
    kubeconfig: PathBuf,
    kubectl: Option<PathBuf>,
}

impl Inner {
    async fn new(
        way: Way,
        run: Run,
        node: Option<Node>,
        kubeconfig: &Path,
        kubectl: Option<PathBuf>,
    ) -> Result<Self, Error> {
        let admin = kubeconfig::read(kubeconfig)?;
        let config = kubeconfig::config(admin.clone()).await?;
        let version = client(config.clone())?
            .apiserver_version()
            .await
            .map_err(Error::kube("the API server's version"))?
            .git_version;
        Ok(Self {
            way,
            version,
            dir: run.dir().to_owned(),
            run: Mutex::new(run),
            node,
            admin,
            config,
            kubeconfig: kubeconfig.to_owned(),
            kubectl,
        })
    }
}

impl From<Inner> for ControlPlane {
    fn from(inner: Inner) -> Self {
        Self(Arc::new(inner))
    }
}

impl ControlPlane {
    /// What [`ControlPlane::start`] would do here, within five seconds and without doing it.
    ///
    /// # Errors
    /// [`Error::NoWay`] with every way and why it cannot be taken; [`Error::Failed`] where the environment contradicts itself
    /// or forces a way that is not possible.
    pub async fn plan() -> Result<Plan, Error> {
        plan::plan().await
    }

    /// Starts one by the first way that works.
    ///
    /// # Errors
    /// [`Error::NoWay`] with every way and why it failed; [`Error::Failed`] as [`ControlPlane::plan`].
    pub async fn start() -> Result<Self, Error> {
        way::first().await
    }

    /// Starts one by this way alone.
    ///
    /// # Errors
    /// Why that way failed.
    pub async fn start_with(way: Way) -> Result<Self, Error> {
        way::take(way).await
    }

    /// The one of this process, started when first asked for.
    ///
    /// # Panics
    /// When none can be had, with every way and why it failed.
    pub async fn shared() -> &'static Self {
        // A failure is kept, too: every test would try all ways again.
        static SHARED: OnceCell<Result<ControlPlane, Error>> = OnceCell::const_new();
        let started = SHARED.get_or_init(Self::start).await;
        started.as_ref().unwrap_or_else(|error| panic!("{error}"))
    }

    /// The way it came by.
    #[must_use]
    pub fn way(&self) -> &Way {
        &self.0.way
    }

    /// The API server's version, such as `v1.37.2`.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.0.version
    }

    /// The folder with its logs and kubeconfigs; it goes away with the control plane.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// The administrator's client configuration, without kube's own retries.
    #[must_use]
    pub fn admin_config(&self) -> Config {
        self.0.config.clone()
    }

    /// A new client for the administrator. One for each test: a client must not outlive the runtime it was made in.
    ///
    /// # Errors
    /// [`Error::Kube`] when the configuration makes no client.
    pub fn admin(&self) -> Result<Client, Error> {
        client(self.admin_config())
    }

    /// The administrator's kubeconfig on disk, readable by this user alone.
    #[must_use]
    pub fn kubeconfig(&self) -> &Path {
        &self.0.kubeconfig
    }

    /// A `kubectl` of this control plane's version; for a named cluster the one on the PATH, where there is one.
    #[must_use]
    pub fn kubectl(&self) -> Option<&Path> {
        self.0.kubectl.as_deref()
    }

    /// Applies YAML of one or many documents by server-side apply, and waits until custom resource definitions serve.
    ///
    /// # Errors
    /// The first document that cannot be read, is refused, or does not come to serve in time.
    pub async fn apply(&self, manifest: &str) -> Result<(), Error> {
        apply::apply(&self.admin()?, manifest).await
    }

    /// A fresh namespace whose name begins with `prefix` (a DNS label of at most 57 characters).
    ///
    /// # Errors
    /// [`Error::Kube`] when the API server refuses it.
    pub async fn namespace(&self, prefix: &str) -> Result<String, Error> {
        account::namespace(&self.admin()?, prefix).await
    }

    /// The operator's own account (`together-remediation-operator` in `together-system`, rights of
    /// `tests/testbed/manifests/rbac.yaml`), with `namespace` as its configuration's default namespace.
    ///
    /// # Errors
    /// [`Error::Kube`] when the API server refuses it.
    pub async fn operator_account(&self, namespace: &str) -> Result<OperatorAccount, Error> {
        account::operator(&self.admin()?, &self.0.admin, self.dir(), namespace).await
    }

    /// The service account `name` of `namespace`, with whatever rights it has.
    ///
    /// # Errors
    /// [`Error::Kube`] when there is none, or the API server refuses a token.
    pub async fn account(&self, namespace: &str, name: &str) -> Result<OperatorAccount, Error> {
        let (admin, id) = (self.admin()?, (namespace, name));
        account::account(&admin, &self.0.admin, self.dir(), id, namespace).await
    }

    /// Where the API server writes, a JSON object a line, what the service accounts of the namespace `audited` ask it;
    /// `None` where it is none of our own processes.
    #[must_use]
    pub fn audit_log(&self) -> Option<PathBuf> {
        let log = self.dir().join(processes::AUDIT_LOG);
        log.exists().then_some(log)
    }

    /// What the API server was asked so far, by all its clients. Take two readings and compare.
    ///
    /// # Errors
    /// [`Error::Kube`] or [`Error::Unreadable`] when its metrics cannot be had.
    pub async fn requests(&self) -> Result<RequestCounts, Error> {
        let request = http::Request::get("/metrics").body(Vec::new());
        let request = request.map_err(Error::unreadable("request"))?;
        let text = self.admin()?.request_text(request).await;
        RequestCounts::parse(&text.map_err(Error::kube("the API server's metrics"))?)
    }

    /// Ends it and waits until its processes, its container and its folder are gone. Does nothing while other handles are
    /// held.
    pub async fn stop(self) {
        if let Ok(inner) = Arc::try_unwrap(self.0) {
            if let Some(node) = inner.node {
                node.remove().await;
            }
            // Fails only where the runtime is shutting down; the guardian then does the rest by itself.
            let _ = tokio::task::spawn_blocking(move || inner.run.into_inner().stop()).await;
        }
    }
}

impl fmt::Debug for ControlPlane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ControlPlane")
            .field("way", self.way())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}

fn client(config: Config) -> Result<Client, Error> {
    Client::try_from(config).map_err(Error::kube("make a client"))
}
