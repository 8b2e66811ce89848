//! Where a run took place: the figures mean nothing without it.

use std::{fs, path::Path};

use serde::{Deserialize, Serialize};
use testbed::control_plane::ControlPlane;
use tokio::process::Command;

/// Machine and versions.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Machine {
    pub(crate) cores: usize,
    pub(crate) cpu: String,
    pub(crate) memory_gib: f64,
    pub(crate) kernel: String,
    pub(crate) kubernetes: String,
    /// Where the control plane came from.
    pub(crate) control_plane: String,
    pub(crate) rustc: String,
    pub(crate) go: String,
    pub(crate) commit: String,
    pub(crate) operator: String,
}

impl Machine {
    pub(crate) async fn look(control_plane: &ControlPlane, operator: &Path) -> Self {
        Self {
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            cpu: field("/proc/cpuinfo", "model name"),
            memory_gib: field("/proc/meminfo", "MemTotal")
                .trim_end_matches(" kB")
                .parse::<f64>()
                .map_or(0.0, |kib| (kib / 1024.0 / 102.4).round() / 10.0),
            kernel: text("/proc/sys/kernel/osrelease"),
            kubernetes: control_plane.version().to_owned(),
            control_plane: control_plane.way().to_string(),
            rustc: output_of("rustc", &["--version"]).await,
            go: output_of("go", &["version"]).await,
            commit: commit().await,
            operator: build(operator).await,
        }
    }
}

/// The commit; `+` after it: with changes that are in no commit.
pub(crate) async fn commit() -> String {
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let dirty = output_of("git", &["-C", root, "status", "--porcelain"]).await;
    let mut commit = output_of("git", &["-C", root, "rev-parse", "--short=12", "HEAD"]).await;
    if !dirty.is_empty() {
        commit.push('+');
    }
    commit
}

/// The version of an operator and how it was built.
pub(crate) async fn build(operator: &Path) -> String {
    let version = output_of(&operator.to_string_lossy(), &["--version"]).await;
    let profile = operator.parent().and_then(Path::file_name);
    let profile = profile.unwrap_or_default().to_string_lossy();
    format!("{version}, {profile} build")
}

/// Runnable processes, on average over the last minute.
pub(crate) fn load() -> f64 {
    let text = text("/proc/loadavg");
    let first = text.split_whitespace().next();
    first.and_then(|load| load.parse().ok()).unwrap_or_default()
}

/// The stdout of a program; empty if there is no such program.
async fn output_of(program: &str, args: &[&str]) -> String {
    let output = Command::new(program).args(args).output().await;
    output.map_or_else(
        |_| String::new(),
        |output| String::from_utf8_lossy(&output.stdout).trim().to_owned(),
    )
}

fn text(path: &str) -> String {
    fs::read_to_string(path)
        .unwrap_or_default()
        .trim()
        .to_owned()
}

fn field(path: &str, name: &str) -> String {
    let text = text(path);
    let line = text.lines().find(|line| line.starts_with(name));
    let value = line.and_then(|line| line.split_once(':'));
    value.map_or_else(String::new, |(_, value)| value.trim().to_owned())
}
