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
    /// Id of the cluster in Together's API
    #[arg(long, value_name = "ID", required_unless_present = "from")]
    pub cluster_id: Option<String>,

    /// Id of one instance; left out or "-": all instances of the cluster
    #[arg(long, value_name = "ID")]
    pub instance_id: Option<String>,

    /// File that holds the API key (default: the environment variable TOGETHER_API_KEY)
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,

    /// Take the scope and the API key of a ClusterWatch. This reads the ClusterWatch and its Secret from Kubernetes
    #[arg(
        long,
        value_name = "clusterwatch/NAME",
        conflicts_with_all = ["cluster_id", "instance_id", "api_key_file"]
    )]
    pub from: Option<String>,

    /// Namespace of the ClusterWatch of --from (default: the kubeconfig's)
    // clap does not enforce `requires` where what is required conflicts with another argument.
    #[arg(short, long, requires = "from", conflicts_with = "cluster_id", value_parser = super::namespace)]
    pub namespace: Option<String>,

    /// Base of Together's API; where its path is empty, /v1 is added
    #[arg(
        long,
        env = "TOGETHER_BASE_URL",
        hide_env_values = true,
        default_value = super::API_URL
    )]
    pub api_url: String,

    /// Permit http:// as base (development)
    #[arg(long)]
    pub allow_http: bool,

    /// Form of the output
    #[arg(short, long, value_enum, default_value_t = Output::Text)]
    pub output: Output,

    /// Show ids of the cluster, of instances and of remediations. Without this the output holds none
    #[arg(long)]
    pub show_ids: bool,
}

/// Form of the output of `probe`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// One JSON object.
    Json,
}
