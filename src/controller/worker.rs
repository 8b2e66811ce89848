//! The life of one generation of one `ClusterWatch`: wait, sync, report, repeat.

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
    clock::MonoTime,
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
        edit_throttle::EditThrottle,
        event_cutoff::EventCutoff,
        outcome::SyncOutcome,
        schedule::{Cadence, HEARTBEAT, PollDefaults, STALE_GRACE, next_poll, request::Requests},
        stale::{mark_all_stale, mark_some_stale},
        state::SyncState,
        sync,
        target::MirrorTarget,
        write::in_flight::UNDER_WAY,
    },
    together::{Client, Moment, Service},
};

/// The message of Ready while a sync takes so long that mirrors are stale.
const LATE: &str = "The current sync takes so long that the open remediations are stale. The sync continues. If this persists, set a larger spec.query.pageSize, or check the response times of the Together API";

/// Updates of labels and owner references pause for this long.
const ADOPT_AGAIN: Duration = Duration::from_secs(10);

/// The worker of one generation of one `ClusterWatch`.
pub struct Worker<C, T = Client> {
    env: Arc<Env<C, T>>,
    watch: Arc<ClusterWatch>,
    target: MirrorTarget,
    schedule: Schedule,
    sync_state: SyncState,
    status: StatusReport<C>,
    freshness: Freshness,
    store_seen: StoreSeen,
}

/// When it syncs.
struct Schedule {
    cadence: Cadence,
    min_interval: Duration,
    requests: Requests,
    /// Number of syncs so far.
    polls: u64,
    /// The first sync starts no earlier than this, so that others can go first.
    starts_at: MonoTime,
    /// Its entry on the roll of all synced `ClusterWatches`.
    entry: Entry,
    /// Whether it replaces an earlier generation.
    edited: bool,
}

/// When the mirrors were last confirmed.
struct Freshness {
    /// When the list of the last sync without failed writes was complete (not before the clock's zero).
    last_clean: MonoTime,
    /// When the last complete list was complete, with or without failed writes: the listed mirrors are confirmed.
    last_complete: MonoTime,
    /// Duration of the last complete sync.
    lasted: Duration,
}

/// What the worker has seen of the lists of mirrors.
#[derive(Default)]
struct StoreSeen {
    /// Number of completed lists when all mirrors were last checked for labels and owner references.
    surveyed: u64,
    /// The last change of the mirrors then, if all had them.
    all_fit: Option<u64>,
    /// Number of completed lists after restores of etcd when the last sync started.
    restores: u64,
    /// When all requests of an earlier generation have taken effect.
    all_landed: MonoTime,
}

impl<C: KubeApi, T: Service> Worker<C, T> {
    /// The worker of `watch`; `requested` is its `requestedAt` annotation, as it changes.
    #[must_use]
    pub fn new(
        env: Arc<Env<C, T>>,
        watch: Arc<ClusterWatch>,
        speeds: PollDefaults,
        requested: watch::Receiver<Option<String>>,
    ) -> Self {
        let status = StatusReport::new(env.kube.clone(), &watch);
        let now = env.clock.elapsed();
        let last = now.saturating_sub(unconfirmed_before_start(&env, status.reporter.last()));
        let mut sync_state = SyncState::default();
        // Remediations created since the last sync are reported as new, even if no operator ran at that time.
        let last_sync = status.reporter.last().last_sync_time.as_deref();
        let last_sync = timestamp::read(last_sync);
        sync_state.observer.event_cutoff =
            EventCutoff::since_sync(last_sync, Moment::of(&*env.clock));
        Self {
            target: MirrorTarget::of(&watch, env.index.labels()),
            schedule: Schedule {
                cadence: Cadence::of(&watch.spec, speeds),
                min_interval: speeds.min_interval,
                requests: Requests::new(requested, speeds.min_interval),
                polls: 0,
                starts_at: MonoTime::ZERO,
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

    /// Keeps `throttle`, which it shares with the workers before and after it; `edited`: it replaces the worker of an
    /// earlier generation.
    #[must_use]
    pub fn after(mut self, throttle: Arc<EditThrottle>, edited: bool) -> Self {
        (self.sync_state.throttle, self.schedule.edited) = (throttle, edited);
        self
    }

    /// Syncs until it is dropped. `watchdog` monitors progress, and `meters` count.
    pub async fn run(mut self, watchdog: &Watchdog, meters: &Watches) {
        let name = self.watch.name_any();
        self.use_meter(meters);
        if let Some(age) = age_of_last_sync(&self.env, self.status.reporter.last()) {
            self.status.meter.synced(self.env.clock.elapsed(), age);
        }
        self.listed(&ReadyState::Progressing(String::new())).await;
        self.survey();
        self.sync_state.observer.heartbeat = watchdog.enroll(&self.target.namespace, &name);
        self.check_secret_first().await;
        self.await_turn().await;
        loop {
            let handled = self.take_request();
            self.note_restore();
            let outcome = self.sync().await;
            self.schedule.polls += 1;
            self.status.inputs.handled = handled.or(self.status.inputs.handled.take());
            let ready_state = self.record_outcome(&outcome).await;
            // A successful active sync has corrected most of the stale mirrors.
            let all = outcome.as_ref().map_or(true, |outcome| outcome.full);
            self.adopt_late_ones(all).await;
            self.report(&ready_state).await;
            self.wait(&outcome, &ready_state).await;
        }
    }

    /// Registers the `ClusterWatch` with `meters`.
    fn use_meter(&mut self, meters: &Watches) {
        let meter = meters.meter(&self.target.namespace, &self.watch.name_any());
        meter.shows(&self.env.index, &self.target);
        self.status.meter = meter.clone();
        self.sync_state.observer.meter = meter;
    }

    /// The request that the next sync answers, if one is due.
    fn take_request(&mut self) -> Option<String> {
        let reported = &self.status.reporter.last().last_handled_reconcile_at;
        let handled = self.status.inputs.handled.as_ref().or(reported.as_ref());
        let now = self.env.clock.elapsed();
        let earliest = self.sync_state.full_allowed_at();
        let request = self
            .schedule
            .requests
            .take(handled.map(String::as_str), now, earliest)?;
        self.sync_state.want_everything_now();
        Some(request)
    }

    /// Syncs once. If the sync takes so long that mirrors become stale or a heartbeat is due, the status is written
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
            let ready_state = match stale_at {
                Some(_) => ReadyState::Failing {
                    reason: Reason::IncompleteListing,
                    message: LATE.to_owned(),
                },
                None => ReadyState::Progressing(String::new()),
            };
            let stale_after = cadence.stale_after(env.any_open(target), freshness.lasted, rest);
            // The report is awaited even if the sync ends first, because its result must be known.
            let report = pin!(status.report(env, watch, target, stale_after, &ready_state));
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

    /// The state to report after a sync.
    async fn record_outcome(&mut self, outcome: &Result<SyncOutcome, SyncError>) -> ReadyState {
        let (elapsed, now) = (self.env.clock.elapsed(), self.env.clock.now());
        let failure = Failure::of(outcome, &self.target, self.sync_state.unwritten());
        self.status.meter.polled(
            failure
                .as_ref()
                .map_or(Reason::Synced, |failure| failure.reason),
        );
        if let Ok(outcome) = outcome {
            let age = elapsed.duration_since(outcome.list.ended);
            self.status.meter.synced(elapsed, age);
            self.freshness.lasted = outcome.list.lasted;
            self.freshness.last_complete = outcome.list.ended;
            self.status.inputs.last_sync = Some(now - age);
            if outcome.full {
                self.status.inputs.last_full_sync = self.status.inputs.last_sync;
            }
            outcome.trace();
            let shown = Shown::by(self.status.reporter.last());
            let drafts = events::of_notes(&outcome.notes, &shown, &self.status.note);
            let drafts = drafts
                .into_iter()
                .chain(events::of_vanished(outcome.vanished));
            self.env.events.of_watch(&*self.watch, drafts);
            self.status.note = outcome.note();
        }
        let Some(failure) = failure else {
            self.freshness.last_clean = self.freshness.last_complete;
            return ReadyState::Synced(self.status.note.clone());
        };
        self.failed(outcome, failure).await
    }

    /// Marks open mirrors that are stale `now`: all of them if no list confirms them, otherwise those that are missing
    /// or could not be written. Returns whether some may be stale.
    async fn mark_stale(&mut self, now: MonoTime) -> bool {
        let stale_after = self.stale_after();
        let is_due = |since: MonoTime| now >= since + stale_after;
        let unclean = is_due(self.freshness.last_clean);
        if is_due(self.freshness.last_complete) {
            mark_all_stale(&self.env, &self.target, &mut self.sync_state).await;
        } else {
            let some = (stale_after, unclean);
            mark_some_stale(&self.env, &self.target, &mut self.sync_state, some).await;
        }
        unclean
    }

    /// Reports `ready_state`. Returns whether it was written.
    async fn report(&mut self, ready_state: &ReadyState) -> bool {
        let (stale_after, env) = (self.stale_after(), &self.env);
        let status = &mut self.status;
        status
            .report(env, &self.watch, &self.target, stale_after, ready_state)
            .await
    }

    /// Waits for the next sync, or for a request. Heartbeats continue during a long wait.
    async fn wait(&mut self, outcome: &Result<SyncOutcome, SyncError>, ready_state: &ReadyState) {
        if let ReadyState::Keyless { .. } = ready_state {
            return self.wait_for_key(ready_state.clone()).await;
        }
        let interval = self.schedule.cadence.current(self.something_open());
        let uid = self.watch.uid().unwrap_or_default();
        let next = next_poll(
            interval,
            self.schedule.min_interval,
            &uid,
            self.schedule.polls,
        );
        // A Retry-After does not extend this time, because the stale mirrors must be marked meanwhile.
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
            let report_at = clock.elapsed() + pause;
            let turn = self.turn();
            tokio::select! {
                biased;
                () = clock.sleep_until(until.min(report_at)) => {}
                () = self.env.index.listed_after(self.store_seen.surveyed) => {}
                () = restored::restored(&self.env, self.store_seen.restores, (restored_at, turn)) => break,
                () = self.schedule.requests.wait(&*clock, earliest) => break,
            }
            if clock.elapsed() >= until {
                break;
            }
            self.adopt_late_ones(false).await;
            self.report(ready_state).await;
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

    /// When open mirrors become stale unless a complete list confirms them. `None` before the first complete list,
    /// which is about to come.
    fn stale_at(&self) -> Option<MonoTime> {
        let synced = self.status.reporter.last().last_sync_time.is_some();
        synced.then(|| self.freshness.last_complete + self.stale_after())
    }
}

/// The latest time of the last sync before this process started.
fn unconfirmed_before_start<C, T>(env: &Env<C, T>, last: &ClusterWatchStatus) -> Duration {
    let age = age_of_last_sync(env, last).unwrap_or_default();
    age.saturating_sub(synced_later_by(last))
}

/// The time since the last sync that the status records.
fn age_of_last_sync<C, T>(env: &Env<C, T>, last: &ClusterWatchStatus) -> Option<Duration> {
    let last = timestamp::read(last.last_sync_time.as_deref())?;
    Duration::try_from(env.clock.now().duration_since(last)).ok()
}

#[cfg(test)]
mod tests;
