//! The status of a `ClusterWatch`: built, given a reason, and written when it says something new.

pub mod build;
pub mod late_secret;
pub mod reason;
pub mod writer;
