//! Mirrors the remediations of Together GPU clusters into Kubernetes custom resources.
//!
//! The flow of one poll, in [`watch::poll`]: schedule, credentials, listing, plan, write, report.

pub mod admin;
pub mod agent;
pub mod api;
pub mod check;
pub mod cli;
pub mod clock;
pub mod cluster;
pub mod config;
pub mod definitions;
pub mod events;
pub mod leader;
pub mod metrics;
pub mod mirror;
pub mod network;
pub mod readiness;
pub mod run;
#[cfg(test)]
mod simulation;
pub mod telemetry;
#[cfg(test)]
mod testing;
mod tls;
pub mod together;
pub mod watch;
pub mod watchdog;
