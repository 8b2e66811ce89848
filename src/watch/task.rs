//! The life of one generation of one `ClusterWatch`: wait, poll, report, again.

use std::{sync::Arc, time::Duration};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};
use tokio::sync::watch;

use super::{
    credentials::CredentialsError,
    memory::Memory,
    plan::Scope,
    poll::{PollError, Polled, Tools, mark_all_stale, mark_unwritten_stale, mirrors, poll},
    report::Reporter,
    retention::Policy,
    rollup::rollup,
    schedule::{Cadence, HEARTBEAT, STALE_GRACE, jittered},
    status::{Facts, Standing},
};
use crate::{
    api::{
        cluster_watch::{ClusterWatch, DeletionPolicy},
        limits,
    },
    cluster::Cluster,
    mirror::time,
    together::{Client, Error, Service},
    watchdog::Watchdog,
};

/// The annotation whose every new value means: sync now.
pub const REQUESTED_AT: &str = "compute.together.ai/requestedAt";

/// The operator's own speeds.
#[derive(Clone, Copy, Debug)]
pub struct Speeds {
    /// Between polls of a watch that names no interval.
    pub default_interval: Duration,
    /// Nobody polls faster.
    pub min_interval: Duration,
}

/// One generation of one watch.
pub struct Task<C, T = Client> {
    tools: Arc<Tools<C, T>>,
    watch: Arc<ClusterWatch>,
    scope: Scope,
    cadence: Cadence,
    reporter: Reporter<C>,
    requested: watch::Receiver<Option<String>>,
    memory: Memory,
    facts: Facts,
    polls: u64,
    /// When a poll last came to its end with all its writes (monotonic; negative times count as zero).
    good: Duration,
    /// How long the last complete listing took.
    lasted: Duration,
    /// How long the API must be left alone after the last listing.
    rest: Duration,
}

impl<C: Cluster, T: Service> Task<C, T> {
    /// The task of `watch`; `requested`: its `requestedAt` annotation, as it changes.
    #[must_use]
    pub fn new(
        tools: Arc<Tools<C, T>>,
        watch: Arc<ClusterWatch>,
        speeds: Speeds,
        requested: watch::Receiver<Option<String>>,
    ) -> Self {
        let cadence = Cadence::of(&watch.spec, speeds.default_interval, speeds.min_interval);
        let reporter = Reporter::new(tools.cluster.clone(), &watch);
        let facts = Facts {
            generation: reporter.generation,
            ..Facts::default()
        };
        let mut task = Self {
            scope: scope(&watch),
            cadence,
            reporter,
            requested,
            memory: Memory::default(),
            facts,
            polls: 0,
            good: tools.clock.elapsed(),
            lasted: Duration::ZERO,
            rest: Duration::ZERO,
            tools,
            watch,
        };
        task.good = task.good.saturating_sub(task.unconfirmed_before_start());
        task
    }

    /// Mirrors until it is dropped; `watchdog` sees that its polls move.
    pub async fn run(mut self, watchdog: &Watchdog) {
        self.tools.index.ready().await;
        self.memory.pulse = watchdog.enroll(&self.scope.namespace, &self.watch.name_any());
        if !self.reporter.is_acknowledged() {
            self.report(&Standing::Progressing(String::new())).await;
        }
        loop {
            let requested = self.requested.borrow_and_update().as_deref().map(echo);
            if requested.is_some() && requested != self.reporter.last().last_handled_reconcile_at {
                self.memory.want_everything_now();
            }
            let grace = self.tools.clock.elapsed() + STALE_GRACE;
            self.memory.stale_at = self.stale_at().map(|stale_at| stale_at.max(grace));
            let outcome = poll(
                &self.tools,
                &self.watch.spec,
                &self.scope,
                &self.cadence,
                &mut self.memory,
            )
            .await;
            self.polls += 1;
            self.facts.handled = requested;
            let standing = self.take_stock(&outcome).await;
            if let Some(standing) = standing {
                self.report(&standing).await;
            }
            self.wait(&outcome).await;
        }
    }

    /// Reports `standing` and leaves the API alone until it is dropped. The mirrors of a suspended watch are marked once
    /// they are stale; those of one that overlaps are another's.
    pub async fn rest(mut self, standing: Standing) {
        self.tools.index.ready().await;
        loop {
            let now = self.tools.clock.elapsed();
            let stale_at = self.stale_at().filter(|_| standing == Standing::Suspended);
            if stale_at.is_some_and(|stale_at| now >= stale_at) {
                mark_all_stale(&self.tools, &self.scope, &self.memory.pulse).await;
            }
            let told = self.report(&standing).await;
            let next = stale_at.filter(|stale_at| now < *stale_at);
            let again = now
                + if told {
                    HEARTBEAT
                } else {
                    self.cadence.interval.min(HEARTBEAT)
                };
            let until = next.map_or(again, |stale_at| stale_at.min(again));
            self.tools.clock.sleep_until(until).await;
        }
    }

    /// How the watch stands after a poll; `None`: as before.
    async fn take_stock(&mut self, outcome: &Result<Polled, PollError>) -> Option<Standing> {
        let (elapsed, now) = (self.tools.clock.elapsed(), self.tools.clock.now());
        let failure = match outcome {
            Ok(polled) => {
                self.lasted = polled.lasted;
                self.facts.last_sync = Some(now);
                self.facts.last_full_sync = if polled.full {
                    Some(now)
                } else {
                    self.facts.last_full_sync
                };
                trace(&self.watch, polled);
                let Some(message) = self.memory.unwritten() else {
                    self.good = elapsed;
                    return Some(Standing::Synced(polled.note.clone()));
                };
                Failure {
                    reason: "WriteFailed",
                    message,
                    needs_somebody: false,
                }
            }
            Err(error) => failure(error, &self.scope),
        };
        let Failure {
            reason,
            message,
            needs_somebody,
        } = failure;
        tracing::warn!(watch = %self.watch.name_any(), namespace = %self.scope.namespace, reason, message, "the poll failed");
        let stale = elapsed.saturating_sub(self.good) > self.stale_after();
        if stale && outcome.is_err() {
            mark_all_stale(&self.tools, &self.scope, &self.memory.pulse).await;
        } else if stale {
            mark_unwritten_stale(&self.tools, &self.scope, &self.memory).await;
        }
        if needs_somebody {
            Some(Standing::Stalled { reason, message })
        } else if stale {
            Some(Standing::Failing { reason, message })
        } else if self.is_synced() {
            // A hiccup is told by logs alone; what was mirrored all the same still counts.
            outcome
                .as_ref()
                .ok()
                .map(|polled| Standing::Synced(polled.note.clone()))
        } else {
            Some(Standing::Progressing(format!(
                "not synced yet, trying again: {message}"
            )))
        }
    }

    /// Whether this generation was reported as synced and nothing worse since.
    fn is_synced(&self) -> bool {
        self.reporter.is_acknowledged()
            && self
                .reporter
                .last()
                .conditions
                .iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True")
    }

    /// Whether `standing` could be told.
    async fn report(&mut self, standing: &Standing) -> bool {
        self.facts.stale_after = self.stale_after();
        if *standing != Standing::Progressing(String::new()) && self.tools.index.is_ready() {
            self.facts.rollup = Some(rollup(&mirrors(&self.tools, &self.scope)));
        }
        let now = self.tools.clock.now();
        let told = self.reporter.report(standing, &self.facts, now).await;
        if let Err(error) = &told {
            tracing::warn!(watch = %self.watch.name_any(), namespace = %self.scope.namespace, %error, "the status could not be written; it is tried again with the next poll");
        }
        told.is_ok()
    }

    /// Waits for the next poll, or for somebody to ask for one.
    async fn wait(&mut self, outcome: &Result<Polled, PollError>) {
        let interval = self.cadence.current(self.something_open());
        let jittered = jittered(interval, &self.watch.uid().unwrap_or_default(), self.polls);
        let rest = outcome.as_ref().map_or(Duration::ZERO, |polled| {
            self.memory
                .rest_after(polled, &self.scope, &self.tools.together)
        });
        // A Retry-After does not lengthen this: somebody must tell meanwhile that the mirror gets stale.
        let delay = jittered.max(rest);
        self.rest = rest;
        let until = self.tools.clock.elapsed() + delay;
        self.memory.pulse.rest_until(until);
        tokio::select! {
            () = self.tools.clock.sleep_until(until) => {}
            Ok(()) = self.requested.changed() => {}
        }
        self.memory.pulse.beat();
    }

    fn something_open(&self) -> bool {
        let (scope, instance) = (&self.scope, self.scope.instance.as_deref());
        self.tools
            .index
            .any_open(&scope.namespace, &scope.cluster, instance)
    }

    fn stale_after(&self) -> Duration {
        self.cadence
            .stale_after(self.something_open(), self.lasted.max(self.rest))
    }

    /// When what is open gets stale (monotonic) unless a complete listing confirms it; `None` where none ever has: then
    /// there is nothing but what the first one is about to show.
    fn stale_at(&self) -> Option<Duration> {
        let synced = self.reporter.last().last_sync_time.is_some();
        synced.then(|| self.good + self.stale_after())
    }

    /// How long before this process the last sync must have been at the latest. The status tells it up to one
    /// heartbeat late.
    fn unconfirmed_before_start(&self) -> Duration {
        let last = time::read(self.reporter.last().last_sync_time.as_deref());
        let age = last
            .and_then(|last| Duration::try_from(self.tools.clock.now().duration_since(last)).ok());
        age.unwrap_or_default().saturating_sub(HEARTBEAT)
    }
}

struct Failure {
    reason: &'static str,
    message: String,
    /// Trying again is no use: somebody must act.
    needs_somebody: bool,
}

fn failure(error: &PollError, scope: &Scope) -> Failure {
    let (reason, needs_somebody) = match error {
        PollError::Credentials(CredentialsError::NotFound(_)) => ("SecretNotFound", true),
        PollError::Credentials(CredentialsError::Invalid { .. }) => ("SecretInvalid", true),
        PollError::Credentials(CredentialsError::Unavailable { .. }) => ("Unavailable", false),
        PollError::Api(Error::NotFound) if scope.instance.is_some() => ("InstanceNotFound", true),
        PollError::Api(Error::NotFound) => ("ClusterNotFound", true),
        PollError::Api(error) => (error.label(), !error.retryable()),
    };
    let message = match (reason, &scope.instance) {
        ("InstanceNotFound", Some(instance)) => format!(
            "the API knows no instance {instance} in cluster {} (404): check spec.instanceId and spec.clusterId, and that the key belongs to their project",
            scope.cluster
        ),
        ("ClusterNotFound", _) => format!(
            "the API knows no cluster {} (404): check spec.clusterId, and that the key belongs to its project",
            scope.cluster
        ),
        _ => error.to_string(),
    };
    Failure {
        reason,
        message,
        needs_somebody,
    }
}

fn scope(watch: &ClusterWatch) -> Scope {
    let spec = &watch.spec;
    let owner = OwnerReference {
        controller: Some(true),
        ..watch.owner_ref(&()).unwrap_or_default()
    };
    Scope {
        namespace: watch.namespace().unwrap_or_default().into(),
        cluster: spec.cluster_id.as_str().into(),
        instance: spec.instance().map(Into::into),
        states: spec.states.clone(),
        omit: spec.omit.clone().unwrap_or_default(),
        owners: match spec.deletion_policy {
            DeletionPolicy::Delete => [owner].into(),
            DeletionPolicy::Retain => [].into(),
        },
        retention: Policy::of(spec.retention.as_ref()),
    }
}

/// As much of a `requestedAt` value as the status can echo.
fn echo(value: &str) -> String {
    value.chars().take(limits::REQUESTED_AT as usize).collect()
}

fn trace(watch: &ClusterWatch, polled: &Polled) {
    let tally = &polled.tally;
    tracing::debug!(
        watch = %watch.name_any(),
        full = polled.full,
        pages = polled.pages,
        created = tally.created,
        updated = tally.updated,
        pruned = tally.pruned,
        conflicts = tally.conflicts,
        failed = tally.failed,
        "polled"
    );
}
