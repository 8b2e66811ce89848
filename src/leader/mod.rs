//! Which of several replicas writes: an election by Lease.

pub mod apart;
pub mod decision;
pub mod elector;
