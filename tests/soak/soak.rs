//! `cargo soak --hours 3`: the operator as a process of its own against a simulated API where much goes wrong, for hours; an
//! auditor looks at random instants and ends it with exit 1 as soon as something shown is neither true nor explained.

mod audits;
mod cast;
mod figures;
mod operator;
mod stage;
mod weather;

use std::{path::PathBuf, process::ExitCode};

use clap::Parser;

/// Looks for false statuses, for leaks, and for an unexpected exit.
#[derive(Parser)]
#[command(name = "cargo soak")]
struct Args {
    /// How long; fractions are fine.
    #[arg(long, default_value_t = 1.0)]
    hours: f64,
    /// The same seed brings the same faults, restarts and looks, at the same times.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// A built operator; left out: it is built.
    #[arg(long)]
    operator: Option<PathBuf>,
    /// Where the operator's log goes; left out: into the folder of cargo's programs.
    #[arg(long)]
    log: Option<PathBuf>,
}

/// What can go wrong, in words for the person at the terminal.
type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> ExitCode {
    match stage::play(Args::parse()).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            println!("SOAK FAILED: {failure}");
            ExitCode::FAILURE
        }
    }
}
