//! `cargo demo`: a control plane, a simulator of Together's API and the operator, on this machine
//! alone, with the remediations moving on screen. `--once` ends by itself and judges the mirror.

mod operator;
mod show;
mod stage;
mod table;
mod words;

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

fn main() -> ExitCode {
    let args = Args::parse();
    let outcome = tokio::runtime::Runtime::new()
        .map_err(Failure::from)
        .and_then(|runtime| {
            let outcome = runtime.block_on(stage::play(args.once));
            // A build in a thread of its own would be waited for; what it started ends with this process.
            runtime.shutdown_background();
            outcome
        });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("demo: {failure}");
            ExitCode::FAILURE
        }
    }
}
