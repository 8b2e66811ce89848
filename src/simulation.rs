//! Simulates the whole operator, from schedule to report, between models of the Together API and of Kubernetes. Virtual
//! time and a seed decide everything: faults, reordered and late events, crashes between any two writes, leader changes
//! and edits. The registry of workers, its tasks, the index, the elector and the gate of writes are the real ones; only kube's
//! watches are replaced.
//!
//! A sequence draws at least 30 steps ([`step`]); then everything is repaired and time passes. At every step and write,
//! [`judge`] checks that nothing false is shown without a mark, that every write has a reason and comes from the
//! leader, and that the API gets no more requests than allowed. At the end, the mirrors must match the truth.
//!
//! `SIMULATION_SEED=n` repeats one sequence and prints its events. `SIMULATION_SEQUENCES=n` or `SIMULATION_SECONDS=n`
//! set the number of sequences, starting from seed `SIMULATION_FIRST` (0).
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

/// Number of sequences that plain `cargo test` runs.
const SEQUENCES: u64 = 40;

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(
        text.parse()
            .unwrap_or_else(|_| panic!("{name}={text}: write a whole number")),
    )
}

/// Runs the sequence of `seed` for its log.
pub(crate) fn play(seed: u64) {
    run::attempt(seed, false);
}

#[test]
fn sequences() {
    if let Some(seed) = number("SIMULATION_SEED") {
        return run::replay(seed);
    }
    let first = number("SIMULATION_FIRST").unwrap_or(0);
    let length = match (number("SIMULATION_SEQUENCES"), number("SIMULATION_SECONDS")) {
        (Some(count), _) => run::Length::Sequences(count),
        (None, Some(seconds)) => run::Length::Time(Duration::from_secs(seconds)),
        (None, None) => run::Length::Sequences(SEQUENCES),
    };
    run::many(first, length);
}
