//! Starts a control plane, prints the way to it, and holds it until SIGINT or SIGTERM.

use std::process::ExitCode;

use testbed::control_plane::{ControlPlane, Error, Way, end_progress};
use tokio::signal::unix::{SignalKind, signal};

#[tokio::main]
async fn main() -> ExitCode {
    match hold().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("control-plane: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn hold() -> Result<(), Box<dyn std::error::Error>> {
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let stop_signal = async {
        tokio::select! {
            _ = terminated.recv() => {}
            _ = interrupted.recv() => {}
        }
    };
    tokio::pin!(stop_signal);
    let control_plane = tokio::select! {
        started = start() => started?,
        // A build in a thread of its own would be waited for by a return; what it started ends with this process.
        () = &mut stop_signal => {
            end_progress();
            std::process::exit(1)
        }
    };
    println!("export KUBECONFIG={}", control_plane.kubeconfig().display());
    stop_signal.await;
    control_plane.stop().await;
    Ok(())
}

/// The one argument names a way, for who wants a certain one.
async fn start() -> Result<ControlPlane, Error> {
    match std::env::args().nth(1).as_deref() {
        Some("kind") => ControlPlane::start_with(Way::Kind).await,
        Some("go") => ControlPlane::start_with(Way::GoBuild).await,
        _ => ControlPlane::start().await,
    }
}
