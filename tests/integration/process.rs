//! The operator as a process of its own.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
};

use rustix::process::{Pid, Signal, kill_process};
use testbed::api_proxy::ApiProxy;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::{Child, Command},
    task::JoinHandle,
    time::timeout,
};

use crate::{
    fixture::{Fixture, TIMEOUT, until},
    program::PROGRAM,
};

/// Lines of its log that are shown of one that runs when a test fails.
const SHOWN: usize = 30;

/// One that runs; it is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    namespace: String,
    log: Arc<Mutex<Vec<String>>>,
    reading: JoinHandle<()>,
}

impl Drop for Process {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = self.log.lock().unwrap();
            let shown = &log[log.len().saturating_sub(SHOWN)..];
            println!("the operator of {}:\n{}", self.namespace, shown.join("\n"));
        }
    }
}

impl Process {
    /// Starts `run` for one namespace with `flags`. Without a flag the Lease is in the kubeconfig's namespace.
    pub(crate) fn start(kubeconfig: &Path, api_url: &str, namespace: &str, flags: &[&str]) -> Self {
        let mut command = Command::new(PROGRAM);
        command
            .args(["run", "--allow-http", "--api-url", api_url])
            .args(["--namespace", namespace])
            .args(["--admin-addr", "127.0.0.1:0"])
            .args(flags)
            .env_remove("POD_NAMESPACE");
        Self::spawn(command, kubeconfig, namespace)
    }

    /// The same under the operator's account for a fixture's namespace and API.
    pub(crate) async fn of(fixture: &Fixture, flags: &[&str]) -> Self {
        let (account, url) = (fixture.account().await, fixture.simulator.url());
        Self::start(account.kubeconfig(), &url, &fixture.namespace, flags)
    }

    /// The same by way of this proxy.
    pub(crate) fn behind(fixture: &Fixture, proxy: &ApiProxy, flags: &[&str]) -> Self {
        let (kubeconfig, url) = (proxy.account().kubeconfig(), fixture.simulator.url());
        Self::start(kubeconfig, &url, &fixture.namespace, flags)
    }

    /// Starts it with this command line and environment.
    pub(crate) fn spawn(mut command: Command, kubeconfig: &Path, namespace: &str) -> Self {
        let mut child = command
            .env("KUBECONFIG", kubeconfig)
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        let log = Arc::<Mutex<Vec<String>>>::default();
        let lines_read = log.clone();
        let reading = tokio::spawn(async move {
            while let Some(line) = lines.next_line().await.unwrap() {
                lines_read.lock().unwrap().push(line);
            }
        });
        Self {
            child,
            namespace: namespace.to_owned(),
            log,
            reading,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Waits until its log has a line with this text.
    pub(crate) async fn wait_for_log(&self, text: &str) {
        until(&format!("the log contains {text:?}"), async || {
            let log = self.log.lock().unwrap();
            let found = log.iter().any(|line| line.contains(text));
            found.then_some(()).ok_or_else(|| log.join("\n"))
        })
        .await;
    }

    /// Waits until it listens; where its admin server does.
    pub(crate) async fn admin(&self) -> String {
        self.wait_for_log("\"admin\"").await;
        let log = self.log.lock().unwrap();
        let line = log.iter().find(|line| line.contains("\"admin\"")).unwrap();
        let (_, rest) = line.split_once("127.0.0.1:").unwrap();
        let port: String = rest.chars().take_while(char::is_ascii_digit).collect();
        format!("127.0.0.1:{port}")
    }

    /// Waits until it ends, and returns its exit status and its log.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        let ended = timeout(TIMEOUT, self.child.wait()).await;
        let status = ended.expect("it ends").unwrap();
        (&mut self.reading).await.unwrap();
        let log = self.log.lock().unwrap().join("\n");
        (status, log)
    }
}
