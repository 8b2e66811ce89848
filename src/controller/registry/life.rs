//! The life of one task: it ends when it is cancelled, and is started again when it panics.

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

/// A task that panics after it has worked for so long is started again as soon as one that panics for the first time.
const RECOVERED: Duration = Duration::from_secs(600);

/// What Ready says while a task that panicked waits for its next start.
const PANICKED: &str = "The operator failed while it synced this ClusterWatch, because of a bug. It retries by itself. Please report the line of its log that begins with \"panicked\"";

/// What a task has to do.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Mirror,
    /// To leave the API alone and say why; whether the mirrors are those of another `ClusterWatch`.
    Rest(ReadyState, bool),
}

/// What the task of one generation of one `ClusterWatch` is made of, each time that it is started.
pub(super) struct Slot<C, T> {
    pub(super) env: Arc<Env<C, T>>,
    pub(super) speeds: PollDefaults,
    pub(super) watchdog: Watchdog,
    pub(super) meters: Watches,
    /// The `ClusterWatch` of this generation, as it was last seen.
    pub(super) seen: watch::Receiver<Arc<ClusterWatch>>,
    pub(super) asked: watch::Receiver<Option<String>>,
    pub(super) pace: Arc<EditThrottle>,
    pub(super) roll: Roll,
    /// Its first poll does not begin before (monotonic).
    pub(super) starts_at: Duration,
    pub(super) work: Work,
}

impl<C: KubeApi, T: Service> Slot<C, T> {
    /// Works until there is nothing left to do, for a `ClusterWatch` that is `edited` or new. After a panic all that the task
    /// remembered is gone, as after a restart of the operator; it waits for longer from panic to panic.
    pub(super) async fn live(self, mut edited: bool) {
        let watch = self.seen.borrow().clone();
        let (namespace, name) = (watch.namespace().unwrap_or_default(), watch.name_any());
        // Its series go on over a panic.
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
            tracing::error!(watch = %name, %namespace, seconds = pause.as_secs(), "the task of a ClusterWatch panicked; it is started again after this time");
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

    /// Says that the task is down and marks what gets stale meanwhile, until it is dropped. Should that panic too, the
    /// status is not written any more, so that its `staleAfter` tells.
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

/// Does `work`; `false`: it panicked. What it shares with others stays usable: each lock is held for whole changes only.
async fn caught(work: impl Future<Output = ()>) -> bool {
    AssertUnwindSafe(work).catch_unwind().await.is_ok()
}
