//! Programs that tests run: their exit status and their output.

use std::process::Stdio;

use testbed::{control_plane::ControlPlane, tools::not_run};
use tokio::{io::AsyncWriteExt as _, process::Command};

/// Runs it with this input, and returns whether it succeeded, its stdout and its stderr.
pub(crate) async fn ended(command: &mut Command, input: &str) -> (bool, [String; 2]) {
    let command = command.stdin(Stdio::piped()).stdout(Stdio::piped());
    let child = command.stderr(Stdio::piped()).kill_on_drop(true).spawn();
    let mut child = child.unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let written = async {
        // One that has failed already reads no more.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
    };
    let ((), output) = tokio::join!(written, child.wait_with_output());
    let output = output.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.success(),
        [text(output.stdout), text(output.stderr)],
    )
}

/// Runs it and returns its stdout; if it fails, its stdout and stderr as the error.
pub(crate) async fn output_of(command: &mut Command) -> Result<String, String> {
    match ended(command, "").await {
        (true, [printed, _]) => Ok(printed),
        (false, [printed, complained]) => Err(printed + &complained),
    }
}

/// The control plane's own kubectl, for its cluster. `None`, and the test is noted as not run, where it brings none.
pub(crate) fn kubectl(control_plane: &ControlPlane) -> Option<Command> {
    let Some(program) = control_plane.kubectl() else {
        not_run::note(
            "kubectl",
            "on the PATH, for a cluster that TESTBED_KUBECONFIG names",
        );
        return None;
    };
    let mut kubectl = Command::new(program);
    kubectl.arg("--kubeconfig").arg(control_plane.kubeconfig());
    Some(kubectl)
}
