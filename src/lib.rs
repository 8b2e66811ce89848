//! Mirrors the remediations of Together GPU clusters into Kubernetes custom resources.
//!
//! # The flow
//!
//! [`operator`] puts the parts together. [`controller`] follows the `ClusterWatches`; its [`controller::registry`] gives each one a
//! [`controller::worker`], which calls [`sync::poll`] when the [`sync::schedule`] says so. One poll reads the key
//! ([`sync::credentials`]), lists the remediations page by page ([`together::Listing`]), decides what each page means
//! ([`sync::decide`], pure functions), and writes that ([`sync::write`]). Only a [`together::CompleteListing`] can prove that
//! something is gone. What it came to goes into the status ([`controller::status`]).
//!
//! What is known of the mirrors is in [`store`], filled by a Kubernetes watch. What a mirror says is in [`mirror`]. The two APIs have
//! one port each: [`together`] and [`k8s`].

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
