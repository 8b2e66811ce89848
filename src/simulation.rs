//! The whole loop, from schedule to report, between models of both sides, in virtual time, from a seed.
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
mod sequence;
mod step;
mod together;
mod truth;
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
