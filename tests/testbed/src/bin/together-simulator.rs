//! Together's remediation API on this machine, to try the operator without an account.
//! `GET /control/counters` and the rest of the control interface: see `simulator::control`.

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use k8s_openapi::jiff::Timestamp;
use testbed::simulator::{Dialect, Endless, Names, Simulator, StateForm, every_tick};

/// How far its clock begins behind the real one: the first remediations take 40 minutes.
const BEHIND: Duration = Duration::from_secs(45 * 60);

/// Serves a cluster whose remediations change by themselves, without an end.
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
    /// How many times as fast as the real clock its clock runs, until it has caught up.
    #[arg(long, default_value_t = 6)]
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
    let mut endless = Endless::new(args.cluster.clone(), args.machines, args.speed, args.seed);
    let prepare = |simulator: &Simulator| {
        simulator.set_dialect(Dialect {
            names: args.names,
            state_form: args.state_form,
            ..Dialect::default()
        });
        simulator.set_clock(Timestamp::now() - BEHIND);
        endless.fill(simulator);
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
    let running = every_tick(|passed| endless.tick(&simulator, passed, Timestamp::now()));
    let ended = tokio::select! {
        ended = testbed::signal::ended() => ended,
        () = running => Ok(()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cannot wait for a signal: {error}");
            ExitCode::FAILURE
        }
    }
}
