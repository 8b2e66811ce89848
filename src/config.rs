//! The command line.

mod annotation;
mod environment;
mod label;
mod probe;
mod selector;

use std::{net::SocketAddr, time::Duration};

use clap::{
    ArgAction, Args, Parser, Subcommand, ValueEnum,
    error::{ContextKind, ContextValue, ErrorKind},
};
use kube::core::Selector;

pub use environment::parse;
pub use probe::{Output, Probe};

use crate::{api::duration, together::BaseUrl};

/// The base of Together's API, unless another one is given.
const API_URL: &str = "https://api.together.xyz/v1";

/// What the help of `probe` says besides its flags.
const PROBE_KEY: &str = "The API key is read from the file of --api-key-file, else from the environment variable TOGETHER_API_KEY. With --from it is read from the Secret of the ClusterWatch.";

/// What to write for a namespace.
const NAMESPACE: &str = "write a namespace's name: lower-case letters, digits and hyphens";

/// Mirrors the remediations of Together GPU clusters into Kubernetes. It reads Together's API and never approves, starts or cancels a repair.
#[derive(Debug, Parser)]
#[command(version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What the program does.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator
    Run(Box<Run>),
    /// Print the definitions of both kinds as YAML
    Crds,
    /// Ask the Together API once, as run would, and print what was understood: exit 0 if run could mirror it, else 1. It
    /// changes nothing, and the output shows no API key, no person and, without --show-ids, no id
    #[command(after_help = PROBE_KEY)]
    Probe(Probe),
    /// Ask a running operator whether it is ready: exit 0 where it is, 1 where it is not within the time
    Check(Check),
}

/// The flags of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// Its /readyz
    #[arg(value_name = "URL")]
    pub url: String,

    /// How long it may take to become ready
    #[arg(long, default_value = "30s", value_parser = interval, value_name = "DURATION")]
    pub timeout: Duration,
}

/// The flags of `run`.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "help prints them as they are, and backticks help no reader of a terminal"
)]
pub struct Run {
    /// Base of Together's API; where its path is empty, /v1 is added
    #[arg(
        long,
        env = "TOGETHER_BASE_URL",
        hide_env_values = true,
        default_value = API_URL
    )]
    pub api_url: String,

    /// Permit http:// as base (development)
    #[arg(long)]
    pub allow_http: bool,

    /// Watch this namespace only; may be given several times (default: all namespaces)
    #[arg(long = "namespace", env = "WATCH_NAMESPACES", hide_env_values = true, value_delimiter = ',', value_name = "NAMESPACE", value_parser = listed_namespace)]
    pub namespaces: Vec<String>,

    /// Sync only the ClusterWatches with these labels: a shard. Every ClusterWatch must fit exactly one shard
    #[arg(long, value_parser = selector::parse, value_name = "SELECTOR")]
    pub cluster_watch_selector: Option<Selector>,

    /// Annotation that mirrors get when they are created; may be given several times
    #[arg(long = "mirror-annotation", value_parser = annotation::parse, value_name = "KEY=VALUE")]
    pub mirror_annotations: Vec<(String, String)>,

    /// Label that every mirror has, also those that are there already; may be given several times
    #[arg(long = "mirror-label", value_parser = label::parse, value_name = "KEY=VALUE")]
    pub mirror_labels: Vec<(String, String)>,

    /// Time between syncs of a ClusterWatch that names no interval
    #[arg(long, default_value = "60s", value_parser = interval, value_name = "DURATION")]
    pub default_interval: Duration,

    /// Time between syncs while a remediation is open, for a ClusterWatch that names no activeInterval; never above its interval
    #[arg(long, default_value = "15s", value_parser = interval, value_name = "DURATION")]
    pub default_active_interval: Duration,

    /// No ClusterWatch is synced more often than this
    #[arg(long, default_value = "10s", value_parser = interval, value_name = "DURATION")]
    pub min_interval: Duration,

    /// Calls a second to Together's API, for each API key
    #[arg(long, default_value_t = 5.0, value_parser = rate, value_name = "NUMBER")]
    pub api_qps: f64,

    /// Calls to Together's API that may be made at once after a pause, for each API key
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "NUMBER")]
    pub api_burst: u32,

    /// Writes a second to the cluster; 0: no limit
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "NUMBER")]
    pub kube_qps: u32,

    /// Writes to the cluster that may be made at once after a pause
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "NUMBER")]
    pub kube_burst: u32,

    /// Run only while this replica holds a Lease; false: it is the only one
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub leader_elect: bool,

    /// Name of the Lease; each shard needs one of its own
    #[arg(long, default_value = env!("CARGO_PKG_NAME"), value_parser = lease_name, value_name = "NAME")]
    pub lease_name: String,

    /// Namespace of the Lease (default: the service account's, else the kubeconfig's)
    #[arg(long, env = "POD_NAMESPACE", hide_env_values = true, value_parser = namespace)]
    pub lease_namespace: Option<String>,

    /// Where /metrics, /livez and /readyz are served; the default is all addresses, of IPv4 alone where IPv6 is off
    #[arg(long, default_value = "[::]:8080", value_parser = address, value_name = "ADDRESS:PORT")]
    pub admin_addr: SocketAddr,

    /// Form of the log
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// What is logged: error, warn, info, debug, trace, or a filter such as info,kube=debug
    #[arg(long, env = "RUST_LOG", hide_env_values = true, default_value = "info", value_name = "FILTER", value_parser = filter)]
    pub log_level: String,
}

/// Form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

impl Run {
    /// The base of the API.
    ///
    /// # Errors
    /// One line that says what to write instead.
    pub fn base_url(&self) -> Result<BaseUrl, String> {
        BaseUrl::parse(&self.api_url, self.allow_http)
            .map_err(|error| format!("--api-url: {error}"))
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let example = "write a duration of 1s to 24h, such as 60s";
    let parsed = duration::parse(text).map_err(|_| example.to_owned())?;
    if (Duration::from_secs(1)..=Duration::from_secs(86_400)).contains(&parsed) {
        Ok(parsed)
    } else {
        Err(example.to_owned())
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.001..=1_000.0).contains(&rate) => Ok(rate),
        _ => Err("write a number from 0.001 to 1000, such as 5".to_owned()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "write an IP address and a port, such as [::]:8080 or 127.0.0.1:8080".to_owned()
    })
}

fn namespace(text: &str) -> Result<String, String> {
    if is_label(text) {
        Ok(text.to_owned())
    } else {
        Err(NAMESPACE.to_owned())
    }
}

/// One of a list: what is around it is not part of it, and an empty one is dropped by [`parse`].
fn listed_namespace(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Ok(String::new()),
        text => namespace(text),
    }
}

fn lease_name(text: &str) -> Result<String, String> {
    if is_subdomain(text) {
        Ok(text.to_owned())
    } else {
        Err("write an object's name: lower-case letters, digits, hyphens and dots".to_owned())
    }
}

/// Whether it is a DNS subdomain, as Kubernetes wants names.
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Whether it is a DNS label, as Kubernetes wants them.
fn is_label(text: &str) -> bool {
    (1..=63).contains(&text.len())
        && text
            .bytes()
            .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::try_new(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(_) => Err(
            "write error, warn, info, debug or trace, or a filter such as info,kube=debug"
                .to_owned(),
        ),
    }
}

/// What clap says of a wrong command line, in one line.
#[must_use]
pub fn one_line(error: &clap::Error) -> String {
    // What stands where no argument is expected may be a key.
    let unexpected = error.get(ContextKind::InvalidArg);
    if error.kind() == ErrorKind::UnknownArgument
        && matches!(unexpected, Some(ContextValue::String(text)) if !text.starts_with('-'))
    {
        return "unexpected argument. See --help.".to_owned();
    }
    let text = error.to_string();
    let lines = text
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with("Usage:"));
    let lines: Vec<_> = lines
        .map(|line| line.strip_prefix("error: ").unwrap_or(line))
        .collect();
    lines
        .join(" ")
        .replace("For more information, try '--help'.", "See --help.")
}

#[cfg(test)]
mod tests;
