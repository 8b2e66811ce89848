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

/// The error for a value that is not a namespace's name.
const NAMESPACE: &str = "must be a namespace's name: lower-case letters, digits and hyphens";

/// Mirrors the remediations of Together GPU clusters into Kubernetes. It only reads the Together API: it never
/// approves, starts or cancels a remediation.
#[derive(Debug, Parser)]
#[command(version, about, disable_help_subcommand = true)]
pub struct Cli {
    /// The subcommand.
    #[command(subcommand)]
    pub command: Command,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the operator
    Run(Box<Run>),
    /// Print the CRDs of both kinds as YAML
    Crds,
    /// Ask the Together API once, as run would, and print what was understood: exit 0 if run could mirror it, else 1. It
    /// changes nothing, and the output shows no API key, no person and, without --show-ids, no id
    #[command(after_help = PROBE_KEY)]
    Probe(Probe),
    /// Check whether a running operator is ready. Exits 0 if it is, or 1 if it is not ready in time
    Check(Check),
}

/// The flags of `check`.
#[derive(Debug, Args)]
pub struct Check {
    /// URL of the operator's /readyz
    #[arg(value_name = "URL")]
    pub url: String,

    /// How long to wait for the operator to become ready
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
    /// Base URL of the Together API. If its path is empty, /v1 is added
    #[arg(
        long,
        env = "TOGETHER_BASE_URL",
        hide_env_values = true,
        default_value = API_URL
    )]
    pub api_url: String,

    /// Allow http:// in --api-url (for development)
    #[arg(long)]
    pub allow_http: bool,

    /// Watch only this namespace. Can be repeated; the environment variable takes a comma-separated list (default: all
    /// namespaces)
    #[arg(long = "namespace", env = "WATCH_NAMESPACES", hide_env_values = true, value_delimiter = ',', value_name = "NAMESPACE", value_parser = listed_namespace)]
    pub namespaces: Vec<String>,

    /// Sync only ClusterWatches that match this label selector: a shard. Every ClusterWatch must match exactly one
    /// shard
    #[arg(long, value_parser = selector::parse, value_name = "SELECTOR")]
    pub cluster_watch_selector: Option<Selector>,

    /// Annotation added to mirrors when they are created. Can be repeated
    #[arg(long = "mirror-annotation", value_parser = annotation::parse, value_name = "KEY=VALUE")]
    pub mirror_annotations: Vec<(String, String)>,

    /// Label set on every mirror, including existing ones. Can be repeated
    #[arg(long = "mirror-label", value_parser = label::parse, value_name = "KEY=VALUE")]
    pub mirror_labels: Vec<(String, String)>,

    /// Time between syncs of a ClusterWatch without spec.interval
    #[arg(long, default_value = "60s", value_parser = interval, value_name = "DURATION")]
    pub default_interval: Duration,

    /// Time between syncs while a remediation is open, for a ClusterWatch without spec.activeInterval. Never exceeds
    /// its interval
    #[arg(long, default_value = "15s", value_parser = interval, value_name = "DURATION")]
    pub default_active_interval: Duration,

    /// Minimum time between syncs of a ClusterWatch
    #[arg(long, default_value = "10s", value_parser = interval, value_name = "DURATION")]
    pub min_interval: Duration,

    /// Requests per second to the Together API, per API key
    #[arg(long, default_value_t = 5.0, value_parser = rate, value_name = "NUMBER")]
    pub api_qps: f64,

    /// Burst of requests to the Together API, per API key
    #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=10_000), value_name = "NUMBER")]
    pub api_burst: u32,

    /// Writes per second to the API server. 0 means no limit
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(0..=100_000), value_name = "NUMBER")]
    pub kube_qps: u32,

    /// Burst of writes to the API server
    #[arg(long, default_value_t = 400, value_parser = clap::value_parser!(u32).range(1..=100_000), value_name = "NUMBER")]
    pub kube_burst: u32,

    /// Write only while this replica holds the Lease. Set to false only if there is one replica
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub leader_elect: bool,

    /// Name of the Lease. Each shard needs its own
    #[arg(long, default_value = env!("CARGO_PKG_NAME"), value_parser = lease_name, value_name = "NAME")]
    pub lease_name: String,

    /// Namespace of the Lease (default: the namespace of the service account, or of the kubeconfig's context)
    #[arg(long, env = "POD_NAMESPACE", hide_env_values = true, value_parser = namespace)]
    pub lease_namespace: Option<String>,

    /// Address for /metrics, /livez and /readyz. The default is all addresses, or only IPv4 if IPv6 is disabled
    #[arg(long, default_value = "[::]:8080", value_parser = address, value_name = "ADDRESS:PORT")]
    pub admin_addr: SocketAddr,

    /// Log format
    #[arg(long, value_enum, default_value_t = LogFormat::Json)]
    pub log_format: LogFormat,

    /// Log level: error, warn, info, debug or trace, or a filter such as info,kube=debug
    #[arg(long, env = "RUST_LOG", hide_env_values = true, default_value = "info", value_name = "FILTER", value_parser = filter)]
    pub log_level: String,
}

/// Log format
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// One JSON object per line
    Json,
    /// Human-readable text
    Text,
}

impl Run {
    /// The base URL of the Together API.
    ///
    /// # Errors
    /// One line that says what to set instead.
    pub fn base_url(&self) -> Result<BaseUrl, String> {
        BaseUrl::parse(&self.api_url, self.allow_http)
            .map_err(|error| format!("--api-url: {error}"))
    }
}

fn interval(text: &str) -> Result<Duration, String> {
    let example = "must be a duration from 1s to 24h, such as 60s";
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
        _ => Err("must be a number from 0.001 to 1000, such as 5".to_owned()),
    }
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        "must be an IP address and a port, such as [::]:8080 or 127.0.0.1:8080".to_owned()
    })
}

fn namespace(text: &str) -> Result<String, String> {
    if is_label(text) {
        Ok(text.to_owned())
    } else {
        Err(NAMESPACE.to_owned())
    }
}

/// One entry of a list: surrounding white space is ignored, and [`parse`] drops empty entries.
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
        Err("must be an object's name: lower-case letters, digits, hyphens and dots".to_owned())
    }
}

/// Whether the text is a DNS subdomain, as Kubernetes requires for names.
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_label)
}

/// Whether the text is a DNS label, as Kubernetes requires for namespaces.
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
            "must be error, warn, info, debug or trace, or a filter such as info,kube=debug"
                .to_owned(),
        ),
    }
}

/// clap's error for a wrong command line, in one line.
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
