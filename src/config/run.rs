//! The flags of `run`, in the order of its help.
#![expect(
    clippy::doc_markdown,
    reason = "help prints them as they are, and backticks help no reader of a terminal"
)]

use std::{net::SocketAddr, time::Duration};

use clap::{ArgAction, Args, ValueEnum};
use kube::core::Selector;

use super::{
    API_URL, address, annotation, filter, interval, label, lease_name, listed_namespace, namespace,
    rate, selector,
};
use crate::{
    mirror::labels::FlagLabels,
    sync::schedule::PollDefaults,
    together::{BaseUrl, Limits},
};

/// The flags of `run`.
#[derive(Debug, Args)]
pub struct Run {
    /// Where the Together API is.
    #[command(flatten)]
    pub together: TogetherFlags,

    /// Which ClusterWatches are synced.
    #[command(flatten)]
    pub scope: ScopeFlags,

    /// What is added to the mirrors.
    #[command(flatten)]
    pub mirrors: MirrorFlags,

    /// How often a ClusterWatch is synced.
    #[command(flatten)]
    pub sync: SyncFlags,

    /// How fast requests are sent.
    #[command(flatten)]
    pub rates: RateFlags,

    /// Which of several replicas writes.
    #[command(flatten)]
    pub lease: LeaseFlags,

    /// Address for /metrics, /livez and /readyz. The default is all addresses, or only IPv4 if IPv6 is disabled
    #[arg(long, default_value = "[::]:8080", value_parser = address, value_name = "ADDRESS:PORT")]
    pub admin_addr: SocketAddr,

    /// What is logged, and how.
    #[command(flatten)]
    pub log: LogFlags,
}

/// Where the Together API is.
#[derive(Debug, Args)]
pub struct TogetherFlags {
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
}

impl TogetherFlags {
    /// The base URL of the Together API.
    ///
    /// # Errors
    /// One line that says what to set instead.
    pub fn base_url(&self) -> Result<BaseUrl, String> {
        BaseUrl::parse(&self.api_url, self.allow_http)
            .map_err(|error| format!("--api-url: {error}"))
    }
}

/// Which ClusterWatches are synced.
#[derive(Debug, Args)]
pub struct ScopeFlags {
    /// Watch only this namespace. Can be repeated; the environment variable takes a comma-separated list (default: all
    /// namespaces)
    #[arg(long = "namespace", env = "WATCH_NAMESPACES", hide_env_values = true, value_delimiter = ',', value_name = "NAMESPACE", value_parser = listed_namespace)]
    pub namespaces: Vec<String>,

    /// Sync only ClusterWatches that match this label selector: a shard. Every ClusterWatch must match exactly one
    /// shard
    #[arg(long, value_parser = selector::parse, value_name = "SELECTOR")]
    pub cluster_watch_selector: Option<Selector>,
}

impl ScopeFlags {
    /// Drops the empty entries of a list of namespaces. Returns whether the rest means what was written: a list of empty
    /// entries must not mean all namespaces.
    pub(super) fn drop_empty_namespaces(&mut self) -> bool {
        let named = !self.namespaces.is_empty();
        self.namespaces.retain(|namespace| !namespace.is_empty());
        !(named && self.namespaces.is_empty())
    }

    /// The namespaces to watch; `None` means all.
    #[must_use]
    pub fn watched_namespaces(&self) -> Vec<Option<String>> {
        if self.namespaces.is_empty() {
            return vec![None];
        }
        self.namespaces.iter().cloned().map(Some).collect()
    }
}

/// What is added to the mirrors.
#[derive(Debug, Args)]
pub struct MirrorFlags {
    /// Annotation added to mirrors when they are created. Can be repeated
    #[arg(long = "mirror-annotation", value_parser = annotation::parse, value_name = "KEY=VALUE")]
    pub mirror_annotations: Vec<(String, String)>,

    /// Label set on every mirror, including existing ones. Can be repeated
    #[arg(long = "mirror-label", value_parser = label::parse, value_name = "KEY=VALUE")]
    pub mirror_labels: Vec<(String, String)>,
}

impl MirrorFlags {
    /// The labels of every mirror.
    #[must_use]
    pub fn labels(&self) -> FlagLabels {
        self.mirror_labels.iter().cloned().collect()
    }
}

/// How often a ClusterWatch is synced.
#[derive(Debug, Args)]
pub struct SyncFlags {
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
}

impl SyncFlags {
    /// The intervals of a ClusterWatch without its own, and the shortest of all.
    #[must_use]
    pub const fn poll_defaults(&self) -> PollDefaults {
        PollDefaults {
            default_interval: self.default_interval,
            default_active_interval: self.default_active_interval,
            min_interval: self.min_interval,
        }
    }
}

/// How fast requests are sent.
#[derive(Debug, Args)]
pub struct RateFlags {
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
}

impl RateFlags {
    /// The limits of requests to the Together API.
    #[must_use]
    pub fn together_limits(&self) -> Limits {
        Limits {
            qps: self.api_qps,
            burst: self.api_burst,
            ..Limits::default()
        }
    }
}

/// Which of several replicas writes.
#[derive(Debug, Args)]
pub struct LeaseFlags {
    /// Write only while this replica holds the Lease. Set to false only if there is one replica
    #[arg(long, default_value_t = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true, default_missing_value = "true", value_name = "BOOL")]
    pub leader_elect: bool,

    /// Name of the Lease. Each shard needs its own
    #[arg(long, default_value = env!("CARGO_PKG_NAME"), value_parser = lease_name, value_name = "NAME")]
    pub lease_name: String,

    /// Namespace of the Lease (default: the namespace of the service account, or of the kubeconfig's context)
    #[arg(long, env = "POD_NAMESPACE", hide_env_values = true, value_parser = namespace)]
    pub lease_namespace: Option<String>,
}

impl LeaseFlags {
    /// The namespace of the Lease, which is `default` unless a flag names another.
    #[must_use]
    pub fn namespace_or<'a>(&'a self, default: &'a str) -> &'a str {
        self.lease_namespace.as_deref().unwrap_or(default)
    }
}

/// What is logged, and how.
#[derive(Debug, Args)]
pub struct LogFlags {
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
