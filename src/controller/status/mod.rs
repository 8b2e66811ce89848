//! The status of a `ClusterWatch`: how it is built, which reason it gives, and when it is written.

pub mod build;
pub mod late_secret;
pub mod reason;
pub mod writer;
