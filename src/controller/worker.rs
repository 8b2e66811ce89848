//! The life of one generation of one `ClusterWatch`: wait, poll, report, again.

mod adopting;
mod failed;
mod late_secret;
mod listed;
mod resting;
mod restored;
mod starting;
mod status;

use std::{pin::pin, sync::Arc, time::Duration};

use futures::future::{Either, select};
use kube::ResourceExt;
use tokio::sync::watch;

use self::status::StatusReport;
use super::spread::Entry;
use crate::{
    api::{
        Reason,
        cluster_watch::{ClusterWatch, ClusterWatchStatus},
        timestamp,
    },
    controller::{
        events::{self, Shown},
        metrics::Watches,
        status::{
            build::{ReadyState, synced_later_by},
            reason::Failure,
        },
    },
    health::liveness::Watchdog,
    k8s::api::KubeApi,
    sync::{
        Env, SyncContext, SyncError,
        decide::plan::MirrorTarget,
        edit_throttle::EditThrottle,
        outcome::SyncOutcome,
        schedule::{Cadence, HEARTBEAT, PollDefaults, STALE_GRACE, next_poll, request::Requests},
        stale::{mark_all_stale, mark_some_stale},
        state::SyncState,
        sync,
        write::in_flight::UNDER_WAY,
    },
    together::{Client, Service},
};

/// What Ready says of a poll that goes on for so long that the mirror is stale.
const LATE: &str = "listing the API takes so long that nothing here was confirmed in time. The listing goes on; if this stays, ask for larger pages (spec.query.pageSize), or see why the API is slow";

/// Labels and owner references that are not up to date are gone on with after this long.
const ADOPT_AGAIN: Duration = Duration::from_secs(10);

/// One generation of one `ClusterWatch`.
pub struct Task<C, T = Client> {
    env: Arc<Env<C, T>>,
    watch: Arc<ClusterWatch>,
    target: MirrorTarget,
    schedule: Schedule,
    sync_state: SyncState,
    status: StatusReport<C>,
    freshness: Freshness,
    store_seen: StoreSeen,
}

/// When it polls.
struct Schedule {
    cadence: Cadence,
    min_interval: Duration,
    requests: Requests,
    /// Polls so far.
    polls: u64,
    /// Before this the first poll leaves the API to others (monotonic).
    starts_at: Duration,
    /// On the roll of all that are synced.
    entry: Entry,
    /// It takes the place of an earlier generation.
    edited: bool,
}

/// How fresh the mirrors are.
struct Freshness {
    /// When a sync was last complete, with all its writes (monotonic; negative times count as zero).
    last_clean: Duration,
    /// The same, also if writes failed: what was listed is confirmed.
    last_complete: Duration,
    /// How long the last complete listing took.
    lasted: Duration,
}

/// What the worker has seen of the lists of mirrors.
#[derive(Default)]
struct StoreSeen {
    /// How many lists had ended when all mirrors were last checked for labels and owner references.
    surveyed: u64,
    /// How many lists had ended after restores of etcd when the last poll began.
    restores: u64,
    /// When everything that an earlier generation sent has landed (monotonic).
    all_landed: Duration,
}

impl<C: KubeApi, T: Service> Task<C, T> {
    /// The task of `watch`; `requested`: its `requestedAt` annotation, as it changes.
    #[must_use]
    pub fn new(
        env: Arc<Env<C, T>>,
        watch: Arc<ClusterWatch>,
        speeds: PollDefaults,
        requested: watch::Receiver<Option<String>>,
    ) -> Self {
        let status = StatusReport::new(env.cluster.clone(), &watch);
        let now = env.clock.elapsed();
        let last = now.saturating_sub(unconfirmed_before_start(&env, status.reporter.last()));
        let mut sync_state = SyncState::default();
        // What was created since is no history, though no operator may have run.
        let last_sync = status.reporter.last().last_sync_time.as_deref();
        sync_state.observer.event_cutoff = timestamp::read(last_sync);
        Self {
            target: MirrorTarget::of(&watch, env.index.labels()),
            schedule: Schedule {
                cadence: Cadence::of(&watch.spec, speeds),
                min_interval: speeds.min_interval,
                requests: Requests::new(requested, speeds.min_interval),
                polls: 0,
                starts_at: Duration::ZERO,
                entry: Entry::default(),
                edited: false,
            },
            sync_state,
            status,
            freshness: Freshness {
                last_clean: last,
                last_complete: last,
                lasted: Duration::ZERO,
            },
            store_seen: StoreSeen {
                all_landed: now + UNDER_WAY,
                ..StoreSeen::default()
            },
            env,
            watch,
        }
    }

    /// Keeps `pace`, which it shares with those before and after it; `edited`: in place of an earlier generation.
    #[must_use]
    pub fn after(mut self, pace: Arc<EditThrottle>, edited: bool) -> Self {
        (self.sync_state.throttle, self.schedule.edited) = (pace, edited);
        self
    }

    /// Mirrors until it is dropped; `watchdog` sees that its polls move, `meters` count them.
    pub async fn run(mut self, watchdog: &Watchdog, meters: &Watches) {
        let name = self.watch.name_any();
        self.count(meters);
        if let Some(age) = age_of_last_sync(&self.env, self.status.reporter.last()) {
            self.status.meter.synced(self.env.clock.elapsed(), age);
        }
        self.listed(&ReadyState::Progressing(String::new())).await;
        self.survey();
        self.sync_state.observer.heartbeat = watchdog.enroll(&self.target.namespace, &name);
        self.look_first().await;
        self.await_turn().await;
        loop {
            let handled = self.heed_request();
            self.heed_restore();
            let outcome = self.sync().await;
            self.schedule.polls += 1;
            self.status.inputs.handled = handled.or(self.status.inputs.handled.take());
            let standing = self.record_outcome(&outcome).await;
            // A short listing that went well has corrected most of what it showed.
            let all = outcome.as_ref().map_or(true, |outcome| outcome.full);
            self.adopt_late_ones(all).await;
            self.report(&standing).await;
            self.wait(&outcome, &standing).await;
        }
    }

    /// Has `meters` count for the `ClusterWatch`.
    fn count(&mut self, meters: &Watches) {
        let meter = meters.meter(&self.target.namespace, &self.watch.name_any());
        meter.shows(&self.env.index, &self.target);
        self.status.meter = meter.clone();
        self.sync_state.observer.meter = meter;
    }

    /// The request that the next poll answers, if there is one whose time has come.
    fn heed_request(&mut self) -> Option<String> {
        let reported = &self.status.reporter.last().last_handled_reconcile_at;
        let handled = self.status.inputs.handled.as_ref().or(reported.as_ref());
        let now = self.env.clock.elapsed();
        let earliest = self.sync_state.full_allowed_at();
        let heeded = self
            .schedule
            .requests
            .heed(handled.map(String::as_str), now, earliest)?;
        self.sync_state.want_everything_now();
        Some(heeded)
    }

    /// Syncs once. If that takes so long that the mirrors get stale, or that the status looks abandoned, the status is written
    /// meanwhile.
    async fn sync(&mut self) -> Result<SyncOutcome, SyncError> {
        let now = self.env.clock.elapsed();
        let stale_at = self
            .stale_at()
            .map(|stale_at| stale_at.max(now + STALE_GRACE));
        let rest = self.sync_state.lists.history.rest;
        self.sync_state.lists.stale_at = stale_at;
        let Self {
            env,
            watch,
            target,
            schedule,
            sync_state,
            status,
            freshness,
            ..
        } = self;
        let cadence = &schedule.cadence;
        let ctx = SyncContext {
            env: &**env,
            spec: &watch.spec,
            target,
            cadence,
        };
        let mut syncing = Box::pin(sync(ctx, sync_state));
        let mut report_at = stale_at.unwrap_or(now + HEARTBEAT);
        let outcome = loop {
            match select(syncing.as_mut(), env.clock.deadline(report_at)).await {
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
            let stale_after = cadence.stale_after(env.any_open(target), freshness.lasted, rest);
            // Always to its end: what was written must be known.
            let report = pin!(status.report(env, watch, target, stale_after, &standing));
            if let Either::Left((outcome, report)) = select(syncing.as_mut(), report).await {
                report.await;
                break outcome;
            }
            report_at += HEARTBEAT;
        };
        drop(syncing);
        self.sync_state.hand_on();
        outcome
    }

    /// How the watch stands after a poll.
    async fn record_outcome(&mut self, outcome: &Result<SyncOutcome, SyncError>) -> ReadyState {
        let (elapsed, now) = (self.env.clock.elapsed(), self.env.clock.now());
        let failure = Failure::of(outcome, &self.target, self.sync_state.unwritten());
        self.status.meter.polled(
            failure
                .as_ref()
                .map_or(Reason::Synced, |failure| failure.reason),
        );
        if let Ok(outcome) = outcome {
            self.status.meter.synced(elapsed, Duration::ZERO);
            self.freshness.lasted = outcome.lasted;
            self.freshness.last_complete = elapsed;
            self.status.inputs.last_sync = Some(now);
            if outcome.full {
                self.status.inputs.last_full_sync = Some(now);
            }
            outcome.trace(&self.watch);
            let shown = Shown::by(self.status.reporter.last());
            let said = events::of_notes(&outcome.notes, &shown, &self.status.note);
            let said = said
                .into_iter()
                .chain(events::of_vanished(outcome.vanished));
            self.env.events.of_watch(&*self.watch, said);
            self.status.note = outcome.note();
        }
        let Some(failure) = failure else {
            self.freshness.last_clean = elapsed;
            return ReadyState::Synced(self.status.note.clone());
        };
        self.failed(outcome, failure).await
    }

    /// Marks what is open and stale `now` (monotonic): all of it, where no listing confirms it, else what is missing or
    /// could not be written. Whether there may be such.
    async fn mark_stale(&self, now: Duration) -> bool {
        let is_due = |since: Duration| now >= since + self.stale_after();
        if is_due(self.freshness.last_complete) {
            mark_all_stale(&self.env, &self.target, &self.sync_state).await;
        } else {
            let some = (self.stale_after(), is_due(self.freshness.last_clean));
            mark_some_stale(&self.env, &self.target, &self.sync_state, some).await;
        }
        is_due(self.freshness.last_clean)
    }

    /// Reports `standing`; whether that could be written.
    async fn report(&mut self, standing: &ReadyState) -> bool {
        let (stale_after, env) = (self.stale_after(), &self.env);
        let status = &mut self.status;
        status
            .report(env, &self.watch, &self.target, stale_after, standing)
            .await
    }

    /// Waits for the next poll, or for somebody to ask for one; a long wait does not look as if nobody lived.
    async fn wait(&mut self, outcome: &Result<SyncOutcome, SyncError>, standing: &ReadyState) {
        if let ReadyState::Keyless { .. } = standing {
            return self.wait_for_key(standing.clone()).await;
        }
        let interval = self.schedule.cadence.current(self.something_open());
        let uid = self.watch.uid().unwrap_or_default();
        let next = next_poll(
            interval,
            self.schedule.min_interval,
            &uid,
            self.schedule.polls,
        );
        // A Retry-After does not lengthen this: somebody must tell meanwhile that the mirror gets stale.
        if outcome.is_err() {
            self.sync_state.lists.history.rest = Duration::ZERO;
        }
        let clock = self.env.clock.clone();
        let until = clock.elapsed() + next.max(self.sync_state.lists.history.rest);
        self.sync_state.observer.heartbeat.rest_until(until);
        let earliest = self.sync_state.full_allowed_at();
        let restored_at = earliest.max(clock.elapsed() + self.schedule.min_interval);
        loop {
            let again = self.status.inputs.adopting.is_some() || self.may_land();
            let pause = if again { ADOPT_AGAIN } else { HEARTBEAT };
            let tell_at = clock.elapsed() + pause;
            let turn = self.turn();
            tokio::select! {
                biased;
                () = clock.sleep_until(until.min(tell_at)) => {}
                () = self.env.index.listed_after(self.store_seen.surveyed) => {}
                () = restored::restored(&self.env, self.store_seen.restores, (restored_at, turn)) => break,
                () = self.schedule.requests.wait(&*clock, earliest) => break,
            }
            if clock.elapsed() >= until {
                break;
            }
            self.adopt_late_ones(false).await;
            self.report(standing).await;
        }
        self.sync_state.observer.heartbeat.touch();
    }

    fn something_open(&self) -> bool {
        self.env.any_open(&self.target)
    }

    fn stale_after(&self) -> Duration {
        let (lasted, rest) = (self.freshness.lasted, self.sync_state.lists.history.rest);
        (self.schedule.cadence).stale_after(self.something_open(), lasted, rest)
    }

    /// When what is open gets stale (monotonic) unless a complete listing confirms it; `None` where none ever has: then
    /// there is nothing but what the first one is about to show.
    fn stale_at(&self) -> Option<Duration> {
        let synced = self.status.reporter.last().last_sync_time.is_some();
        synced.then(|| self.freshness.last_complete + self.stale_after())
    }
}

/// How long before this process the last sync must have been at the latest.
fn unconfirmed_before_start<C, T>(env: &Env<C, T>, last: &ClusterWatchStatus) -> Duration {
    let age = age_of_last_sync(env, last).unwrap_or_default();
    age.saturating_sub(synced_later_by(last))
}

/// How long ago the last sync was by the status.
fn age_of_last_sync<C, T>(env: &Env<C, T>, last: &ClusterWatchStatus) -> Option<Duration> {
    let last = timestamp::read(last.last_sync_time.as_deref())?;
    Duration::try_from(env.clock.now().duration_since(last)).ok()
}

#[cfg(test)]
mod tests;
