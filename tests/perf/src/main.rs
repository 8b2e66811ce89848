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
    /// Only whether everything works, in under three minutes; the figures judge nothing
    #[arg(long, conflicts_with = "large")]
    quick: bool,
    /// 100,000 mirrors, too
    #[arg(long)]
    large: bool,
    /// This row only; may be given several times
    #[arg(long)]
    row: Vec<rows::Name>,
    /// A built operator; left out: it is built
    #[arg(long)]
    operator: Option<PathBuf>,
    /// Where the result goes; left out: into the folder of cargo's programs
    #[arg(long)]
    out: Option<PathBuf>,
}

#[derive(Subcommand)]
enum Command {
    /// Makes docs/project/benchmarks.md and its plots from result files
    Report {
        /// What runs have written; of a row that several hold, the last one counts
        #[arg(required = true)]
        results: Vec<PathBuf>,
        /// The folder to write into
        #[arg(long, default_value = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs"))]
        docs: PathBuf,
    },
    /// What the operator is compared with (the benchmark starts these itself)
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
