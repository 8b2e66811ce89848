//! The whole loop, from schedule to report, between models of Together's API and of the cluster, in virtual time, from a
//! seed: faults, reorderings, late events, crashes between any two writes, changes of leader, edits. The Supervisor, its
//! tasks, the index, the elector and the gate of writes are the real ones; kube's watches alone are stood in for.
//!
//! A sequence draws at least 30 steps ([`step`]), then everything is put in order and time passes. At every step and every
//! write [`judge`] sees that nothing false is shown without a mark, that nothing is written without a reason and nothing by a
//! process that does not lead, and that the API is asked no more than it should be; at the end, mirror = truth.
//!
//! `SIMULATION_SEED=n` repeats one sequence and prints what happens in it; `SIMULATION_SEQUENCES=n` or
//! `SIMULATION_SECONDS=n` say how many there are, from seed `SIMULATION_FIRST` (0) on.
#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

use std::time::Duration;

mod answered;
mod apply;
mod change;
mod clock;
mod cluster;
mod faults;
mod feed;
mod judge;
mod life;
mod pages;
mod replica;
mod run;
mod seeds;
mod sequence;
mod signal;
mod step;
mod together;
mod truth;
mod wire;
mod world;

/// Sequences that plain `cargo test` runs.
const SEQUENCES: u64 = 60;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text}: write a whole number")),
    )
}

/// Plays the sequence of `seed`, for what it logs.
pub(crate) fn play(seed: u64) {
    run::attempt(seed, false);
}

#[test]
fn sequences() {
    if let Some(seed) = number("SIMULATION_SEED") {
        return run::tell(seed);
    }
    let first = number("SIMULATION_FIRST").unwrap_or(0);
    let length = match (number("SIMULATION_SEQUENCES"), number("SIMULATION_SECONDS")) {
        (Some(count), _) => run::Length::Sequences(count),
        (None, Some(seconds)) => run::Length::Time(Duration::from_secs(seconds)),
        (None, None) => run::Length::Sequences(SEQUENCES),
    };
    run::many(first, length);
}
