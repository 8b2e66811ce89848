//! The operator as a process of its own.

use std::{
    path::Path,
    process::{ExitStatus, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::AsyncReadExt,
    process::{Child, Command},
    task::JoinHandle,
};

use crate::program::PROGRAM;

/// One that runs; it is killed when it is dropped.
pub(crate) struct Process {
    child: Child,
    log: JoinHandle<String>,
}

impl Process {
    /// Starts `run` for one namespace with `flags`. Without a flag the Lease is in the kubeconfig's namespace.
    pub(crate) fn start(kubeconfig: &Path, api_url: &str, namespace: &str, flags: &[&str]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["run", "--allow-http", "--api-url", api_url])
            .args(["--namespace", namespace])
            .args(["--admin-addr", "127.0.0.1:0"])
            .args(flags)
            .env("KUBECONFIG", kubeconfig)
            .env_remove("POD_NAMESPACE")
            .env_remove("RUST_LOG")
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut stderr = child.stderr.take().unwrap();
        let log = tokio::spawn(async move {
            let mut log = String::new();
            stderr.read_to_string(&mut log).await.unwrap();
            log
        });
        Self { child, log }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.child.id().unwrap().cast_signed()).unwrap();
        kill_process(pid, signal).unwrap();
    }

    /// How it ended, and what it said.
    pub(crate) async fn ended(mut self) -> (ExitStatus, String) {
        (self.child.wait().await.unwrap(), self.log.await.unwrap())
    }
}
