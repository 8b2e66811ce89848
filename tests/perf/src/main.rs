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

/// Measures the operator on a real control plane against a simulated API.
#[derive(Parser)]
#[command(name = "cargo perf")]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    /// Only check that everything works, in under three minutes. The figures are not meaningful
    #[arg(long, conflicts_with = "large")]
    quick: bool,
    /// Measure 100,000 mirrors too
    #[arg(long)]
    large: bool,
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

#[tokio::main]
async fn main() -> ExitCode {
    let mut args = Args::parse();
    testbed::tls::provide();
    let outcome = match args.command.take() {
        Some(Command::Report { results, docs }) => report::write(&results, &docs).map(|()| true),
        Some(Command::Client(client)) => client.run().await.map(|()| true),
        None => Box::pin(run::run(args)).await,
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("perf: {failure}");
            ExitCode::FAILURE
        }
    }
}

/// A line for who waits.
fn progress(what: &str) {
    println!("    {what}");
}
