//! The program, from its arguments to its exit code.

use std::{env, io, process::ExitCode, sync::Arc};

use tokio::{
    runtime::{Builder, Runtime},
    signal::unix::{SignalKind, signal},
};
use tokio_util::sync::CancellationToken;

use crate::{
    api,
    clock::SystemClock,
    config::{Check, Command, Output, Probe, Run, one_line, parse},
    health::{self, server},
    k8s::kubeconfig::NoCluster,
    network::Proxies,
    operator::{self, RunError},
    probe::{self, NotProbed, report::Report, text},
    telemetry,
};

/// Runs the program with the arguments and environment of the process.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match parse(env::args_os(), |name| env::var_os(name)) {
        Ok(cli) => cli,
        Err(error) if !error.use_stderr() => {
            print!("{error}");
            return ExitCode::SUCCESS;
        }
        Err(error) => return fail(2, &one_line(&error)),
    };
    match cli.command {
        Command::Crds => match crds() {
            Ok(yaml) => {
                print!("{yaml}");
                ExitCode::SUCCESS
            }
            Err(error) => fail(1, &error),
        },
        Command::Probe(flags) => match look(&flags) {
            Ok(report) => show(&report, flags.output),
            Err(error @ NotProbed::Usage(_)) => fail(2, &error.to_string()),
            Err(error) => fail(1, &error.to_string()),
        },
        Command::Check(flags) => match ask(&flags) {
            Ok(line) => {
                println!("{line}");
                ExitCode::SUCCESS
            }
            Err(error) => fail(1, &error),
        },
        Command::Run(flags) => match operate(&flags) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error @ RunError::Usage(_)) => fail(2, &error.to_string()),
            Err(error) => fail(1, &error.to_string()),
        },
    }
}

/// One thread is enough for 500 `ClusterWatches`. Handing work to another thread would cost more than it saves.
fn runtime() -> io::Result<Runtime> {
    Builder::new_current_thread().enable_all().build()
}

fn ask(flags: &Check) -> Result<String, String> {
    let runtime = runtime().map_err(|error| error.to_string())?;
    runtime.block_on(health::probe::until_ready(&flags.url, flags.timeout))
}

fn look(flags: &Probe) -> Result<Report, NotProbed> {
    let proxies = Proxies::from_env(env::var_os);
    let key = env::var_os("TOGETHER_API_KEY");
    let runtime = runtime().map_err(|error| NotProbed::Failed(error.to_string()))?;
    let outcome = runtime.block_on(probe::probe(flags, key, &proxies));
    // A name look-up that hangs must not hold up the end.
    runtime.shutdown_background();
    outcome
}

fn show(report: &Report, output: Output) -> ExitCode {
    match output {
        Output::Text => print!("{}", text::render(report)),
        Output::Json => match serde_json::to_string_pretty(report) {
            Ok(json) => println!("{json}"),
            Err(error) => return fail(1, &error.to_string()),
        },
    }
    ExitCode::from(u8::from(!report.outcome.ok))
}

fn operate(flags: &Run) -> Result<(), RunError> {
    let proxies = Proxies::from_env(env::var_os);
    operator::proxy(flags, &proxies)?;
    telemetry::start(flags.log.log_format, &flags.log.log_level);
    let runtime = runtime().map_err(|error| RunError::KubeApi(error.to_string()))?;
    let outcome = runtime.block_on(async {
        // Installed before anything else. Until then SIGTERM kills the process, or is ignored if it runs as PID 1 of a
        // container.
        let mut terminate = signal(SignalKind::terminate()).map_err(RunError::Signals)?;
        let mut interrupt = signal(SignalKind::interrupt()).map_err(RunError::Signals)?;
        let shutdown = CancellationToken::new();
        let stopping = shutdown.clone();
        tokio::spawn(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            stopping.cancel();
        });
        let listener = server::bind(flags.admin_addr).await;
        let listener = listener.map_err(|error| RunError::Admin(flags.admin_addr, error))?;
        // A kubeconfig may run a credential plugin, which may hang.
        let Some(kube) = shutdown
            .run_until_cancelled(crate::k8s::kubeconfig::infer(&proxies))
            .await
        else {
            return Ok(());
        };
        let kube = kube.map_err(|error| match error {
            NoCluster::Proxy(error) => RunError::Usage(error.to_string()),
            error => RunError::KubeApi(error.to_string()),
        })?;
        let clock = Arc::new(SystemClock::default());
        operator::run(flags, &proxies, listener, kube, clock, shutdown).await
    });
    // A hanging DNS lookup must not delay the exit.
    runtime.shutdown_background();
    outcome
}

fn fail(code: u8, message: &str) -> ExitCode {
    eprintln!("together-remediation-operator: {message}");
    ExitCode::from(code)
}

fn crds() -> Result<String, String> {
    let files = api::crds_yaml().map_err(|error| error.to_string())?;
    Ok(files.into_iter().map(|(_, yaml)| yaml).collect())
}
