//! Flux's kustomize-controller, a process on loopback as an administrator of the test's control plane.

use std::{fs, path::PathBuf};

use tempfile::TempDir;
use testbed::{control_plane::ControlPlane, drift::file, program::Program, tools::Tool};
use tokio::process::Command;

use crate::gitops::loopback::{answers, free};

pub(super) struct Controller {
    home: TempDir,
    _program: Program,
}

impl Controller {
    /// Starts it. `None`, and the test is noted as not run, where this machine has none.
    pub(super) async fn start(control_plane: &ControlPlane) -> Option<Self> {
        let program = Tool::KustomizeController.find_or_note()?;
        let manifest = fs::read_to_string(file("tests/testbed/manifests/flux.yaml")).unwrap();
        control_plane.apply(&manifest).await.unwrap();
        let home = tempfile::tempdir().unwrap();
        let health = free();
        let mut command = Command::new(program);
        command
            .args(["--health-addr", &health, "--metrics-addr", &free()])
            // How soon it looks again for what it depends on.
            .args(["--requeue-dependency", "1s"])
            .env("KUBECONFIG", control_plane.kubeconfig())
            .env("HOME", home.path())
            .env("TMPDIR", home.path());
        let program = Program::start(&command, log(&home)).unwrap();
        answers(&format!("http://{health}/readyz")).await;
        Some(Self {
            home,
            _program: program,
        })
    }
}

fn log(home: &TempDir) -> PathBuf {
    home.path().join("kustomize-controller.log")
}

impl Drop for Controller {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(log(&self.home)).unwrap_or_default();
            let lines: Vec<&str> = log.lines().collect();
            let last = &lines[lines.len().saturating_sub(20)..];
            println!("kustomize-controller:\n{}", last.join("\n"));
        }
    }
}
