//! The life of one generation of one `ClusterWatch`: wait, sync, report, repeat.

mod adopting;
mod failed;
mod handover;
mod late_secret;
mod resting;
mod restored;
mod starting;

use std::{pin::pin, sync::Arc, time::Duration};

use futures::future::{Either, select};
use kube::ResourceExt;
use tokio::sync::watch;

use super::{shard::Shard, spread::Entry};
use crate::{
    api::{Reason, cluster_watch::ClusterWatch, timestamp},
    controller::{
        events::{self, Shown},
        metrics::Watches,
        status::{
            build::{ReadyState, StatusInputs, synced_later_by},
            reason::Failure,
            writer::Reporter,
        },
    },
    health::liveness::Watchdog,
    k8s::api::KubeApi,
    store::summary::rollup,
    sync::{
        Env, SyncError,
        decide::plan::MirrorTarget,
        edit_throttle::EditThrottle,
        metrics::meter::WatchMeter,
        outcome::SyncOutcome,
        poll,
        schedule::{Cadence, HEARTBEAT, PollDefaults, STALE_GRACE, next_poll, request::Requests},
        stale::{mark_all_stale, mark_some_stale},
        state::SyncState,
        write::in_flight::UNDER_WAY,
    },
    together::{Client, Service},
};

/// The message of Ready while a sync takes so long that mirrors are stale.
const LATE: &str = "The current sync takes so long that the open remediations are stale. The sync continues. If this persists, set a larger spec.query.pageSize, or check the response times of the Together API";

/// Updates of labels and owner references pause for this long.
const ADOPT_AGAIN: Duration = Duration::from_secs(10);

/// The task for one generation of one `ClusterWatch`.
pub struct Task<C, T = Client> {
    env: Arc<Env<C, T>>,
    watch: Arc<ClusterWatch>,
    shard: Shard,
    edited: bool,
    target: MirrorTarget,
    cadence: Cadence,
    min_interval: Duration,
    reporter: Reporter<C>,
    requests: Requests,
    sync_state: SyncState,
    facts: StatusInputs,
    polls: u64,
    /// The first sync starts no earlier than this (monotonic), so that others can go first.
    starts_at: Duration,
    entry: Entry,
    /// When a sync last completed with all its writes (monotonic; negative times count as zero).
    good: Duration,
    /// When a sync last completed, with or without failed writes: the listed mirrors are confirmed.
    confirmed: Duration,
    /// The notes of the last complete sync.
    note: String,
    /// Duration of the last complete sync.
    lasted: Duration,
    meter: Arc<WatchMeter>,
}

impl<C: KubeApi, T: Service> Task<C, T> {
    /// The task of `watch` for this `shard`; `requested` is its `requestedAt` annotation, as it changes.
    #[must_use]
    pub fn new(
        env: Arc<Env<C, T>>,
        watch: Arc<ClusterWatch>,
        shard: Shard,
        speeds: PollDefaults,
        requested: watch::Receiver<Option<String>>,
    ) -> Self {
        let cadence = Cadence::of(&watch.spec, speeds);
        let reporter = Reporter::new(env.cluster.clone(), &watch, shard.clone());
        let facts = StatusInputs {
            generation: reporter.generation,
            shard: shard.name().to_owned(),
            ..StatusInputs::default()
        };
        let now = env.clock.elapsed();
        let mut task = Self {
            shard,
            edited: false,
            target: MirrorTarget::of(&watch, env.index.labels()),
            cadence,
            min_interval: speeds.min_interval,
            reporter,
            requests: Requests::new(requested, speeds.min_interval),
            sync_state: SyncState::default(),
            facts,
            polls: 0,
            starts_at: Duration::ZERO,
            entry: Entry::default(),
            good: now,
            confirmed: now,
            note: String::new(),
            lasted: Duration::ZERO,
            meter: Arc::default(),
            env,
            watch,
        };
        task.good = now.saturating_sub(task.unconfirmed_before_start());
        task.confirmed = task.good;
        task.sync_state.all_landed = now + UNDER_WAY;
        // Remediations created since the last sync are reported as new, even if no operator ran at that time.
        task.sync_state.news = timestamp::read(task.reporter.last().last_sync_time.as_deref());
        task
    }

    /// Keeps `pace`, which it shares with the tasks before and after it; `edited`: it replaces an earlier generation's
    /// task.
    #[must_use]
    pub fn after(mut self, pace: Arc<EditThrottle>, edited: bool) -> Self {
        (self.sync_state.pace, self.edited) = (pace, edited);
        self
    }

    /// Syncs until it is dropped. `watchdog` monitors progress, and `meters` count.
    pub async fn run(mut self, watchdog: &Watchdog, meters: &Watches) {
        let name = self.watch.name_any();
        self.count(meters);
        if let Some(age) = self.age_of_last_sync() {
            self.meter.synced(self.env.clock.elapsed(), age);
        }
        self.begin(&ReadyState::Progressing(String::new())).await;
        self.survey();
        self.sync_state.heartbeat = watchdog.enroll(&self.target.namespace, &name);
        self.look_first().await;
        self.await_turn().await;
        loop {
            let handled = self.heed_request();
            self.heed_restore();
            let outcome = self.poll().await;
            self.polls += 1;
            self.facts.handled = handled.or(self.facts.handled.take());
            let standing = self.record_outcome(&outcome).await;
            // A successful active sync has corrected most of the stale mirrors.
            let all = outcome.as_ref().map_or(true, |outcome| outcome.full);
            self.adopt_late_ones(all).await;
            self.report(&standing).await;
            self.wait(&outcome, &standing).await;
        }
    }

    /// Registers with `meters`.
    fn count(&mut self, meters: &Watches) {
        self.meter = meters.meter(&self.target.namespace, &self.watch.name_any());
        self.meter.shows(&self.env.index, &self.target);
        self.sync_state.meter = self.meter.clone();
    }

    /// The request that the next sync answers, if one is due.
    fn heed_request(&mut self) -> Option<String> {
        let reported = &self.reporter.last().last_handled_reconcile_at;
        let handled = self.facts.handled.as_ref().or(reported.as_ref());
        let now = self.env.clock.elapsed();
        let earliest = self.sync_state.may_list_all_at();
        let heeded = self
            .requests
            .heed(handled.map(String::as_str), now, earliest)?;
        self.sync_state.want_everything_now();
        Some(heeded)
    }

    /// Syncs once. If the sync takes so long that mirrors become stale or a heartbeat is due, the status is written
    /// meanwhile.
    async fn poll(&mut self) -> Result<SyncOutcome, SyncError> {
        let (env, watch) = (self.env.clone(), self.watch.clone());
        let (target, cadence) = (self.target.clone(), self.cadence);
        let now = env.clock.elapsed();
        let stale_at = self
            .stale_at()
            .map(|stale_at| stale_at.max(now + STALE_GRACE));
        let mut sync_state = std::mem::take(&mut self.sync_state);
        sync_state.stale_at = stale_at;
        let mut polling = Box::pin(poll(&env, &watch.spec, &target, &cadence, &mut sync_state));
        let mut tell_at = stale_at.unwrap_or(now + HEARTBEAT);
        let outcome = loop {
            match select(polling.as_mut(), env.clock.deadline(tell_at)).await {
                Either::Left((outcome, _)) => break outcome,
                Either::Right(_) => {}
            }
            let standing = match stale_at {
                Some(_) => ReadyState::Failing {
                    reason: Reason::IncompleteListing,
                    message: LATE.to_owned(),
                },
                None => ReadyState::Progressing(String::new()),
            };
            // The report is awaited even if the sync ends first, because its result must be known.
            let report = pin!(self.report(&standing));
            if let Either::Left((outcome, report)) = select(polling.as_mut(), report).await {
                report.await;
                break outcome;
            }
            tell_at += HEARTBEAT;
        };
        drop(polling);
        sync_state.tell();
        self.sync_state = sync_state;
        outcome
    }

    /// The state to report after a sync.
    async fn record_outcome(&mut self, outcome: &Result<SyncOutcome, SyncError>) -> ReadyState {
        let (elapsed, now) = (self.env.clock.elapsed(), self.env.clock.now());
        let failure = Failure::of(outcome, &self.target, self.sync_state.unwritten());
        self.meter.polled(
            failure
                .as_ref()
                .map_or(Reason::Synced, |failure| failure.reason),
        );
        if let Ok(outcome) = outcome {
            self.meter.synced(elapsed, Duration::ZERO);
            self.lasted = outcome.lasted;
            self.sync_state.rest = (self.sync_state).rest_after(
                outcome,
                &self.cadence,
                &self.target,
                &self.env.together,
            );
            self.confirmed = elapsed;
            self.facts.last_sync = Some(now);
            if outcome.full {
                self.facts.last_full_sync = Some(now);
                self.sync_state.restored = false;
            }
            outcome.trace(&self.watch);
            let shown = Shown::by(self.reporter.last());
            let said = events::of_notes(&outcome.notes, &shown, &self.note);
            let said = said
                .into_iter()
                .chain(events::of_vanished(outcome.vanished));
            self.env.events.of_watch(&*self.watch, said);
            self.note = outcome.note();
        }
        let Some(failure) = failure else {
            self.good = elapsed;
            return ReadyState::Synced(self.note.clone());
        };
        self.failed(outcome, failure).await
    }

    /// Marks open mirrors that are stale `now` (monotonic): all of them if no list confirms them, otherwise those that
    /// are missing or could not be written. Returns whether some may be stale.
    async fn mark_stale(&self, now: Duration) -> bool {
        let is_due = |since: Duration| now >= since + self.stale_after();
        if is_due(self.confirmed) {
            mark_all_stale(&self.env, &self.target, &self.sync_state).await;
        } else {
            let some = (self.stale_after(), is_due(self.good));
            mark_some_stale(&self.env, &self.target, &self.sync_state, some).await;
        }
        is_due(self.good)
    }

    /// Whether this generation was reported as synced, and nothing worse since.
    fn is_synced(&self) -> bool {
        self.reporter.is_acknowledged()
            && self
                .reporter
                .last()
                .conditions
                .iter()
                .any(|condition| condition.type_ == "Ready" && condition.status == "True")
    }

    /// Writes the status. Returns whether that succeeded.
    async fn report(&mut self, standing: &ReadyState) -> bool {
        self.facts.stale_after = self.stale_after();
        if *standing != ReadyState::Progressing(String::new())
            && self.env.index.is_listed(&self.target.namespace)
        {
            let (target, instance) = (&self.target, self.target.instance.as_deref());
            let index = &self.env.index;
            let all = index.survey(&target.namespace, &target.cluster, instance, |all| {
                rollup(all)
            });
            self.facts.rollup = Some(all);
        }
        let (now, elapsed) = (self.env.clock.now(), self.env.clock.elapsed());
        let before = Shown::by(self.reporter.last());
        let report = self.reporter.report(standing, &self.facts, now, elapsed);
        let told = report.await;
        self.meter.stands(&self.reporter.last().conditions);
        if *standing != ReadyState::Suspended {
            let elapsed = self.env.clock.elapsed();
            self.meter.stale_after(elapsed, self.facts.stale_after);
        }
        if let Err(error) = &told {
            tracing::warn!(watch = %self.watch.name_any(), namespace = %self.target.namespace, %error, "failed to write the status; retrying at the next sync");
        }
        if told.is_ok() {
            let said = events::of_report(&before, &Shown::by(self.reporter.last()));
            self.env.events.of_watch(&*self.watch, said);
        }
        told.is_ok()
    }

    /// Waits for the next sync, or for a request. Heartbeats continue during a long wait.
    async fn wait(&mut self, outcome: &Result<SyncOutcome, SyncError>, standing: &ReadyState) {
        if let ReadyState::Keyless { .. } = standing {
            return self.wait_for_key(standing.clone()).await;
        }
        let interval = self.cadence.current(self.something_open());
        let uid = self.watch.uid().unwrap_or_default();
        let next = next_poll(interval, self.min_interval, &uid, self.polls);
        // A Retry-After does not extend this time, because the stale mirrors must be marked meanwhile.
        if outcome.is_err() {
            self.sync_state.rest = Duration::ZERO;
        }
        let clock = self.env.clock.clone();
        let until = clock.elapsed() + next.max(self.sync_state.rest);
        self.sync_state.heartbeat.rest_until(until);
        let earliest = self.sync_state.may_list_all_at();
        let restored_at = earliest.max(clock.elapsed() + self.min_interval);
        loop {
            let again = self.facts.adopting.is_some() || self.may_land();
            let pause = if again { ADOPT_AGAIN } else { HEARTBEAT };
            let tell_at = clock.elapsed() + pause;
            let turn = self.turn();
            tokio::select! {
                biased;
                () = clock.sleep_until(until.min(tell_at)) => {}
                () = self.env.index.listed_after(self.sync_state.surveyed) => {}
                () = restored::restored(&self.env, self.sync_state.restores, (restored_at, turn)) => break,
                () = self.requests.wait(&*clock, earliest) => break,
            }
            if clock.elapsed() >= until {
                break;
            }
            self.adopt_late_ones(false).await;
            self.report(standing).await;
        }
        self.sync_state.heartbeat.touch();
    }

    fn something_open(&self) -> bool {
        let (target, instance) = (&self.target, self.target.instance.as_deref());
        self.env
            .index
            .any_open(&target.namespace, &target.cluster, instance)
    }

    fn stale_after(&self) -> Duration {
        self.cadence
            .stale_after(self.something_open(), self.lasted, self.sync_state.rest)
    }

    /// When open mirrors become stale (monotonic) unless a complete list confirms them. `None` before the first
    /// complete list, which is about to come.
    fn stale_at(&self) -> Option<Duration> {
        let synced = self.reporter.last().last_sync_time.is_some();
        synced.then(|| self.confirmed + self.stale_after())
    }

    /// The latest time of the last sync before this process started.
    fn unconfirmed_before_start(&self) -> Duration {
        let age = self.age_of_last_sync().unwrap_or_default();
        age.saturating_sub(synced_later_by(self.reporter.last()))
    }

    /// The time since the last sync that the status records.
    fn age_of_last_sync(&self) -> Option<Duration> {
        let last = timestamp::read(self.reporter.last().last_sync_time.as_deref())?;
        Duration::try_from(self.env.clock.now().duration_since(last)).ok()
    }
}

#[cfg(test)]
mod tests;
