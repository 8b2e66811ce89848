//! Together's remediation API on this machine, to try the operator without an account.
//! `GET /control/counters` and the rest of the control interface: see `simulator::control`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use k8s_openapi::jiff::Timestamp;
use testbed::simulator::{Dialect, Names, Simulator, StateForm};

/// How far its clock begins behind the real one.
const BEHIND: Duration = Duration::from_secs(45 * 60);

/// Serves a cluster whose remediations live by themselves.
#[derive(Parser)]
struct Args {
    /// Where to listen.
    #[arg(long, default_value = "127.0.0.1:8081")]
    addr: SocketAddr,
    /// The cluster's id; may be repeated.
    #[arg(long, default_value = "5f0c2f0e-6a3b-4d0a-9a57-0c1de7a91f10")]
    cluster: Vec<String>,
    /// The same seed lives the same life.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Machines of each cluster.
    #[arg(long, default_value_t = 8)]
    machines: usize,
    /// How many times faster than the real clock theirs runs.
    #[arg(long, default_value_t = 60)]
    speed: u32,
    /// Which names of the query's parameters it takes; it ignores others, as the API does.
    #[arg(long, value_enum, default_value_t = Names::Both)]
    names: Names,
    /// How it takes several values of a filter.
    #[arg(long, value_enum, default_value_t = StateForm::Either)]
    state_form: StateForm,
}

#[tokio::main]
async fn main() -> ExitCode {
    let args = Args::parse();
    let prepare = |simulator: &Simulator| {
        simulator.set_dialect(Dialect {
            names: args.names,
            state_form: args.state_form,
            ..Dialect::default()
        });
        // So that nothing happens in the future of those who look: all lives end within 40 minutes.
        simulator.set_clock(Timestamp::now() - BEHIND);
        for (cluster, seed) in args.cluster.iter().zip(args.seed..) {
            simulator.seed_life(cluster, seed, args.machines);
        }
    };
    let simulator = match Simulator::start_at(args.addr, prepare).await {
        Ok(simulator) => simulator,
        Err(error) => {
            eprintln!("cannot listen on {}: {error}", args.addr);
            return ExitCode::FAILURE;
        }
    };
    println!("API       {}", simulator.url());
    println!("API key   {}", simulator.key());
    for cluster in &args.cluster {
        println!("cluster   {cluster}");
    }
    println!("control   {}", simulator.control_url());
    simulator.run_clock(args.speed);
    match testbed::signal::ended().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot wait for a signal: {error}");
            ExitCode::FAILURE
        }
    }
}
