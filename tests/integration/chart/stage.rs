//! A control plane of its own for the releases of each test: parts of the chart are the whole cluster's.

use std::path::Path;

use k8s_openapi::api::{apps::v1::Deployment, core::v1::Namespace};
use kube::{
    Api, Client,
    api::{Patch, PatchParams},
};
use serde_json::json;
use testbed::{control_plane::ControlPlane, tools::Helm as Version};
use together_remediation_operator::api::cluster_watch::ClusterWatchSpec;
use tokio::{process::Command, sync::OnceCell};

use super::{
    helm::{Helm, chart},
    switches::monitors,
};
use crate::{
    fixture::Fixture,
    process::Process,
    program::PROGRAM,
    run::{ended, kubectl},
    setup::crd_files,
};

/// The release that most tests install.
pub(crate) const RELEASE: &str = "together-remediation-operator";

pub(crate) struct Stage {
    pub(crate) control_plane: ControlPlane,
    pub(crate) client: Client,
    pub(crate) helm: Helm,
}

impl Stage {
    /// A cluster without definitions, releases and watches.
    pub(crate) async fn begin(version: Version) -> Option<Self> {
        let helm = Helm::new(version)?;
        Some(Self::on(ControlPlane::start().await.unwrap(), helm))
    }

    fn on(control_plane: ControlPlane, helm: Helm) -> Self {
        // After a change of definitions the API server answers 429 for a moment, also seconds later.
        let mut config = control_plane.admin_config();
        config.default_retry = true;
        Self {
            client: Client::try_from(config).unwrap(),
            helm: helm.with(control_plane.kubeconfig()),
            control_plane,
        }
    }

    /// Each Helm on one control plane, which is without definitions again when the next one begins.
    pub(crate) async fn with_each_helm(test: impl AsyncFn(&Self, Version)) {
        let Some(mut stage) = Self::begin(Version::V3).await else {
            return;
        };
        test(&stage, Version::V3).await;
        let Some(helm) = Helm::new(Version::V4) else {
            return;
        };
        let delete = ["delete", "--ignore-not-found", "--wait", "-f-"];
        stage.kubectl(&delete, &crd_files()).await.unwrap();
        stage.helm = helm.with(stage.control_plane.kubeconfig());
        test(&stage, Version::V4).await;
    }

    /// One for tests that ask what an API server would take, and leave nothing of the whole cluster's behind: it has the
    /// Prometheus operator's kinds, and none of ours.
    pub(crate) async fn shared() -> Option<Self> {
        static SHARED: OnceCell<ControlPlane> = OnceCell::const_new();
        let helm = Helm::new(Version::V4)?;
        let shared = SHARED.get_or_init(async || {
            let control_plane = ControlPlane::start().await.unwrap();
            control_plane.apply(&monitors()).await.unwrap();
            control_plane
        });
        // A client of its own: one lives as long as the test that made it.
        Some(Self::on(shared.await.clone(), helm))
    }

    /// A fresh namespace with Pod Security "restricted".
    pub(crate) async fn restricted(&self, prefix: &str) -> String {
        let name = self.control_plane.namespace(prefix).await.unwrap();
        self.restrict(&name).await;
        name
    }

    /// Sets Pod Security "restricted" for a namespace, which is made where it is not there.
    pub(crate) async fn restrict(&self, name: &str) {
        let namespaces: Api<Namespace> = Api::all(self.client.clone());
        let namespace = json!({
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": name, "labels": {"pod-security.kubernetes.io/enforce": "restricted"}},
        });
        let how = PatchParams::apply("chart").force();
        namespaces
            .patch(name, &how, &Patch::Apply(namespace))
            .await
            .unwrap();
    }

    /// `helm upgrade --install` of the chart in this folder.
    pub(crate) async fn try_install(
        &self,
        release: &str,
        namespace: &str,
        chart: &Path,
        arguments: &[&str],
    ) -> Result<String, String> {
        let chart = chart.to_str().unwrap();
        let line = ["upgrade", "--install", "--reset-values", release, chart];
        let line = [&line[..], &["--namespace", namespace], arguments].concat();
        self.helm.run(&line).await
    }

    /// The same of the chart as it is, which must succeed.
    pub(crate) async fn install(&self, release: &str, namespace: &str, arguments: &[&str]) {
        self.try_install(release, namespace, &chart(), arguments)
            .await
            .unwrap();
    }

    pub(crate) async fn uninstall(&self, release: &str, namespace: &str) {
        let line = ["uninstall", release, "--namespace", namespace, "--wait"];
        self.helm.run(&line).await.unwrap();
    }

    /// What kubectl prints of a server-side apply that changes nothing.
    pub(crate) async fn dry_run(&self, manifest: &str) -> Result<String, String> {
        let line = [
            "apply",
            "--dry-run=server",
            "--validate=strict",
            "--server-side",
            "-f-",
        ];
        self.kubectl(&line, manifest).await
    }

    /// What kubectl prints, with its warnings, or what it complains of.
    pub(crate) async fn kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut kubectl = kubectl(&self.control_plane).unwrap();
        match ended(kubectl.args(arguments), input).await {
            (true, [printed, warned]) => Ok(warned + &printed),
            (false, [_, complained]) => Err(complained),
        }
    }

    /// A namespace with a Secret, and a simulated API with three remediations of which one is open.
    pub(crate) async fn fixture(&self, name: &str) -> Fixture {
        let mut fixture = Fixture::idle_on(&self.control_plane, name).await;
        fixture.client = self.client.clone();
        for (number, state) in [(1, "RUNNING"), (2, "SUCCEEDED"), (3, "FAILED")] {
            fixture.put_in(number, state);
        }
        fixture
    }

    /// Runs what the release's Deployment would run, under its service account.
    pub(crate) async fn operator(&self, deployment: &str, namespace: &str) -> Process {
        let deployments: Api<Deployment> = Api::namespaced(self.client.clone(), namespace);
        let spec = deployments.get(deployment).await.unwrap().spec.unwrap();
        let pod = spec.template.spec.unwrap();
        let account = pod.service_account_name.unwrap();
        let account = self.control_plane.account(namespace, &account).await;
        let mut command = Command::new(PROGRAM);
        command
            .args(pod.containers[0].args.as_deref().unwrap())
            .env("POD_NAMESPACE", namespace);
        Process::spawn(command, account.unwrap().kubeconfig(), namespace)
    }
}

/// Values for a release whose operator runs as a process here against this simulated API, and fast.
pub(crate) fn beside(fixture: &Fixture) -> Vec<String> {
    let values = json!({
        "api": {"url": fixture.simulator.url(), "allowHttp": true, "qps": 1000, "burst": 1000},
        "minInterval": "1s",
        "defaultInterval": "1s",
        "extraArgs": ["--admin-addr=127.0.0.1:0"],
    });
    values
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| format!("--set-json={key}={value}"))
        .collect()
}

/// Has a watch polled as often as may be.
pub(crate) fn fast(spec: &mut ClusterWatchSpec) {
    spec.interval = Some("5s".to_owned());
    spec.active_interval = Some("5s".to_owned());
}

/// A list of arguments for Helm.
pub(crate) fn arguments<'a>(values: &'a [String], more: &[&'a str]) -> Vec<&'a str> {
    values
        .iter()
        .map(String::as_str)
        .chain(more.iter().copied())
        .collect()
}
