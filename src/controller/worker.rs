//! The life of one generation of one `ClusterWatch`: wait, poll, report, again.

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

/// What Ready says of a poll that goes on for so long that the mirror is stale.
const LATE: &str = "listing the API takes so long that nothing here was confirmed in time. The listing goes on; if this stays, ask for larger pages (spec.query.pageSize), or see why the API is slow";

/// Labels and owner references that are not up to date are gone on with after this long.
const ADOPT_AGAIN: Duration = Duration::from_secs(10);

/// One generation of one watch.
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
    /// Before this the first poll leaves the API to others (monotonic).
    starts_at: Duration,
    entry: Entry,
    /// When a poll last came to its end with all its writes (monotonic; negative times count as zero).
    good: Duration,
    /// The same with or without them: what was listed is confirmed.
    confirmed: Duration,
    /// What the last complete listing had to be told with, in words.
    note: String,
    /// How long the last complete listing took.
    lasted: Duration,
    meter: Arc<WatchMeter>,
}

impl<C: KubeApi, T: Service> Task<C, T> {
    /// The task of `watch`, of this `shard`; `requested`: its `requestedAt` annotation, as it changes.
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
        // What was created since is no history, though no operator may have run.
        task.sync_state.news = timestamp::read(task.reporter.last().last_sync_time.as_deref());
        task
    }

    /// Keeps `pace`, which it shares with those before and after it; `edited`: in place of an earlier generation.
    #[must_use]
    pub fn after(mut self, pace: Arc<EditThrottle>, edited: bool) -> Self {
        (self.sync_state.pace, self.edited) = (pace, edited);
        self
    }

    /// Mirrors until it is dropped; `watchdog` sees that its polls move, `meters` count them.
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
            // A short listing that went well has corrected most of what it showed.
            let all = outcome.as_ref().map_or(true, |outcome| outcome.full);
            self.adopt_late_ones(all).await;
            self.report(&standing).await;
            self.wait(&outcome, &standing).await;
        }
    }

    /// Has `meters` count for the watch.
    fn count(&mut self, meters: &Watches) {
        self.meter = meters.meter(&self.target.namespace, &self.watch.name_any());
        self.meter.shows(&self.env.index, &self.target);
        self.sync_state.meter = self.meter.clone();
    }

    /// The request that the next poll answers, if there is one whose time has come.
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

    /// Polls once. Where that takes so long that the mirror gets stale, or the status looks as if nobody lived, it is
    /// told meanwhile.
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
            // Always to its end: what was written must be known.
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

    /// How the watch stands after a poll.
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

    /// Marks what is open and stale `now` (monotonic): all of it, where no listing confirms it, else what is missing or
    /// could not be written. Whether there may be such.
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
            tracing::warn!(watch = %self.watch.name_any(), namespace = %self.target.namespace, %error, "the status could not be written; it is tried again with the next poll");
        }
        if told.is_ok() {
            let said = events::of_report(&before, &Shown::by(self.reporter.last()));
            self.env.events.of_watch(&*self.watch, said);
        }
        told.is_ok()
    }

    /// Waits for the next poll, or for somebody to ask for one; a long wait does not look as if nobody lived.
    async fn wait(&mut self, outcome: &Result<SyncOutcome, SyncError>, standing: &ReadyState) {
        if let ReadyState::Keyless { .. } = standing {
            return self.wait_for_key(standing.clone()).await;
        }
        let interval = self.cadence.current(self.something_open());
        let uid = self.watch.uid().unwrap_or_default();
        let next = next_poll(interval, self.min_interval, &uid, self.polls);
        // A Retry-After does not lengthen this: somebody must tell meanwhile that the mirror gets stale.
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

    /// When what is open gets stale (monotonic) unless a complete listing confirms it; `None` where none ever has: then
    /// there is nothing but what the first one is about to show.
    fn stale_at(&self) -> Option<Duration> {
        let synced = self.reporter.last().last_sync_time.is_some();
        synced.then(|| self.confirmed + self.stale_after())
    }

    /// How long before this process the last sync must have been at the latest.
    fn unconfirmed_before_start(&self) -> Duration {
        let age = self.age_of_last_sync().unwrap_or_default();
        age.saturating_sub(synced_later_by(self.reporter.last()))
    }

    /// How long ago the last sync was that the status tells of.
    fn age_of_last_sync(&self) -> Option<Duration> {
        let last = timestamp::read(self.reporter.last().last_sync_time.as_deref())?;
        Duration::try_from(self.env.clock.now().duration_since(last)).ok()
    }
}

#[cfg(test)]
mod tests;
