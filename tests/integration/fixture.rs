//! One namespace, one simulated API, one operator in this process under its own account.

use std::{collections::BTreeMap, net::SocketAddr, sync::Arc, time::Duration};

use clap::Parser;
use k8s_openapi::api::core::v1::Secret;
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use testbed::{
    control_plane::{ControlPlane, OperatorAccount},
    simulator::Simulator,
};
use together_remediation_operator::{
    api::{
        cluster_watch::{ClusterWatch, ClusterWatchSpec, ClusterWatchStatus, SecretKeyRef},
        remediation::Remediation,
    },
    config::{Cli, Command, Run},
    health::server,
    network::Proxies,
    operator,
};
use tokio::{
    task::JoinHandle,
    time::{Instant, sleep, timeout},
};
use tokio_util::sync::CancellationToken;

use crate::{clock::ManualClock, setup, steps::becomes};

/// The cluster that most tests watch.
pub(crate) const CLUSTER: &str = "0b7c9a52-7d0e-4a39-9c1a-3a1f6a0b7c11";
/// How long a condition may take to come true before the test fails.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(60);

pub(crate) struct Fixture {
    pub(crate) control_plane: ControlPlane,
    pub(crate) simulator: Simulator,
    pub(crate) namespace: String,
    pub(crate) client: Client,
    pub(crate) clock: Arc<ManualClock>,
    operator: Option<Operator>,
    /// The operator's own sleepers: one for each namespace looks for mirrors without a `ClusterWatch`.
    pub(crate) lookouts: usize,
}

struct Operator {
    shutdown: CancellationToken,
    admin: SocketAddr,
    task: JoinHandle<()>,
}

impl Drop for Operator {
    fn drop(&mut self) {
        self.shutdown.cancel();
        self.task.abort();
    }
}

impl Fixture {
    /// A fresh namespace with a good Secret, a simulated API with an empty cluster, and a running operator.
    pub(crate) async fn new(name: &str) -> Self {
        Self::on(setup::control_plane().await, name).await
    }

    pub(crate) async fn on(control_plane: &ControlPlane, name: &str) -> Self {
        let mut fixture = Self::idle_on(control_plane, name).await;
        fixture.start(&[]).await;
        fixture
    }

    /// The same without an operator.
    pub(crate) async fn idle(name: &str) -> Self {
        Self::idle_on(setup::control_plane().await, name).await
    }

    pub(crate) async fn idle_on(control_plane: &ControlPlane, name: &str) -> Self {
        let simulator = Simulator::start().await;
        simulator.add_cluster(CLUSTER);
        let namespace = control_plane.namespace(name).await.unwrap();
        let client = control_plane.admin().unwrap();
        let fixture = Self {
            control_plane: control_plane.clone(),
            simulator,
            namespace,
            client,
            clock: Arc::new(ManualClock::new()),
            operator: None,
            lookouts: 0,
        };
        fixture.put_key(fixture.simulator.key()).await;
        fixture
    }

    /// Starts an operator (again) for this fixture's namespace and those of `more`.
    pub(crate) async fn start(&mut self, more: &[&str]) {
        self.start_with(more, &["--kube-qps", "0"]).await;
    }

    /// The same with these limits of its writes.
    pub(crate) async fn start_with(&mut self, more: &[&str], limits: &[&str]) {
        let account = self.account().await;
        self.start_as(&account, more, limits).await;
    }

    /// The operator's account.
    pub(crate) async fn account(&self) -> OperatorAccount {
        let account = self.control_plane.operator_account(&self.namespace).await;
        account.unwrap()
    }

    /// The same with this way to the cluster.
    pub(crate) async fn start_as(
        &mut self,
        account: &OperatorAccount,
        more: &[&str],
        limits: &[&str],
    ) {
        let url = self.simulator.url();
        let namespaces = [&[self.namespace.as_str()], more].concat().join(",");
        self.lookouts = 1 + more.len();
        let line = format!(
            "together-remediation-operator run --api-url {url} --allow-http --namespace {namespaces} \
             --api-qps 1000 --api-burst 1000 --leader-elect=false --admin-addr 127.0.0.1:0"
        );
        let mut line = [&line.split(' ').collect::<Vec<_>>()[..], limits].concat();
        if !limits.contains(&"--min-interval") {
            line.extend(["--min-interval", "1s"]);
        }
        let flags = flags(line.iter());
        let shutdown = CancellationToken::new();
        let (clock, stop, config) = (self.clock.clone(), shutdown.clone(), account.config());
        let listener = server::bind(flags.admin_addr).await.unwrap();
        let admin = listener.local_addr().unwrap();
        let task = tokio::spawn(async move {
            operator::run(&flags, &Proxies::default(), listener, config, clock, stop)
                .await
                .unwrap();
        });
        self.operator = Some(Operator {
            shutdown,
            admin,
            task,
        });
    }

    /// Stops the operator and waits until it has ended.
    pub(crate) async fn stop(&mut self) {
        let mut operator = self.operator.take().unwrap();
        operator.shutdown.cancel();
        let ended = timeout(TIMEOUT, &mut operator.task).await;
        ended
            .expect("the operator ends when it is stopped")
            .unwrap();
        becomes("no task sleeps on the clock", 0, async || {
            self.clock.sleepers()
        })
        .await;
    }

    /// Where the operator's admin server answers `path`.
    pub(crate) fn admin_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.operator.as_ref().unwrap().admin)
    }

    /// Status and line of the operator's answer to a probe of `path`.
    pub(crate) async fn probe(&self, path: &str) -> (u16, String) {
        let answer = reqwest::get(self.admin_url(path)).await.unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    }

    pub(crate) fn mirrors(&self) -> Api<Remediation> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) fn watches(&self) -> Api<ClusterWatch> {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    pub(crate) async fn delete_secret(&self) {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let now = DeleteParams::default();
        let _ = secrets.delete("together", &now).await.unwrap();
    }

    pub(crate) async fn put_secret(&self, data: &[(&str, &str)], type_: &str) {
        let api: Api<Secret> = Api::namespaced(self.client.clone(), &self.namespace);
        let _ = api.delete("together", &DeleteParams::default()).await;
        let secret = secret(data, type_);
        api.create(&PostParams::default(), &secret).await.unwrap();
    }

    /// Creates a watch of [`CLUSTER`] after `change` has changed its spec.
    pub(crate) async fn watch(
        &self,
        name: &str,
        change: impl FnOnce(&mut ClusterWatchSpec),
    ) -> ClusterWatch {
        let mut spec = spec();
        change(&mut spec);
        self.watches()
            .create(&PostParams::default(), &ClusterWatch::new(name, spec))
            .await
            .unwrap()
    }

    /// Creates a watch named `training` and waits until it is synced.
    pub(crate) async fn synced_watch(
        &self,
        change: impl FnOnce(&mut ClusterWatchSpec),
    ) -> ClusterWatch {
        self.watch("training", change).await;
        self.ready("training", "Synced").await
    }

    /// Merges `patch` into a watch.
    pub(crate) async fn patch_watch(&self, name: &str, patch: serde_json::Value) {
        self.watches()
            .patch(name, &PatchParams::default(), &Patch::Merge(patch))
            .await
            .unwrap();
    }

    /// Waits until Ready of the watch has `reason` for its present generation.
    pub(crate) async fn ready(&self, name: &str, reason: &str) -> ClusterWatch {
        self.watch_where(
            name,
            &format!("Ready has reason {reason}"),
            |status, generation| {
                let ready = status
                    .conditions
                    .iter()
                    .find(|condition| condition.type_ == "Ready");
                ready.is_some_and(|ready| {
                    ready.reason == reason && ready.observed_generation == generation
                })
            },
        )
        .await
    }

    pub(crate) async fn watch_where(
        &self,
        name: &str,
        what: &str,
        predicate: impl Fn(&ClusterWatchStatus, Option<i64>) -> bool,
    ) -> ClusterWatch {
        until(what, || async {
            let watch = self.watches().get(name).await.unwrap();
            let good = watch
                .status
                .as_ref()
                .is_some_and(|status| predicate(status, watch.metadata.generation));
            if good {
                Ok(watch)
            } else {
                Err(format!("{:#?}", watch.status))
            }
        })
        .await
    }

    pub(crate) async fn all(&self) -> Vec<Remediation> {
        self.mirrors()
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
    }

    pub(crate) async fn mirror(&self, name: &str) -> Remediation {
        self.mirrors().get(name).await.unwrap()
    }

    /// Waits until a mirror satisfies `predicate`.
    pub(crate) async fn mirror_where(
        &self,
        name: &str,
        what: &str,
        predicate: impl Fn(&Remediation) -> bool,
    ) -> Remediation {
        until(what, || async {
            match self.mirrors().get_opt(name).await.unwrap() {
                Some(mirror) if predicate(&mirror) => Ok(mirror),
                other => Err(format!(
                    "{:#?}",
                    other.map(|mirror| (mirror.metadata.labels, mirror.status))
                )),
            }
        })
        .await
    }

    /// Name and resourceVersion of each mirror.
    pub(crate) async fn versions(&self) -> BTreeMap<String, String> {
        self.all()
            .await
            .iter()
            .map(|mirror| (mirror.name_any(), mirror.resource_version().unwrap()))
            .collect()
    }
}

/// The flags of `run` on a command line.
pub(crate) fn flags<'a>(line: impl Iterator<Item = &'a &'a str>) -> Run {
    match Cli::try_parse_from(line).unwrap().command {
        Command::Run(flags) => *flags,
        Command::Crds | Command::Probe(_) | Command::Check(_) => unreachable!(),
    }
}

/// The Secret that the watches name.
pub(crate) fn secret(data: &[(&str, &str)], type_: &str) -> Secret {
    let data = data.iter();
    let data = data.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
    let mut secret = Secret {
        string_data: Some(data.collect()),
        type_: Some(type_.to_owned()),
        ..Secret::default()
    };
    secret.metadata.name = Some("together".to_owned());
    secret
}

/// A spec that watches all of [`CLUSTER`].
pub(crate) fn spec() -> ClusterWatchSpec {
    ClusterWatchSpec {
        cluster_id: CLUSTER.to_owned(),
        api_key_secret_ref: SecretKeyRef {
            name: "together".to_owned(),
            ..SecretKeyRef::default()
        },
        interval: Some("60s".to_owned()),
        active_interval: Some("15s".to_owned()),
        ..ClusterWatchSpec::default()
    }
}

/// Status and reason of a mirror's condition.
pub(crate) fn mirror_condition(mirror: &Remediation, type_: &str) -> [String; 2] {
    let status = mirror.status.as_ref();
    let mut conditions = status.into_iter().flat_map(|status| &status.conditions);
    let found = conditions.find(|condition| condition.type_ == type_);
    found
        .map(|condition| [condition.status.clone(), condition.reason.clone()])
        .unwrap_or_default()
}

/// Asks until the answer is `Ok`; fails the test with the last `Err` when that takes too long.
pub(crate) async fn until<T, F: Future<Output = Result<T, String>>>(
    what: &str,
    ask: impl Fn() -> F,
) -> T {
    within(TIMEOUT, what, ask).await
}

/// The same with this time limit.
pub(crate) async fn within<T, F: Future<Output = Result<T, String>>>(
    limit: Duration,
    what: &str,
    ask: impl Fn() -> F,
) -> T {
    let begun = Instant::now();
    loop {
        // An answer that never comes must not hide which condition was waited for.
        let asked = timeout(limit + TIMEOUT, ask()).await;
        let asked = asked.unwrap_or_else(|_| panic!("no answer: {what}"));
        match asked {
            Ok(answer) => return answer,
            Err(last) => assert!(
                begun.elapsed() < limit,
                "not within {limit:?}: {what}; last seen: {last}"
            ),
        }
        sleep(Duration::from_millis(25)).await;
    }
}
