//! Which of several replicas writes: leader election by Lease.

pub mod apart;
pub mod decision;
pub mod elector;
mod known_lease;
