//! The operator's real binary, as the demo runs it.

use std::path::Path;
use std::time::Duration;

use testbed::program::{Program, target_dir};
use tokio::process::Command;

use super::Failure;

/// From SIGTERM to the end; the operator's own promise is 10 s.
pub(crate) const STOP_TIMEOUT: Duration = Duration::from_secs(12);

/// Starts `program` under this kubeconfig.
pub(crate) fn start(program: &Path, kubeconfig: &Path, api: &str) -> Result<Program, Failure> {
    let mut command = Command::new(program);
    command
        .args(["run", "--allow-http", "--api-url", api])
        .args(["--default-interval", "1s", "--min-interval", "1s"])
        .args(["--namespace", super::stage::NAMESPACE])
        .args(["--admin-addr", "127.0.0.1:0"])
        .env("KUBECONFIG", kubeconfig)
        // Its account holds the Lease in its own namespace, as in a pod.
        .env("POD_NAMESPACE", "together-system");
    let log = target_dir()?.join("demo-operator.log");
    // Each demo has a log of its own.
    let _ = std::fs::remove_file(&log);
    Ok(Program::start(&command, log)?)
}
