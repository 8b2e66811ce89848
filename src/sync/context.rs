//! What a sync uses.

use std::sync::Arc;

use super::{
    credentials::Keys,
    observer::Observer,
    schedule::Cadence,
    target::MirrorTarget,
    write::failed::FailedWrites,
    write::permits::WritePermits,
    write::queue::{Ports, WriteQueue},
};
use crate::{
    api::cluster_watch::ClusterWatchSpec,
    clock::Clock,
    events::Events,
    k8s::api::KubeApi,
    mirror::end::Clocks,
    store::{Index, Mirror},
    together::{Client, Service},
};

/// What all syncs of the process share.
pub struct Env<C, T = Client> {
    /// The port to the API server.
    pub kube: C,
    /// The Together API.
    pub together: T,
    /// The known mirrors.
    pub index: Index,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// The queue of Events.
    pub events: Events,
    /// The permits for writes to mirrors.
    pub permits: WritePermits,
    /// The API keys that were read recently.
    pub keys: Keys,
}

impl<C: KubeApi, T> Env<C, T> {
    /// A queue of writes that starts now. `observer` is informed of them, and failed writes are added to
    /// `failed_writes`.
    pub(crate) fn queue<'a>(
        &self,
        target: &'a MirrorTarget,
        observer: &Observer,
        failed_writes: &'a mut FailedWrites,
    ) -> WriteQueue<'a, C> {
        let ports = Ports {
            kube: self.kube.clone(),
            index: self.index.clone(),
            observer: observer.clone(),
            events: self.events.clone(),
            permits: self.permits.clone(),
        };
        WriteQueue::new(target, failed_writes, ports, self.clock.now())
    }
}

impl<C, T> Env<C, T> {
    /// The mirrors of `target` that pass `filter`.
    pub(crate) fn mirrors(
        &self,
        target: &MirrorTarget,
        filter: impl Fn(&Mirror) -> bool,
    ) -> Vec<(Box<str>, Arc<Mirror>)> {
        let instance = target.instance.as_deref();
        self.index
            .mirrors(&target.namespace, &target.cluster, instance, filter)
    }

    /// The open mirrors of `target`.
    pub(crate) fn open(&self, target: &MirrorTarget) -> Vec<(Box<str>, Arc<Mirror>)> {
        let instance = target.instance.as_deref();
        self.index
            .open(&target.namespace, &target.cluster, instance)
    }

    /// Whether any mirror of `target` is open.
    pub(crate) fn any_open(&self, target: &MirrorTarget) -> bool {
        let instance = target.instance.as_deref();
        self.index
            .any_open(&target.namespace, &target.cluster, instance)
    }
}

impl<C, T: Service> Env<C, T> {
    /// The current time of both clocks.
    pub(crate) fn clocks(&self) -> Clocks {
        let (ours, elapsed) = (self.clock.now(), self.clock.elapsed());
        let apis = self.together.clock().time(ours, elapsed);
        Clocks { ours, apis }
    }
}

/// The inputs of one sync.
pub struct SyncContext<'a, C, T = Client> {
    /// What all syncs share.
    pub env: &'a Env<C, T>,
    /// The spec of the `ClusterWatch`.
    pub spec: &'a ClusterWatchSpec,
    /// What is mirrored, and how.
    pub target: &'a MirrorTarget,
    /// The intervals.
    pub cadence: &'a Cadence,
}

impl<C, T> Clone for SyncContext<'_, C, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<C, T> Copy for SyncContext<'_, C, T> {}
