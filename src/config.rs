//! The command line.

mod annotation;
mod environment;
mod label;
mod probe;
mod run;
mod selector;

use std::{net::SocketAddr, time::Duration};

use clap::{
    Args, Parser, Subcommand,
    error::{ContextKind, ContextValue, ErrorKind},
};

pub use environment::parse;
pub use probe::{Output, Probe};
pub use run::{
    LeaseFlags, LogFlags, LogFormat, MirrorFlags, RateFlags, Run, ScopeFlags, SyncFlags,
    TogetherFlags,
};

use crate::api::duration;

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
