//! The first reconcile after a start: syncs that would begin together are spread.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, PoisonError},
};

use super::{WorkerRegistry, claim, overlaps};
use crate::{
    api::{cluster_watch::ClusterWatch, timestamp},
    clock::MonoTime,
    controller::spread::{Begins, RecentStarts, places},
    k8s::api::KubeApi,
    together::Service,
};

/// Earliest start time by namespace and name. A missing one may start at once.
pub(super) type Starts<'a> = HashMap<(&'a str, &'a str), MonoTime>;

/// What has started since this replica became the leader, or since the CRDs were installed again.
#[derive(Debug, Default)]
pub(super) struct Begun {
    /// The watched namespace, or `None` for all.
    scopes: BTreeSet<Option<String>>,
    lately: RecentStarts,
}

impl Begun {
    /// Everything starts again.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }
}

impl<C: KubeApi, T: Service> WorkerRegistry<C, T> {
    /// Whether the workers of `namespace` (`None`: all) are about to start together.
    fn is_first_start(&self, namespace: Option<&str>) -> bool {
        let begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
        let target = namespace.map(str::to_owned);
        self.leads.initialized() && !begun.scopes.contains(&target)
    }

    /// Earliest start times of the workers in `namespaces`, if those of `namespace` (`None`: all) start together now.
    pub(super) fn starts_together<'a>(
        &self,
        namespace: Option<&str>,
        namespaces: &HashMap<&'a str, Vec<&'a Arc<ClusterWatch>>>,
    ) -> Starts<'a> {
        if !self.is_first_start(namespace) {
            return Starts::default();
        }
        let syncing: Vec<_> = namespaces
            .values()
            .flat_map(|of| self.syncing(of))
            .collect();
        let now = self.factory.clock().elapsed();
        let others = {
            let mut begun = self.begun.lock().unwrap_or_else(PoisonError::into_inner);
            begun.scopes.insert(namespace.map(str::to_owned));
            begun.lately.begin(syncing.len(), now)
        };
        let begin: Vec<_> = syncing.iter().map(|watch| begins(watch)).collect();
        let starts = begin.iter().zip(places(&begin, others)).zip(&syncing).map(
            |((begins, place), watch)| {
                let wait = place.wait(self.factory.interval_by_status(watch));
                ((begins.namespace, begins.name), now + wait)
            },
        );
        starts.collect()
    }

    /// The `ClusterWatches` of one namespace that are synced at all.
    fn syncing<'a>(&self, watches: &[&'a Arc<ClusterWatch>]) -> Vec<&'a Arc<ClusterWatch>> {
        let claims: Vec<_> = watches.iter().map(|watch| claim(watch)).collect();
        let kept_out = overlaps(&claims);
        let syncs = |watch: &&&Arc<ClusterWatch>| {
            let name = watch.metadata.name.as_deref().unwrap_or_default();
            self.shard.takes(watch) && !watch.spec.suspend && !kept_out.contains_key(name)
        };
        watches.iter().filter(syncs).copied().collect()
    }
}

fn begins(watch: &Arc<ClusterWatch>) -> Begins<'_> {
    let status = watch.status.as_ref();
    Begins {
        last_sync: timestamp::read(status.and_then(|status| status.last_sync_time.as_deref())),
        namespace: watch.metadata.namespace.as_deref().unwrap_or_default(),
        name: watch.metadata.name.as_deref().unwrap_or_default(),
    }
}
