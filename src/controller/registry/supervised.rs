//! The life of one worker: it ends when it is cancelled, and restarts after a panic.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures::FutureExt;
use kube::ResourceExt;
use tokio::sync::watch;
use tracing::Span;

use super::WorkerFactory;
use crate::{
    api::{Reason, cluster_watch::ClusterWatch},
    clock::MonoTime,
    controller::{
        status::build::{ReadyState, ready_without_panic},
        worker::Worker,
    },
    k8s::api::KubeApi,
    sync::{edit_throttle::EditThrottle, schedule::after_refusal},
    together::Service,
};

/// After this long without a panic, the next one counts as the first again and the worker restarts soon.
const RECOVERED: Duration = Duration::from_secs(600);

/// The message of Ready while a worker that panicked waits for its restart.
const PANICKED: &str = "The sync stopped because of a bug in the operator. The operator retries. Please report the log line that begins with \"panicked\"";

/// What a worker does.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Mirror,
    /// Report why nothing is synced, and call no API. The flag says whether the mirrors belong to another
    /// `ClusterWatch`.
    Rest(ReadyState, bool),
}

impl Work {
    /// Whether the mirrors belong to another `ClusterWatch`.
    const fn overlaps(&self) -> bool {
        matches!(self, Self::Rest(_, true))
    }
}

/// The worker for one generation of a `ClusterWatch`, which is built again after each panic.
pub(super) struct SupervisedWorker<C, T> {
    pub(super) factory: WorkerFactory<C, T>,
    /// The `ClusterWatch` of this generation, as last seen.
    pub(super) watch: watch::Receiver<Arc<ClusterWatch>>,
    /// Its `requestedAt` annotation.
    pub(super) requested: watch::Receiver<Option<String>>,
    pub(super) throttle: Arc<EditThrottle>,
    /// The first sync starts no earlier than this.
    pub(super) starts_at: MonoTime,
    pub(super) work: Work,
    /// Status and reason of Ready before the first of the panics.
    pub(super) before_panic: Option<(String, Reason)>,
}

impl<C: KubeApi, T: Service> SupervisedWorker<C, T> {
    /// Works until there is nothing left to do, for a `ClusterWatch` that was `edited` or is new. A panic loses the
    /// worker's state, like a restart of the operator. The wait grows with each panic in a row.
    pub(super) async fn supervise(mut self, mut edited: bool) {
        let watch = self.watch.borrow().clone();
        // The metric series continue after a panic.
        let _meter = matches!(self.work, Work::Mirror).then(|| self.factory.meter(&watch));
        let turn = self.factory.cadence(&watch).active_interval;
        let clock = self.factory.clock().clone();
        let mut panics = 0;
        loop {
            let began = clock.elapsed();
            if completes(self.work(edited)).await {
                return;
            }
            edited = false;
            self.remember_ready();
            self.factory.count_panic();
            if clock.elapsed() >= began + RECOVERED {
                panics = 0;
            }
            let pause = after_refusal(turn, panics);
            panics = panics.saturating_add(1);
            tracing::error!(
                seconds = pause.as_secs(),
                "the worker of a ClusterWatch panicked; restarting it after the given seconds"
            );
            tokio::select! {
                biased;
                () = clock.sleep_until(clock.elapsed() + pause) => {}
                () = self.report_panic() => {}
            }
        }
    }

    /// The span of all that it does: each line of the log names the `ClusterWatch`.
    pub(super) fn span(&self) -> Span {
        let watch = self.watch.borrow();
        // At the level of errors, so that no filter takes the names from a line that it lets through.
        tracing::error_span!(
            "worker",
            namespace = %watch.namespace().unwrap_or_default(),
            clusterwatch = %watch.name_any(),
        )
    }

    async fn work(&self, edited: bool) {
        let worker = self.worker().after(self.throttle.clone(), edited);
        match &self.work {
            Work::Mirror => {
                let entry = self.factory.enter(&self.watch.borrow());
                let worker = worker.starting(self.starts_at, entry);
                self.factory.run(worker).await;
            }
            Work::Rest(ready_state, overlaps) => {
                let meters = self.factory.meters();
                worker.rest(ready_state.clone(), *overlaps, meters).await;
            }
        }
    }

    /// Keeps what Ready shows, unless that is an earlier panic.
    fn remember_ready(&mut self) {
        let watch = self.watch.borrow();
        let ready = watch.status.as_ref().and_then(ready_without_panic);
        if let Some((status, reason)) = ready {
            self.before_panic = Some((status.to_owned(), reason));
        }
    }

    /// Reports the panic and marks what becomes stale, until it is dropped. If that panics too, it does no more than
    /// that, and a panic of the one does not stop the other. If reports panic, the status is not updated any longer, and
    /// its `staleAfter` shows the failure.
    async fn report_panic(&self) {
        let ready_state = ReadyState::Failing {
            reason: Reason::InternalError,
            message: PANICKED.to_owned(),
        };
        let (overlaps, meters) = (self.work.overlaps(), self.factory.meters());
        let resting = ready_state.clone();
        self.attempt(async { self.worker().rest(resting, overlaps, meters).await })
            .await;
        let marks = async {
            if !overlaps {
                self.worker().only_mark().await;
            }
        };
        let reports = async { self.worker().only_report(ready_state, meters).await };
        tokio::join!(self.attempt(marks), self.attempt(reports));
        std::future::pending::<()>().await;
    }

    /// Runs `work`; counts its panic.
    async fn attempt(&self, work: impl Future<Output = ()>) {
        if !completes(work).await {
            self.factory.count_panic();
        }
    }

    fn worker(&self) -> Worker<C, T> {
        let watch = self.watch.borrow().clone();
        let worker = self.factory.build(watch, self.requested.clone());
        worker.recalling(self.before_panic.clone())
    }
}

/// Runs `work`; returns `false` if it panicked. Shared state stays valid, because each lock is held for complete
/// changes only.
async fn completes(work: impl Future<Output = ()>) -> bool {
    AssertUnwindSafe(work).catch_unwind().await.is_ok()
}
