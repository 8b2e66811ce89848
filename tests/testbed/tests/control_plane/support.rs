//! Waiting, and looking at processes and containers from outside.

use std::{
    collections::HashMap,
    fs,
    future::Future,
    io::{BufRead as _, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use testcontainers::bollard::{Docker, query_parameters::ListContainersOptionsBuilder};

/// For what takes seconds on a machine that is not busy.
const SOON: Duration = Duration::from_secs(120);

pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    let limited = tokio::time::timeout(SOON, future).await;
    limited.unwrap_or_else(|_| panic!("{what} did not come within {SOON:?}"))
}

/// Waits until `holds`.
pub(crate) async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    soon(what, async {
        while !holds() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    })
    .await;
}

/// The processes whose arguments name a run's folder.
pub(crate) fn naming(dir: &Path) -> Vec<(Pid, String)> {
    let dir = dir.to_str().unwrap();
    fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let pid = Pid::from_raw(entry.file_name().to_str()?.parse().ok()?)?;
            let arguments = fs::read(entry.path().join("cmdline")).ok()?;
            let arguments = String::from_utf8_lossy(&arguments).into_owned();
            arguments.contains(dir).then_some((pid, arguments))
        })
        .collect()
}

pub(crate) fn container_of(dir: &Path) -> String {
    format!("together-testbed-{}", dir.file_name().unwrap().display())
}

pub(crate) async fn containers(name: &str) -> usize {
    let filters = HashMap::from([("name", vec![name])]);
    let options = ListContainersOptionsBuilder::new()
        .all(true)
        .filters(&filters);
    let engine = Docker::connect_with_defaults().unwrap();
    let found = engine.list_containers(Some(options.build())).await;
    found.unwrap().len()
}

/// A process of its own that holds a control plane.
pub(crate) struct Holder {
    child: Child,
    pub(crate) dir: PathBuf,
}

impl Holder {
    pub(crate) fn start(arguments: &[&str]) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_control-plane"))
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let kubeconfig = line.trim().strip_prefix("export KUBECONFIG=");
        let dir = Path::new(kubeconfig.expect("a control plane")).parent();
        let dir = dir.unwrap().to_owned();
        assert!(!naming(&dir).is_empty(), "its guardian runs");
        Self { child, dir }
    }

    /// Ends it by this signal and waits for its end.
    pub(crate) fn end(&mut self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Holder {
    fn drop(&mut self) {
        // Ended already where the test passed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
