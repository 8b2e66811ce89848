//! The life of one task: it ends when it is cancelled, and restarts after a panic.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use kube::ResourceExt;
use tokio::sync::watch;

use crate::{
    api::{Reason, cluster_watch::ClusterWatch},
    controller::{
        metrics::Watches,
        spread::Roll,
        status::build::{ReadyState, ready_without_panic},
        worker::Task,
    },
    health::liveness::Watchdog,
    k8s::api::KubeApi,
    sync::{
        Env,
        edit_throttle::EditThrottle,
        schedule::{Cadence, PollDefaults, after_refusal},
    },
    together::Service,
};

/// After this long without a panic, the next one counts as the first again and the task restarts soon.
const RECOVERED: Duration = Duration::from_secs(600);

/// The message of Ready while a task that panicked waits for its restart.
const PANICKED: &str = "The sync stopped because of a bug in the operator. The operator retries. Please report the log line that begins with \"panicked\"";

/// The work of a task.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Mirror,
    /// Report why nothing is synced, and call no API. The flag says whether the mirrors belong to another
    /// `ClusterWatch`.
    Rest(ReadyState, bool),
}

/// Everything that a task for one generation of a `ClusterWatch` needs, at each of its starts.
pub(super) struct Slot<C, T> {
    pub(super) env: Arc<Env<C, T>>,
    pub(super) speeds: PollDefaults,
    pub(super) watchdog: Watchdog,
    pub(super) meters: Watches,
    /// The `ClusterWatch` of this generation, as last seen.
    pub(super) seen: watch::Receiver<Arc<ClusterWatch>>,
    pub(super) asked: watch::Receiver<Option<String>>,
    pub(super) pace: Arc<EditThrottle>,
    pub(super) roll: Roll,
    /// The first sync starts no earlier than this (monotonic).
    pub(super) starts_at: Duration,
    pub(super) work: Work,
    /// Status and reason of Ready before the first of the panics.
    pub(super) before_panic: Option<(String, Reason)>,
}

impl<C: KubeApi, T: Service> Slot<C, T> {
    /// Works until there is nothing left to do, for a `ClusterWatch` that was `edited` or is new. A panic loses the
    /// task's state, like a restart of the operator. The wait grows with each panic in a row.
    pub(super) async fn live(mut self, mut edited: bool) {
        let watch = self.seen.borrow().clone();
        let (namespace, name) = (watch.namespace().unwrap_or_default(), watch.name_any());
        // The metric series continue after a panic.
        let _meter =
            matches!(self.work, Work::Mirror).then(|| self.meters.meter(&namespace, &name));
        let turn = Cadence::of(&watch.spec, self.speeds).active_interval;
        let clock = self.env.clock.clone();
        let mut panics = 0;
        loop {
            let began = clock.elapsed();
            if caught(self.work(edited)).await {
                return;
            }
            edited = false;
            self.remember();
            self.meters.panicked("clusterwatch");
            if clock.elapsed() >= began + RECOVERED {
                panics = 0;
            }
            let pause = after_refusal(turn, panics);
            panics = panics.saturating_add(1);
            tracing::error!(watch = %name, %namespace, seconds = pause.as_secs(), "the task of a ClusterWatch panicked; restarting it after the given seconds");
            tokio::select! {
                biased;
                () = clock.sleep_until(clock.elapsed() + pause) => {}
                () = self.down() => {}
            }
        }
    }

    async fn work(&self, edited: bool) {
        let task = self.task().after(self.pace.clone(), edited);
        match &self.work {
            Work::Mirror => {
                let watch = self.seen.borrow().clone();
                let (namespace, name) = (watch.namespace().unwrap_or_default(), watch.name_any());
                let entry = self.roll.enter(&namespace, &name);
                let task = task.starting(self.starts_at, entry);
                task.run(&self.watchdog, &self.meters).await;
            }
            Work::Rest(standing, overlaps) => {
                task.rest(standing.clone(), *overlaps, &self.meters).await;
            }
        }
    }

    /// Keeps what Ready shows, unless that is an earlier panic.
    fn remember(&mut self) {
        let watch = self.seen.borrow();
        let ready = watch.status.as_ref().and_then(ready_without_panic);
        if let Some((status, reason)) = ready {
            self.before_panic = Some((status.to_owned(), reason));
        }
    }

    /// Reports that the task is down and marks what becomes stale, until it is dropped. If that panics too, it does no
    /// more than that, and a panic of the one does not stop the other. If reports panic, the status is not updated any
    /// longer, and its `staleAfter` shows the failure.
    async fn down(&self) {
        let standing = ReadyState::Failing {
            reason: Reason::InternalError,
            message: PANICKED.to_owned(),
        };
        let overlaps = matches!(self.work, Work::Rest(_, true));
        let told = standing.clone();
        self.attempt(async { self.task().rest(told, overlaps, &self.meters).await })
            .await;
        let marks = async {
            if !overlaps {
                self.task().only_mark().await;
            }
        };
        let reports = async { self.task().only_report(standing, &self.meters).await };
        tokio::join!(self.attempt(marks), self.attempt(reports));
        std::future::pending::<()>().await;
    }

    /// Runs `work`; counts its panic.
    async fn attempt(&self, work: impl Future<Output = ()>) {
        if !caught(work).await {
            self.meters.panicked("clusterwatch");
        }
    }

    fn task(&self) -> Task<C, T> {
        let (env, watch) = (self.env.clone(), self.seen.borrow().clone());
        Task::new(env, watch, self.speeds, self.asked.clone()).recalling(self.before_panic.clone())
    }
}

/// Runs `work`; returns `false` if it panicked. Shared state stays valid, because each lock is held for complete
/// changes only.
async fn caught(work: impl Future<Output = ()>) -> bool {
    AssertUnwindSafe(work).catch_unwind().await.is_ok()
}
