//! One `ClusterWatch`: schedule, credentials, listing, plan, write, report.

pub mod absence;
pub mod adopt;
pub mod backlog;
pub mod controller;
pub mod credentials;
pub mod failure;
pub mod memory;
pub mod orphans;
pub mod overlap;
pub mod pace;
pub mod plan;
pub mod poll;
pub mod polled;
pub mod questions;
pub mod regression;
pub mod report;
pub mod request;
pub mod retention;
pub mod rollup;
pub mod room;
pub mod round;
pub mod schedule;
pub mod shard;
pub mod status;
pub mod supervisor;
pub mod task;
mod timed;
