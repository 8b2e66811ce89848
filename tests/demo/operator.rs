//! The operator's real binary, built and run as a child.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};

use super::Failure;

/// The name of the program.
const NAME: &str = "together-remediation-operator";
/// The operator's own promise is 10 s.
const PATIENCE: Duration = Duration::from_secs(12);
/// Runs the program until it ends or the pipe at our stdin closes, which also happens when the demo
/// is killed; so no operator is ever left behind.
const GUARDED: &str = r#"exec 3<&0
"$@" </dev/null & program=$!
{ cat <&3 >/dev/null; kill -TERM "$program" 2>/dev/null; } &
exec 3<&-
wait "$program""#;

/// A running operator.
pub(crate) struct Operator {
    child: Child,
    /// Held here, because waiting for a child closes the pipe that it still has.
    pipe: Option<ChildStdin>,
    /// Where its log goes.
    pub(crate) log: PathBuf,
}

/// Builds the program beside this one; cargo's own progress goes to the terminal.
pub(crate) async fn build() -> Result<PathBuf, Failure> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // Together with the demo, so that both take the same dependencies and nothing is built twice.
    cargo.args(["build", "--bin", NAME, "--example", "demo"]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let status = cargo
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .await?;
    if !status.success() {
        return Err(format!("the operator does not build ({status})").into());
    }
    Ok(target_dir()?.join(NAME))
}

impl Operator {
    /// Starts it under this kubeconfig.
    pub(crate) fn start(program: &Path, kubeconfig: &Path, api: &str) -> Result<Self, Failure> {
        let log = target_dir()?.join("demo-operator.log");
        let out = File::create(&log)?;
        let mut child = Command::new("sh")
            .args(["-c", GUARDED, "operator"])
            .arg(program)
            .args(["run", "--allow-http", "--api-url", api])
            .args(["--default-interval", "1s", "--min-interval", "1s"])
            .args(["--namespace", super::stage::NAMESPACE])
            .args(["--admin-addr", "127.0.0.1:0"])
            .env("KUBECONFIG", kubeconfig)
            // Its account holds the Lease in its own namespace, as in a pod.
            .env("POD_NAMESPACE", "together-system")
            .stdin(Stdio::piped())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe, log })
    }

    /// Waits until it ends by itself, which it should not.
    pub(crate) async fn ended(&mut self) -> Failure {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(10)..].join("\n");
        format!("the operator ended ({status}); its last lines:\n{last}").into()
    }

    /// Sends SIGTERM and waits for the end.
    pub(crate) async fn stop(mut self) -> Result<ExitStatus, Failure> {
        self.pipe = None;
        if let Ok(status) = tokio::time::timeout(PATIENCE, self.child.wait()).await {
            return Ok(status?);
        }
        if let Some(id) = self.child.id() {
            let group = format!("-{id}");
            let mut kill = Command::new("kill");
            kill.args(["-KILL", "--", &group]).status().await?;
        }
        Err(format!("the operator did not end within {PATIENCE:?} of SIGTERM").into())
    }
}

/// The folder that holds cargo's programs of this profile: this one is in its `examples`.
fn target_dir() -> Result<PathBuf, Failure> {
    let program = std::env::current_exe()?;
    let dir = program.parent().and_then(Path::parent);
    Ok(dir
        .ok_or("this program is not in cargo's target folder")?
        .to_owned())
}
