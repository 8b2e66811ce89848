//! All that the simulator knows, and how time moves it.

use std::collections::BTreeMap;

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
    /// What each answer's `Date` says instead of the clock's time.
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
        while let Some((due, step, at)) = self.next_step().filter(|(due, ..)| *due <= until) {
            self.clock = self.clock.max(due);
            self.apply(step, at);
        }
        self.clock = until;
    }

    /// Lives that are not over.
    pub(super) fn lives_left(&mut self) -> usize {
        self.next_step();
        self.lives.len()
    }

    /// The earliest step of all lives; lives that are over are dropped.
    fn next_step(&mut self) -> Option<(Timestamp, Step, usize)> {
        let clusters = &self.clusters;
        let next = |(cluster, life): &(String, Life)| {
            let now = clusters
                .get(cluster)
                .and_then(|cluster| cluster.get(&life.remediation.id));
            life.next(now)
        };
        self.lives.retain(|life| next(life).is_some());
        let steps = self.lives.iter().enumerate();
        steps
            .filter_map(|(at, life)| next(life).map(|(due, step)| (due, step, at)))
            .min_by_key(|(due, _, at)| (*due, *at))
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
