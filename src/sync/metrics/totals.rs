//! Metrics without a `ClusterWatch` label: durations of syncs and remediations, and results of writes.

use std::time::Duration;

use prometheus_client::{
    metrics::{counter::Counter, family::Family, histogram::Histogram},
    registry::{Registry, Unit},
};

use super::change::Change;
use crate::{
    api::Reason,
    k8s::error::KubeApiError,
    sync::change::{Done, MirrorChange},
};

/// A histogram by labels with fixed values.
type Histograms<const N: usize> =
    Family<[(&'static str, &'static str); N], Histogram, fn() -> Histogram>;

/// The kinds of tasks whose panics are counted.
const TASKS: [&str; 3] = ["clusterwatch", "write", "admin"];

/// One set per process. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Totals {
    polls: Histograms<1>,
    writes: Family<[(&'static str, &'static str); 2], Counter>,
    secret_reads: Family<[(&'static str, &'static str); 1], Counter>,
    panics: Family<[(&'static str, &'static str); 1], Counter>,
    /// To approve, to start, to finish.
    took: [Histograms<2>; 3],
}

fn polls() -> Histogram {
    Histogram::new([0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0])
}

/// From a minute to a week.
fn repairs() -> Histogram {
    const MINUTE: f64 = 60.0;
    const HOUR: f64 = 3600.0;
    const DAY: f64 = 86400.0;
    Histogram::new([
        MINUTE,
        5.0 * MINUTE,
        15.0 * MINUTE,
        30.0 * MINUTE,
        HOUR,
        2.0 * HOUR,
        4.0 * HOUR,
        8.0 * HOUR,
        DAY,
        3.0 * DAY,
        7.0 * DAY,
    ])
}

impl Default for Totals {
    fn default() -> Self {
        let took = || Histograms::<2>::new_with_constructor(repairs);
        let panics = Family::default();
        for task in TASKS {
            // An alert on the first panic needs the zero before it.
            drop(panics.get_or_create(&[("task", task)]));
        }
        Self {
            polls: Family::new_with_constructor(polls),
            writes: Family::default(),
            secret_reads: Family::default(),
            panics,
            took: [took(), took(), took()],
        }
    }
}

impl Totals {
    pub(crate) fn register(&self, registry: &mut Registry) {
        let unit = || Unit::Seconds;
        registry.register_with_unit(
            "poll_duration",
            "Duration of complete lists: full syncs (full) or active syncs (open)",
            unit(),
            self.polls.clone(),
        );
        registry.register(
            "mirror_writes",
            "Writes of mirrors by verb and outcome: ok, conflict (retried at the next sync), refused (RBAC, quota, admission) or failed",
            self.writes.clone(),
        );
        registry.register(
            "secret_reads",
            "Reads of Secrets by result: Found (the Secret contains an API key), or the reason why not. An unusable Secret is read every 10 s, which does not count as a sync",
            self.secret_reads.clone(),
        );
        registry.register(
            "task_panics",
            "Panics by task: sync a ClusterWatch (restarted with backoff), write a mirror (retried), or answer a probe or scrape",
            self.panics.clone(),
        );
        let [approve, start, finish] = self.took.clone();
        registry.register_with_unit(
            "time_to_approve",
            "From createTime to reviewTime of finished remediations, by mode and result",
            unit(),
            approve,
        );
        registry.register_with_unit(
            "time_to_start",
            "From reviewTime (otherwise createTime) to startTime of finished remediations, by mode and result",
            unit(),
            start,
        );
        registry.register_with_unit(
            "time_to_finish",
            "From startTime to endTime of finished remediations, by mode and result",
            unit(),
            finish,
        );
    }

    pub(crate) fn listed(&self, full: bool, lasted: Duration) {
        let listing = if full { "full" } else { "open" };
        let histogram = self.polls.get_or_create(&[("listing", listing)]);
        histogram.observe(lasted.as_secs_f64());
    }

    pub(crate) fn panicked(&self, task: &'static str) {
        self.panics(task).inc();
    }

    pub(crate) fn panics(&self, task: &'static str) -> Counter {
        self.panics.get_or_create_owned(&[("task", task)])
    }

    pub(crate) fn read_secret(&self, reason: Reason) {
        let label = [("reason", reason.as_str())];
        self.secret_reads.get_or_create(&label).inc();
    }

    pub(crate) fn wrote(&self, verb: &'static str, outcome: &Result<Done, KubeApiError>) {
        let outcome = match outcome {
            Ok(Done::Conflict) | Err(KubeApiError::Conflict | KubeApiError::NotFound) => "conflict",
            Ok(_) => "ok",
            Err(KubeApiError::Refused(_)) => "refused",
            Err(
                KubeApiError::Contended(_) | KubeApiError::Busy(_) | KubeApiError::Unavailable(_),
            ) => "failed",
        };
        self.writes
            .get_or_create(&[("verb", verb), ("outcome", outcome)])
            .inc();
    }

    pub(crate) fn changed(&self, change: &Change) {
        let labels = [("mode", change.mode), ("result", change.to)];
        for (histograms, took) in self.took.iter().zip(change.took) {
            if let Some(took) = took {
                histograms.get_or_create(&labels).observe(took);
            }
        }
    }
}

/// The verb of `change` in labels.
pub(crate) fn verb(change: &MirrorChange) -> &'static str {
    match change {
        MirrorChange::Create(..) => "create",
        MirrorChange::Update { .. } => "update",
        MirrorChange::Mark(..) => "mark",
        MirrorChange::Prune(_) => "delete",
    }
}
