//! Mirrors the remediations of Together GPU clusters into Kubernetes custom resources.
//!
//! The flow of one poll, in [`sync`]: schedule, credentials, listing, plan, write, report.

pub mod agent;
pub mod api;
pub mod cli;
pub mod clock;
pub mod config;
pub mod controller;
pub mod events;
pub mod health;
pub mod k8s;
pub mod leader;
pub mod metrics;
pub mod mirror;
pub mod network;
pub mod operator;
#[cfg(test)]
mod simulation;
pub mod store;
pub mod sync;
pub mod telemetry;
#[cfg(test)]
mod testing;
mod tls;
pub mod together;
