//! Tests on a real control plane: one binary, so that they share it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod admin;
mod clock;
mod counted;
mod crds;
mod fixture;
mod flow;
mod kube_faults;
mod leader;
mod look;
mod matrix;
mod on_kind;
mod program;
mod setup;
mod truth;
mod turn;
