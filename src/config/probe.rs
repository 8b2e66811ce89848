//! The flags of `probe`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// The flags of `probe`.
#[derive(Debug, Args)]
#[expect(
    clippy::doc_markdown,
    reason = "help prints them as they are, and backticks help no reader of a terminal"
)]
pub struct Probe {
    /// Id of the cluster in the Together API
    #[arg(long, value_name = "ID", required_unless_present = "from")]
    pub cluster_id: Option<String>,

    /// Id of a single instance (default: all instances of the cluster, also written as "-")
    #[arg(long, value_name = "ID")]
    pub instance_id: Option<String>,

    /// File that contains the API key (default: the environment variable TOGETHER_API_KEY)
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,

    /// Use the spec and the API key of this ClusterWatch, which is read from Kubernetes with its Secret
    #[arg(
        long,
        value_name = "clusterwatch/NAME",
        conflicts_with_all = ["cluster_id", "instance_id", "api_key_file"]
    )]
    pub from: Option<String>,

    /// Namespace of the ClusterWatch of --from (default: the namespace of the kubeconfig's context)
    // clap does not enforce `requires` where what is required conflicts with another argument.
    #[arg(short, long, requires = "from", conflicts_with = "cluster_id", value_parser = super::namespace)]
    pub namespace: Option<String>,

    /// Base URL of the Together API. If its path is empty, /v1 is added
    #[arg(
        long,
        env = "TOGETHER_BASE_URL",
        hide_env_values = true,
        default_value = super::API_URL
    )]
    pub api_url: String,

    /// Allow http:// in --api-url (for development)
    #[arg(long)]
    pub allow_http: bool,

    /// Output format
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,

    /// Show the ids of the cluster, instances and remediations. Without this flag, the output contains no ids
    #[arg(long)]
    pub show_ids: bool,
}

/// Output format of `probe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// Human-readable text.
    Text,
    /// One JSON object.
    Json,
}
