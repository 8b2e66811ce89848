//! `cargo perf`: measures the operator side by side with tight clients and with a script, and writes down what it found.

mod ceiling;
mod client;
mod machine;
mod observe;
mod operator;
mod process;
mod report;
mod result;
mod rows;
mod run;
mod stage;
mod table;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use tokio::runtime::{Builder, Runtime};

/// Measures the operator on a real control plane against a simulated API.
#[derive(Parser)]
#[command(name = "cargo perf")]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only check that everything works, in under three minutes. The figures are not meaningful
    #[arg(long, conflicts_with = "large")]
    quick: bool,
    /// Measure 100,000 and 300,000 mirrors and the row fleet too
    #[arg(long)]
    large: bool,
    /// Keep the rows that the result file has of this commit and program
    #[arg(long)]
    resume: bool,
    /// Measure only this row. Can be repeated
    #[arg(long)]
    row: Vec<rows::Name>,
    /// Program of the operator (default: cargo builds it)
    #[arg(long)]
    operator: Option<PathBuf>,
    /// File for the result (default: a file in cargo's folder of programs)
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Makes docs/project/benchmarks.md and its plots from result files
    Report {
        /// Result files. If several contain a row, the last one counts
        #[arg(required = true)]
        results: Vec<PathBuf>,
        /// Folder to write into
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"))]
        docs: PathBuf,
    },
    /// The clients that the operator is compared with (the benchmark starts them itself)
    #[command(subcommand, hide = true)]
    Client(client::Client),
}

/// What can go wrong, in words for the person at the terminal.
type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> ExitCode {
    testbed::tls::provide();
    match outcome(Args::parse()) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("perf: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// Whether every row could be measured.
fn outcome(mut args: Args) -> Result<bool, Failure> {
    match args.command.take() {
        Some(Command::Report { results, docs }) => report::write(&results, &docs).map(|()| true),
        // One thread, as the operator has.
        Some(Command::Client(client)) => Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(client.run())
            .map(|()| true),
        None => Runtime::new()?.block_on(Box::pin(run::run(args))),
    }
}

/// A line for who waits.
fn progress(what: &str) {
    println!("    {what}");
}
