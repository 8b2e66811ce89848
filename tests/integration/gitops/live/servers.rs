//! Argo CD's own servers, each a process on loopback as an administrator of the test's control plane.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::PathBuf,
    time::Duration,
};

use serde_json::Value;
use tempfile::TempDir;
use testbed::{control_plane::ControlPlane, drift::file, program::Program, tools::Tool};
use tokio::process::Command;

use crate::gitops::{
    SETTINGS,
    loopback::{answers, free, port},
};

/// Argo CD's image has it and calls it at each commit. These are not signed: it reports nothing about them.
const VERIFY: &str = "git-verify-wrapper.sh";
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

pub(super) struct Servers {
    home: TempDir,
    program: PathBuf,
    kubeconfig: PathBuf,
    redis: String,
    repositories: String,
    api: String,
    controller: Option<Program>,
    others: Vec<Program>,
}

impl Servers {
    /// All but the controller, with the settings of docs/argo-cd. `None`, and the test is noted as not run, where this machine
    /// lacks a program.
    pub(super) async fn start(control_plane: &ControlPlane) -> Option<Self> {
        // Argo CD's repository server runs this Helm.
        let (program, redis, helm) = (
            Tool::ArgoCd.find_or_note()?,
            Tool::Redis.find_or_note()?,
            Tool::Helm4.find_or_note()?,
        );
        let manifest = fs::read_to_string(file("tests/testbed/manifests/argo-cd.yaml")).unwrap();
        control_plane.apply(&manifest).await.unwrap();
        let settings = fs::read_to_string(file(SETTINGS)).unwrap();
        control_plane.apply(&settings).await.unwrap();

        let home = tempfile::tempdir().unwrap();
        for folder in ["bin", "tmp", "tls", "ssh", "plugins"] {
            fs::create_dir(home.path().join(folder)).unwrap();
        }
        symlink(helm, home.path().join("bin/helm")).unwrap();
        let verify = home.path().join("bin").join(VERIFY);
        fs::write(&verify, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&verify, fs::Permissions::from_mode(0o755)).unwrap();

        let mut servers = Self {
            home,
            program,
            kubeconfig: control_plane.kubeconfig().to_owned(),
            redis: free(),
            repositories: free(),
            api: free(),
            controller: None,
            others: Vec::new(),
        };
        let mut memory = Command::new(redis);
        memory.arg(&servers.redis);
        let memory = Program::start(&memory, servers.log("redis")).unwrap();
        let repositories = servers.repositories();
        let api = servers.api();
        servers.others.extend([memory, repositories, api]);
        answers(&format!("http://{}/healthz", servers.api)).await;
        Some(servers)
    }

    fn repositories(&self) -> Program {
        let metrics = free();
        self.run(
            "argocd-repo-server",
            &[
                &["--disable-tls", "--client-ca-path", ""][..],
                &["--address", "127.0.0.1", "--port", port(&self.repositories)],
                &["--metrics-address", "127.0.0.1"],
                &["--metrics-port", port(&metrics)],
            ]
            .concat(),
        )
    }

    fn api(&self) -> Program {
        let metrics = free();
        self.run(
            "argocd-server",
            &[
                &["--namespace", "argocd", "--insecure", "--disable-auth"][..],
                &["--address", "127.0.0.1", "--port", port(&self.api)],
                &["--metrics-address", "127.0.0.1"],
                &["--metrics-port", port(&metrics)],
                &["--repo-server", &self.repositories],
                &["--repo-server-plaintext"],
            ]
            .concat(),
        )
    }

    /// Starts the controller (again), which compares each application again every `resync` seconds, and with nothing else
    /// that happens by itself.
    pub(super) async fn control(&mut self, resync: &str) {
        if let Some(controller) = self.controller.take() {
            controller.stop(STOP_TIMEOUT).await.unwrap();
        }
        let metrics = free();
        self.controller = Some(
            self.run(
                "argocd-application-controller",
                &[
                    &["--namespace", "argocd", "--metrics-port", port(&metrics)][..],
                    &["--app-resync", resync, "--app-resync-jitter", "0"],
                    &["--repo-server", &self.repositories],
                    &["--repo-server-plaintext"],
                ]
                .concat(),
            ),
        );
        answers(&format!("http://{metrics}/healthz")).await;
    }

    fn run(&self, name: &str, flags: &[&str]) -> Program {
        let home = self.home.path();
        let mut path = home.join("bin").into_os_string();
        path.push(":");
        path.push(std::env::var_os("PATH").unwrap_or_default());
        let mut command = Command::new(&self.program);
        command
            .args(flags)
            .args(["--redis", &self.redis])
            .env("ARGOCD_BINARY_NAME", name)
            .env("KUBECONFIG", &self.kubeconfig)
            // `https://kubernetes.default.svc` is then the cluster of the kubeconfig.
            .env("ARGOCD_FAKE_IN_CLUSTER", "true")
            .env("ARGOCD_GPG_ENABLED", "false")
            .env("ARGOCD_TLS_DATA_PATH", home.join("tls"))
            .env("ARGOCD_SSH_DATA_PATH", home.join("ssh"))
            .env("ARGOCD_PLUGINSOCKFILEPATH", home.join("plugins"))
            .env("HOME", home)
            .env("TMPDIR", home.join("tmp"))
            .env("PATH", path);
        Program::start(&command, self.log(name)).unwrap()
    }

    fn log(&self, name: &str) -> PathBuf {
        self.home.path().join(format!("{name}.log"))
    }

    /// What the controller has logged of an application with this message, by all controllers so far.
    pub(super) fn logged(&self, application: &str, message: &str) -> Vec<Value> {
        let log = fs::read_to_string(self.log("argocd-application-controller")).unwrap();
        let lines = log
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        lines
            .filter(|line: &Value| line["application"] == application)
            .filter(|line| {
                line["msg"]
                    .as_str()
                    .unwrap_or_default()
                    .starts_with(message)
            })
            .collect()
    }

    /// The tree of an application, as its page shows it.
    pub(super) async fn tree(&self, application: &str) -> Value {
        let api = &self.api;
        let path = format!("http://{api}/api/v1/applications/{application}/resource-tree");
        let answer = reqwest::get(path).await.unwrap();
        serde_json::from_str(&answer.text().await.unwrap()).unwrap()
    }
}

impl Drop for Servers {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in ["argocd-application-controller", "argocd-repo-server"] {
                let log = fs::read_to_string(self.log(name)).unwrap_or_default();
                let lines: Vec<&str> = log.lines().collect();
                let last = &lines[lines.len().saturating_sub(20)..];
                println!("{name}:\n{}", last.join("\n"));
            }
        }
    }
}
