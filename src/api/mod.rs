//! The two kinds, `ClusterWatch` and `Remediation`, and their CRDs.

pub mod cluster_watch;
pub mod conditions;
mod crd;
pub mod duration;
pub mod limits;
pub mod published;
mod readable;
pub mod reason;
pub mod remediation;
mod rules;
mod schema;
pub mod timestamp;

pub use crd::{crds, crds_yaml};
pub use reason::Reason;

/// API group of both kinds, and the prefix of the project's labels and annotations.
pub const GROUP: &str = "compute.together.ai";

/// The only version of both kinds.
pub const VERSION: &str = "v1alpha1";
