//! All that the simulator knows, and how time moves it.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use k8s_openapi::jiff::{SignedDuration, Timestamp};

use super::cluster::Cluster;
use super::counters::Counters;
use super::dialect::Dialect;
use super::fault::Faults;
use super::keys::Keys;
use super::life::{Life, Step, cast};
use super::remediation::Remediation;

/// The state behind the API. `clock` is the API's own time.
#[derive(Debug)]
pub(super) struct World {
    pub(super) clock: Timestamp,
    pub(super) clusters: BTreeMap<String, Cluster>,
    pub(super) lives: Vec<(String, Life)>,
    pub(super) keys: Keys,
    pub(super) dialect: Dialect,
    pub(super) faults: Faults,
    pub(super) counters: Counters,
    /// What questions by id answer instead of the remediation.
    pub(super) by_id: Option<StatusCode>,
    /// The `Date` of each answer instead of the clock's time.
    pub(super) date: Option<String>,
}

impl World {
    pub(super) fn new(clock: Timestamp) -> Self {
        Self {
            clock,
            clusters: BTreeMap::new(),
            lives: Vec::new(),
            keys: Keys::default(),
            dialect: Dialect::default(),
            faults: Faults::default(),
            counters: Counters::default(),
            by_id: None,
            date: None,
        }
    }

    pub(super) fn cluster(&mut self, id: &str) -> &mut Cluster {
        self.clusters.entry(id.to_owned()).or_default()
    }

    /// Inserts or replaces.
    pub(super) fn put(&mut self, remediation: Remediation) {
        let (cluster, now) = (remediation.cluster_id.clone(), self.clock);
        self.cluster(&cluster).put(remediation, now);
    }

    /// Forgets one; `false` if there was none.
    pub(super) fn remove(&mut self, cluster: &str, id: &str) -> bool {
        let now = self.clock;
        self.cluster(cluster).remove(id, now)
    }

    /// Fills a cluster with a cast that lives by itself.
    pub(super) fn seed_life(&mut self, cluster: &str, seed: u64, machines: usize) {
        let cast = cast::cast(cluster, seed, machines, self.clock);
        let now = self.clock;
        let filled = self.cluster(cluster);
        filled.instances.extend(cast.machines);
        for old in cast.history {
            filled.put(old, now);
        }
        let lives = cast
            .lives
            .into_iter()
            .map(|life| (cluster.to_owned(), life));
        self.lives.extend(lives);
    }

    /// Moves the clock and does all that is due until then, in order.
    pub(super) fn advance(&mut self, by: SignedDuration) {
        let until = self.clock.saturating_add(by).unwrap_or(Timestamp::MAX);
        self.bury();
        let due = |world: &Self, at: usize| {
            let (when, _) = world.next(at)?;
            (when <= until).then_some((when, at))
        };
        let all = 0..self.lives.len();
        let mut agenda: BTreeSet<_> = all.filter_map(|at| due(self, at)).collect();
        while let Some((when, at)) = agenda.pop_first() {
            self.clock = self.clock.max(when);
            let born = self.lives.len();
            if let Some((_, step)) = self.next(at) {
                self.apply(step, at);
            }
            let moved = [at].into_iter().chain(born..self.lives.len());
            agenda.extend(moved.filter_map(|at| due(self, at)));
        }
        self.clock = until;
    }

    /// Lives that are not over.
    pub(super) fn lives_left(&mut self) -> usize {
        self.bury();
        self.lives.len()
    }

    /// Drops the lives that are over.
    fn bury(&mut self) {
        let mut lives = std::mem::take(&mut self.lives);
        lives.retain(|life| self.next_of(life).is_some());
        self.lives = lives;
    }

    /// When the life at this place takes its next step, and which.
    fn next(&self, at: usize) -> Option<(Timestamp, Step)> {
        self.next_of(self.lives.get(at)?)
    }

    fn next_of(&self, (cluster, life): &(String, Life)) -> Option<(Timestamp, Step)> {
        let cluster = self.clusters.get(cluster);
        life.next(cluster.and_then(|cluster| cluster.get(&life.remediation.id)))
    }

    fn apply(&mut self, step: Step, at: usize) {
        let now = self.clock;
        let (cluster, life) = &mut self.lives[at];
        let cluster = self.clusters.entry(cluster.clone()).or_default();
        let id = life.remediation.id.clone();
        match step {
            Step::Birth => {
                life.born = true;
                let mut newborn = life.remediation.clone();
                newborn.create_time = Some(now.to_string());
                newborn.update_time = Some(now.to_string());
                for alert in &mut newborn.linked_alerts {
                    alert.started_at = (now - SignedDuration::from_mins(5)).to_string();
                }
                cluster.put(newborn, now);
            }
            Step::Leave => {
                cluster.remove(&id, now);
            }
            step => {
                let failed = matches!(step, Step::Fail(_));
                cluster.change(&id, now, |remediation| step.apply(remediation, now));
                if failed && let Some((after, mut retry)) = life.retry.take() {
                    retry.born_at = now.saturating_add(after).unwrap_or(Timestamp::MAX);
                    let name = self.lives[at].0.clone();
                    self.lives.push((name, *retry));
                }
            }
        }
    }
}
