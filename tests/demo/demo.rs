//! `cargo demo`: a control plane, a simulator of Together's API and the operator, on this machine
//! alone, with the remediations moving on screen. `--once` ends by itself and judges the mirror.

mod operator;
mod show;
mod stage;
mod table;

use std::process::ExitCode;

use clap::Parser;

/// Shows the operator at work; needs no account and no cluster.
#[derive(Parser)]
#[command(name = "cargo demo")]
struct Args {
    /// End by itself once every remediation has ended; exit 0 only if the mirror is right.
    #[arg(long)]
    once: bool,
}

/// What can go wrong, in words for the person at the terminal.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    match stage::play(args.once).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("demo: {failure}");
            ExitCode::FAILURE
        }
    }
}
