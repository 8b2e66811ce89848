//! Writes the status of a `ClusterWatch`, but only if it changed or a heartbeat is due.

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use crate::{
    api::cluster_watch::{ClusterWatch, ClusterWatchSpec, ClusterWatchStatus},
    clock::MonoTime,
    controller::status::build::{ReadyState, StatusInputs, build, worth_writing},
    k8s::{api::KubeApi, error::KubeApiError},
    sync::schedule::HEARTBEAT,
};

/// How often a report is retried after a conflict with another writer.
const TRIES: usize = 3;

/// Writes the status for one generation of one `ClusterWatch`.
#[derive(Debug)]
pub struct Reporter<C> {
    kube: C,
    namespace: String,
    name: String,
    uid: Option<String>,
    /// The generation that is reported.
    pub generation: i64,
    /// The spec of that generation. After a restore of etcd, another spec can get the same generation.
    spec: ClusterWatchSpec,
    last: ClusterWatchStatus,
    /// When this process last wrote.
    written: Option<MonoTime>,
    /// When `last` was last compared with the stored status. A restore of etcd changes that one silently.
    compared: Option<MonoTime>,
}

impl<C: KubeApi> Reporter<C> {
    /// A reporter for this generation of `watch`, starting from its current status.
    #[must_use]
    pub fn new(kube: C, watch: &ClusterWatch) -> Self {
        Self {
            kube,
            namespace: watch.namespace().unwrap_or_default(),
            name: watch.name_any(),
            uid: watch.uid(),
            generation: watch.metadata.generation.unwrap_or_default(),
            spec: watch.spec.clone(),
            last: watch.status.clone().unwrap_or_default(),
            written: None,
            compared: None,
        }
    }

    /// The status as last seen or written.
    #[must_use]
    pub fn last(&self) -> &ClusterWatchStatus {
        &self.last
    }

    /// Whether this generation was reported before.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.last.observed_generation == Some(self.generation)
    }

    /// Whether the last `staleAfter` has passed at `now`.
    fn is_over(&self, now: Timestamp) -> bool {
        let promised = self.last.stale_after.as_deref();
        let promised = promised.and_then(|time| time.parse::<Timestamp>().ok());
        promised.is_some_and(|promised| promised <= now)
    }

    /// Reports `ready_state` and `facts`, which belong to this reporter's generation; `elapsed` is the monotonic time at
    /// `now`.
    ///
    /// # Errors
    /// The request that was rejected or failed. A `ClusterWatch` that is gone or has another generation or spec is no
    /// error: its next reporter reports.
    pub async fn report(
        &mut self,
        ready_state: &ReadyState,
        facts: &StatusInputs,
        now: Timestamp,
        elapsed: MonoTime,
    ) -> Result<(), KubeApiError> {
        // If `staleAfter` has passed, readers conclude that the operator is down. In a running operator it means that
        // the clock was set ahead.
        let written = self.written.filter(|_| !self.is_over(now));
        let silent = written.map(|written| elapsed.duration_since(written));
        let next = build(&self.last, ready_state, facts, now);
        let compared = *self.compared.get_or_insert(elapsed);
        if elapsed.duration_since(compared) < HEARTBEAT && !worth_writing(&self.last, &next, silent)
        {
            return Ok(());
        }
        for _ in 0..TRIES {
            let mut watch = match self.kube.get_watch(&self.namespace, &self.name).await {
                Ok(watch) => watch,
                Err(KubeApiError::NotFound) => return Ok(()),
                Err(error) => return Err(error),
            };
            let is_ours = watch.uid() == self.uid
                && watch.metadata.generation == Some(self.generation)
                && watch.spec == self.spec;
            if !is_ours {
                return Ok(());
            }
            self.last = watch.status.take().unwrap_or_default();
            self.compared = Some(elapsed);
            let status = build(&self.last, ready_state, facts, now);
            if !worth_writing(&self.last, &status, silent) {
                return Ok(());
            }
            match self.write(watch, status).await {
                Ok(()) => {
                    self.written = Some(elapsed);
                    return Ok(());
                }
                Err(KubeApiError::NotFound) => return Ok(()),
                Err(KubeApiError::Conflict) => {}
                Err(error) => return Err(error),
            }
        }
        Err(KubeApiError::Conflict)
    }

    async fn write(
        &mut self,
        mut watch: ClusterWatch,
        status: ClusterWatchStatus,
    ) -> Result<(), KubeApiError> {
        watch.status = Some(status);
        // The API server keeps the other fields: the patch only needs the fence.
        watch.metadata.managed_fields = None;
        let written = self.kube.replace_watch_status(&watch).await?;
        self.last = written.status.unwrap_or_default();
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
