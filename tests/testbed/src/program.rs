//! A program of this repository, built and run as a child that never outlives its parent.

use std::{
    ffi::OsStr,
    fs::File,
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    time::Duration,
};

use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, ChildStdin, Command};

/// Becomes the program; beside it, somebody waits for the pipe at our stdin to close, which also happens when the parent is
/// killed, and then sends SIGTERM.
const GUARDED: &str = r#"exec 3<&0
{ cat <&3 >/dev/null; kill -TERM "$$" 2>/dev/null; } &
exec 3<&-
exec "$@" </dev/null"#;
/// Last lines of a log, which usually show why a program ended.
const TAIL: usize = 10;

/// A running program.
pub struct Program {
    child: Child,
    /// Held here, because waiting for a child closes the pipe that it still has.
    pipe: Option<ChildStdin>,
    log: PathBuf,
}

impl Program {
    /// Starts `command`, whose stdin and group are replaced; its output is appended to `log`.
    ///
    /// # Errors
    /// The error of the system.
    pub fn start(command: &Command, log: PathBuf) -> io::Result<Self> {
        let out = File::options().create(true).append(true).open(&log)?;
        let command = command.as_std();
        let mut guarded = Command::new("sh");
        guarded
            .args(["-c", GUARDED, "guarded"])
            .arg(command.get_program())
            .args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => guarded.env(name, value),
                None => guarded.env_remove(name),
            };
        }
        let mut child = guarded
            .stdin(Stdio::piped())
            .stdout(out.try_clone()?)
            .stderr(out)
            .process_group(0)
            .spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe, log })
    }

    /// Its process id; `None` once it has ended.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    /// Where its log goes.
    #[must_use]
    pub fn log(&self) -> &Path {
        &self.log
    }

    /// Waits until it ends by itself, and returns its exit status and the last lines of its log.
    pub async fn ended(&mut self) -> String {
        let status = match self.child.wait().await {
            Ok(status) => status.to_string(),
            Err(error) => error.to_string(),
        };
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().collect();
        let last = lines[lines.len().saturating_sub(TAIL)..].join("\n");
        format!("({status}); its last lines:\n{last}")
    }

    /// Sends SIGTERM and waits for the end, at most `timeout`; then SIGKILL.
    ///
    /// # Errors
    /// [`io::ErrorKind::TimedOut`] if it had to be killed, or the error of the system.
    pub async fn stop(mut self, timeout: Duration) -> io::Result<ExitStatus> {
        self.pipe = None;
        if let Ok(status) = tokio::time::timeout(timeout, self.child.wait()).await {
            return status;
        }
        self.kill().await?;
        Err(io::Error::new(
            io::ErrorKind::TimedOut,
            format!("it did not end within {timeout:?} of SIGTERM"),
        ))
    }

    /// Sends SIGKILL and waits for the end.
    ///
    /// # Errors
    /// The error of the system.
    pub async fn kill(mut self) -> io::Result<ExitStatus> {
        self.signal(Signal::KILL)?;
        self.child.wait().await
    }

    /// Sends a signal; nothing to do where it has ended.
    ///
    /// # Errors
    /// The error of the system.
    pub fn signal(&self, signal: Signal) -> io::Result<()> {
        let id = self.child.id().and_then(|id| i32::try_from(id).ok());
        match id.and_then(Pid::from_raw) {
            Some(id) => Ok(kill_process(id, signal)?),
            None => Ok(()),
        }
    }
}

/// Builds the operator into the running program's profile; cargo's own progress goes to the terminal. With `example`, so that
/// both take the same dependencies and nothing is built twice; else by itself, with the very features that are shipped.
///
/// # Errors
/// If cargo cannot be run or fails.
pub async fn build_operator(example: Option<&str>) -> io::Result<PathBuf> {
    const NAME: &str = "together-remediation-operator";
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--bin", NAME]);
    match example {
        Some(example) => cargo.args(["--example", example]),
        None => cargo.args(["--package", NAME]),
    };
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    // Build scripts such as ring's run again where one of these has changed, and all that depends on them is rebuilt.
    for (name, _) in std::env::vars_os().filter(|(name, _)| is_of_a_package(name)) {
        cargo.env_remove(name);
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let status = cargo.current_dir(root).status().await?;
    if !status.success() {
        return Err(io::Error::other(format!(
            "the operator does not build ({status})"
        )));
    }
    Ok(target_dir()?.join(NAME))
}

/// Whether this is a variable by which cargo describes a package to a program that it runs.
fn is_of_a_package(variable: &OsStr) -> bool {
    let variable = variable.to_string_lossy();
    ["CARGO_PKG_", "CARGO_MANIFEST_"]
        .iter()
        .any(|of| variable.starts_with(of))
        || variable == "OUT_DIR"
}

/// The folder that holds cargo's programs of this profile: a running example is in its `examples`, a program in itself.
///
/// # Errors
/// If the running program is in no such folder.
pub fn target_dir() -> io::Result<PathBuf> {
    let program = std::env::current_exe()?;
    let beside = program.parent();
    let dir = if beside.is_some_and(|dir| dir.ends_with("examples")) {
        beside.and_then(Path::parent)
    } else {
        beside
    };
    dir.map(Path::to_owned)
        .ok_or_else(|| io::Error::other("this program is not in cargo's target folder"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_cargo_sets_for_the_running_package_do_not_reach_another_build() {
        let cases = [
            ("CARGO_PKG_NAME", true),
            ("CARGO_MANIFEST_DIR", true),
            ("OUT_DIR", true),
            ("CARGO", false),
            ("CARGO_HOME", false),
            ("CARGO_TARGET_DIR", false),
            ("CARGO_TERM_COLOR", false),
        ];
        for (variable, expected) in cases {
            assert_eq!(
                is_of_a_package(OsStr::new(variable)),
                expected,
                "{variable}"
            );
        }
    }
}
