//! Mirrors the remediations of Together GPU clusters into Kubernetes custom resources.
//!
//! The flow of one poll: schedule, credentials, listing, plan, write, report.

pub mod api;
pub mod together;
