//! Tests on a real control plane: one binary, so that they share it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod admin;
mod books;
mod chart;
mod clock;
mod clock_jumps;
mod counted;
mod crash;
mod crds;
mod docs;
mod fixture;
mod flow;
mod gitops;
mod identity;
mod kstatus;
mod kube_faults;
mod leader;
mod look;
mod many;
mod matrix;
mod monitoring;
mod namespaces;
mod on_kind;
mod privacy;
mod process;
mod program;
mod recipes;
mod reference;
mod restore;
mod scrape;
mod setup;
mod shards;
mod shutdown;
mod truth;
mod turn;
mod unreadable;
