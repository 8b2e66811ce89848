//! Which of several replicas writes: leader election by Lease.

pub mod decision;
pub mod election_thread;
pub mod elector;
mod known_lease;
