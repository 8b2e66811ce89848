//! How a watch goes from one shard to another: the old one ends its work and lets go, the new one begins then.

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

/// What the ended task had sent lands within this time, or never.
const LANDING: Duration = Duration::from_secs(1);

/// Between tries.
const AGAIN: Duration = Duration::from_secs(10);

/// How long another shard is waited for that promised nothing: that of a suspended watch.
const UNPROMISED: Duration = Duration::from_secs(600);

impl<C: KubeApi, T: Service> Task<C, T> {
    /// Waits until all mirrors of the watch are known, and no other shard has it.
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
                    tracing::warn!(watch = %self.watch.name_any(), namespace = %self.target.namespace, %error, "the watch could not be taken over; it is tried again");
                }
            }
            clock.sleep_until(clock.elapsed() + AGAIN).await;
        }
    }

    /// Waits until all mirrors of the watch are known. Where the API server refuses to list them, that is reported meanwhile,
    /// unless `standing` says something that holds all the same.
    async fn listed(&mut self, standing: &ReadyState) {
        let (env, target) = (self.env.clone(), self.target.clone());
        let standing = match standing {
            ReadyState::Progressing(_) => ReadyState::Failing {
                reason: Reason::WriteFailed,
                message: format!(
                    "the API server refuses to list Remediations in {}: grant the operator's service account list and watch there",
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

    /// Says that the watch is another shard's.
    pub async fn let_go(self) {
        let (cluster, clock) = (&self.env.cluster, self.env.clock.clone());
        let (namespace, name) = (&self.target.namespace, self.watch.name_any());
        let_go(cluster, clock, &self.shard, namespace, &name).await;
    }
}

/// Says in the status of the watch that `shard` writes for it no more, unless it is to again. Tries until that is told.
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
                tracing::warn!(%namespace, watch = %name, %error, "another shard waits for this watch, and could not be told that it is free; it is tried again");
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
