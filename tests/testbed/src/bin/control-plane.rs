//! Starts a control plane, prints the way to it, and holds it until SIGINT or SIGTERM.

use std::process::ExitCode;

use testbed::control_plane::{ControlPlane, Way};
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
    // The one argument names a way for who wants a certain one.
    let control_plane = match std::env::args().nth(1).as_deref() {
        Some("kind") => ControlPlane::start_with(Way::Kind).await?,
        Some("go") => ControlPlane::start_with(Way::GoBuild).await?,
        _ => ControlPlane::start().await?,
    };
    println!("export KUBECONFIG={}", control_plane.kubeconfig().display());
    tokio::select! {
        _ = tokio::signal::ctrl_c() => {}
        _ = terminated.recv() => {}
    }
    control_plane.stop().await;
    Ok(())
}
