//! The handover of a `ClusterWatch` between shards: the old shard finishes and releases it, then the new one starts.

use std::{sync::Arc, time::Duration};

use kube::ResourceExt;

use super::Task;
use crate::{
    api::Reason,
    clock::Clock,
    controller::{
        shard::{Holder, Shard},
        status::build::ReadyState,
    },
    k8s::api::{KubeApi, KubeApiError},
    sync::schedule::HEARTBEAT,
    together::Service,
};

/// Requests of the ended task take effect within this time, or never.
const LANDING: Duration = Duration::from_secs(1);

/// Time between attempts.
const AGAIN: Duration = Duration::from_secs(10);

/// How long to wait for a shard that made no promise, as for a suspended `ClusterWatch`.
const UNPROMISED: Duration = Duration::from_secs(600);

impl<C: KubeApi, T: Service> Task<C, T> {
    /// Waits until all mirrors of the `ClusterWatch` are known and no other shard owns it.
    pub(super) async fn begin(&mut self, standing: &ReadyState) {
        self.listed(standing).await;
        match self.shard.holder(self.status.reporter.last()) {
            Holder::This => return,
            Holder::Nobody if !self.shard.is_one_of_several() => return,
            Holder::Nobody | Holder::Another(_) => {}
        }
        let standing = (!self.status.reporter.is_acknowledged()).then_some(standing);
        self.status.inputs.stale_after = self.stale_after();
        let (clock, began) = (self.env.clock.clone(), self.env.clock.elapsed());
        loop {
            let now = clock.now();
            let unpromised = clock.elapsed().saturating_sub(began) >= UNPROMISED;
            let is_silent =
                |promise: Option<_>| promise.map_or(unpromised, |promise| now >= promise);
            let taken =
                self.status
                    .reporter
                    .take_over(standing, &self.status.inputs, now, is_silent);
            match taken.await {
                Ok(Holder::This) => return,
                Ok(_) => {}
                Err(error) => {
                    tracing::warn!(watch = %self.watch.name_any(), namespace = %self.target.namespace, %error, "failed to take over the ClusterWatch; retrying");
                }
            }
            clock.sleep_until(clock.elapsed() + AGAIN).await;
        }
    }

    /// Waits until all mirrors of the `ClusterWatch` are known. If the API server does not allow listing them, that is
    /// reported meanwhile, unless `standing` says something that holds regardless.
    async fn listed(&mut self, standing: &ReadyState) {
        let (env, target) = (self.env.clone(), self.target.clone());
        let standing = match standing {
            ReadyState::Progressing(_) => ReadyState::Failing {
                reason: Reason::WriteFailed,
                message: format!(
                    "The operator has no access to Remediations in {}. Grant its service account list and watch there",
                    target.namespace
                ),
            },
            other => other.clone(),
        };
        let complete = || env.index.complete(&target.namespace, &target.cluster);
        tokio::select! {
            biased;
            () = complete() => return,
            () = env.index.refused(&target.namespace) => {}
        }
        loop {
            self.report(&standing).await;
            tokio::select! {
                biased;
                () = complete() => return,
                () = env.clock.sleep_until(env.clock.elapsed() + HEARTBEAT) => {}
            }
        }
    }

    /// Releases the `ClusterWatch` to its other shard.
    pub async fn let_go(self) {
        let (cluster, clock) = (&self.env.cluster, self.env.clock.clone());
        let (namespace, name) = (&self.target.namespace, self.watch.name_any());
        let_go(cluster, clock, &self.shard, namespace, &name).await;
    }
}

/// Removes `shard` as the owner from the status, unless it should own the `ClusterWatch` again. Retries until that is
/// written.
async fn let_go<C: KubeApi>(
    cluster: &C,
    clock: Arc<dyn Clock>,
    shard: &Shard,
    namespace: &str,
    name: &str,
) {
    clock.sleep_until(clock.elapsed() + LANDING).await;
    loop {
        match release(cluster, shard, namespace, name).await {
            Ok(()) | Err(KubeApiError::NotFound) => return,
            Err(KubeApiError::Conflict) => {}
            Err(error) => {
                tracing::warn!(%namespace, watch = %name, %error, "failed to release a ClusterWatch to another shard; retrying");
                clock.sleep_until(clock.elapsed() + AGAIN).await;
            }
        }
    }
}

async fn release<C: KubeApi>(
    cluster: &C,
    shard: &Shard,
    namespace: &str,
    name: &str,
) -> Result<(), KubeApiError> {
    let mut watch = cluster.get_watch(namespace, name).await?;
    let mut status = watch.status.take().unwrap_or_default();
    if shard.takes(&watch) || shard.holder(&status) != Holder::This {
        return Ok(());
    }
    status.shard = None;
    watch.status = Some(status);
    watch.metadata.managed_fields = None;
    cluster.replace_watch_status(&watch).await.map(drop)
}
