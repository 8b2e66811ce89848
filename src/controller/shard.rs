//! Which `ClusterWatches` this operator is responsible for, and which shard owns each now.
//!
//! Every shard sees all `ClusterWatches` and selects its own. So it knows the overlaps with those of other shards, and
//! relabeling one does not look like a deletion. `status.shard` names the shard that writes. Another shard starts only
//! after the owner released the `ClusterWatch`, or is silent past `staleAfter`.

use std::{collections::BTreeMap, sync::Arc};

use k8s_openapi::jiff::Timestamp;
use kube::{
    ResourceExt,
    core::{Selector, SelectorExt},
};

use crate::{
    api::{
        cluster_watch::{ClusterWatch, ClusterWatchStatus},
        timestamp,
    },
    store::{Clusters, Share},
};

/// One of the operators that share the `ClusterWatches` of a cluster. Without a selector it is the only one.
#[derive(Clone, Debug)]
pub struct Shard {
    name: Arc<str>,
    selector: Option<Selector>,
}

/// Who may write for a `ClusterWatch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// This shard, according to the status.
    This,
    /// No shard.
    Nobody,
    /// Another shard, with the time by which it promised to write again; `None`: without a promise.
    Another(Option<Timestamp>),
}

impl Shard {
    /// The shard of this name (namespace and name of its Lease), responsible for the `ClusterWatches` that `selector`
    /// matches (`None`: all).
    #[must_use]
    pub fn new(name: &str, selector: Option<Selector>) -> Self {
        Self {
            name: name.into(),
            selector,
        }
    }

    /// Its name, as in `status.shard`.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether other shards may be responsible for other `ClusterWatches`.
    #[must_use]
    pub fn is_one_of_several(&self) -> bool {
        self.selector.is_some()
    }

    /// Whether this shard is responsible for `watch`.
    #[must_use]
    pub fn takes(&self, watch: &ClusterWatch) -> bool {
        let selector = self.selector.as_ref();
        selector.is_none_or(|selector| selector.matches(watch.labels()))
    }

    /// Whether this shard handles mirrors without a `ClusterWatch`. At most one shard selects `ClusterWatches` without
    /// labels.
    #[must_use]
    pub fn takes_the_rest(&self) -> bool {
        let selector = self.selector.as_ref();
        selector.is_none_or(|selector| selector.matches(&BTreeMap::new()))
    }

    /// The targets whose mirrors this shard keeps in its index, out of the `watches` of all shards.
    #[must_use]
    pub fn share(&self, watches: &[Arc<ClusterWatch>]) -> Share {
        let clusters = |own: bool| {
            let mut clusters = Clusters::default();
            for watch in watches {
                let alive = watch.metadata.deletion_timestamp.is_none();
                if alive && self.takes(watch) == own {
                    let namespace = watch.namespace().unwrap_or_default();
                    clusters.add(&namespace, &watch.spec.cluster_id);
                }
            }
            clusters
        };
        Share {
            own: clusters(true),
            others: clusters(false),
            rest: self.takes_the_rest(),
        }
    }

    /// Who writes for the `ClusterWatch` with this status.
    #[must_use]
    pub fn holder(&self, status: &ClusterWatchStatus) -> Holder {
        match status.shard.as_deref() {
            None => Holder::Nobody,
            Some(name) if name == &*self.name => Holder::This,
            Some(_) => Holder::Another(timestamp::read(status.stale_after.as_deref())),
        }
    }

    /// Whether this shard writes for `watch`, according to its status.
    #[must_use]
    pub fn has(&self, watch: &ClusterWatch) -> bool {
        let status = watch.status.as_ref();
        status.is_some_and(|status| self.holder(status) == Holder::This)
    }

    /// The other shard that writes for `watch`, if any.
    #[must_use]
    pub fn other_holder(&self, watch: &ClusterWatch) -> Option<String> {
        let shard = watch.status.as_ref()?.shard.as_ref()?;
        (**shard != *self.name).then(|| shard.clone())
    }
}
