//! Mirrors the remediations of Together GPU clusters into Kubernetes custom resources.
//!
//! # The flow
//!
//! [`operator`] assembles the parts. [`controller`] watches the `ClusterWatches`; its [`controller::registry`] gives
//! each one a [`controller::worker`], which calls [`sync::sync`] when the [`sync::schedule`] says so. A sync reads the
//! API key ([`sync::credentials`]), lists the remediations page by page ([`together::Listing`]), decides what each page
//! means ([`sync::decide`], pure functions), and writes the changes ([`sync::write`]). Only a
//! [`together::CompleteListing`] can prove that a remediation is gone. The result goes into the status
//! ([`controller::status`]).
//!
//! [`store`] is the index of all mirrors, filled by a Kubernetes watch. [`mirror`] computes the content of mirrors. The
//! two APIs have one port each: [`together`] and [`k8s`].

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
pub mod probe;
#[cfg(test)]
mod simulation;
pub mod store;
pub mod sync;
pub mod telemetry;
#[cfg(test)]
mod testing;
mod tls;
pub mod together;
