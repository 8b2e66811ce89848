//! Remediations for people who try the operator: fast at first, and without an end.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use super::Simulator;

/// Clusters in which new remediations come whenever all others are finished.
#[derive(Debug)]
pub struct Endless {
    clusters: Vec<String>,
    machines: usize,
    speed: u32,
    next_seed: u64,
}

impl Endless {
    /// These `clusters`, of this many `machines` each. A simulator's clock, which is behind the real one, runs `speed`
    /// times as fast until it has caught up. The same `seed` makes the same remediations.
    #[must_use]
    pub fn new(clusters: Vec<String>, machines: usize, speed: u32, seed: u64) -> Self {
        Self {
            clusters,
            machines,
            speed,
            next_seed: seed,
        }
    }

    /// This much time has passed, and the real clock shows `now`. The simulator's clock never gets ahead of it, so that
    /// nothing happens in the future of those who look.
    pub fn tick(&mut self, simulator: &Simulator, passed: Duration, now: Timestamp) {
        let behind = now.duration_since(simulator.now());
        let behind = Duration::try_from(behind).unwrap_or_default();
        simulator.advance((passed * self.speed).min(behind));
        if simulator.lives_left() == 0 {
            self.fill(simulator);
        }
    }

    /// Adds the next remediations to each cluster.
    pub fn fill(&mut self, simulator: &Simulator) {
        for (cluster, seed) in self.clusters.iter().zip(self.next_seed..) {
            simulator.seed_life(cluster, seed, self.machines);
        }
        self.next_seed += self.clusters.len() as u64;
    }
}
