//! The life of one task: it ends when it is cancelled, and restarts after a panic.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use kube::ResourceExt;
use tokio::sync::watch;

use crate::{
    api::{Reason, cluster_watch::ClusterWatch},
    controller::{metrics::Watches, spread::Roll, status::build::ReadyState, worker::Task},
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
}

impl<C: KubeApi, T: Service> Slot<C, T> {
    /// Works until there is nothing left to do, for a `ClusterWatch` that was `edited` or is new. A panic loses the
    /// task's state, like a restart of the operator. The wait grows with each panic in a row.
    pub(super) async fn live(self, mut edited: bool) {
        let watch = self.seen.borrow().clone();
        let (namespace, name) = (watch.namespace().unwrap_or_default(), watch.name_any());
        // The metric series continue after a panic.
        let _meter =
            matches!(self.work, Work::Mirror).then(|| self.meters.meter(&namespace, &name));
        let turn = Cadence::of(&watch.spec, self.speeds).active_interval;
        let clock = &self.env.clock;
        let mut panics = 0;
        loop {
            let began = clock.elapsed();
            if caught(self.work(edited)).await {
                return;
            }
            edited = false;
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

    /// Reports that the task is down and marks what becomes stale, until it is dropped. If that panics too, the status
    /// is not updated any longer, and its `staleAfter` shows the failure.
    async fn down(&self) {
        if matches!(self.work, Work::Mirror) {
            let standing = ReadyState::Failing {
                reason: Reason::InternalError,
                message: PANICKED.to_owned(),
            };
            let rest = async { self.task().rest(standing, false, &self.meters).await };
            if !caught(rest).await {
                self.meters.panicked("clusterwatch");
            }
        }
        std::future::pending::<()>().await;
    }

    fn task(&self) -> Task<C, T> {
        let (env, watch) = (self.env.clone(), self.seen.borrow().clone());
        Task::new(env, watch, self.speeds, self.asked.clone())
    }
}

/// Runs `work`; returns `false` if it panicked. Shared state stays valid, because each lock is held for complete
/// changes only.
async fn caught(work: impl Future<Output = ()>) -> bool {
    AssertUnwindSafe(work).catch_unwind().await.is_ok()
}
