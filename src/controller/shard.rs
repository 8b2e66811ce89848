//! Which `ClusterWatches` this operator looks after, and who has one now.
//!
//! Every shard sees all watches and picks its own: so it knows the overlaps with those of others, and one that is
//! relabelled does not look as if it were deleted. `status.shard` names the shard that writes: another one begins only
//! once that one has let go, or is silent past `staleAfter`.

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

/// One operator of those that share a cluster's watches; the only one where it has no selector.
#[derive(Clone, Debug)]
pub struct Shard {
    name: Arc<str>,
    selector: Option<Selector>,
}

/// Who may write for a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holder {
    /// This shard, by what the status says.
    This,
    /// Nobody.
    Nobody,
    /// Another shard, which promised to write again before this time; `None`: it promised nothing.
    Another(Option<Timestamp>),
}

impl Shard {
    /// The shard of this name (namespace and name of its Lease) that takes the watches that `selector` picks (`None`: all).
    #[must_use]
    pub fn new(name: &str, selector: Option<Selector>) -> Self {
        Self {
            name: name.into(),
            selector,
        }
    }

    /// Its name, as `status.shard` has it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether others may look after other watches.
    #[must_use]
    pub fn is_one_of_several(&self) -> bool {
        self.selector.is_some()
    }

    /// Whether `watch` is to be looked after here.
    #[must_use]
    pub fn takes(&self, watch: &ClusterWatch) -> bool {
        let selector = self.selector.as_ref();
        selector.is_none_or(|selector| selector.matches(watch.labels()))
    }

    /// Whether what no watch has is looked after here: one shard at most takes watches without labels.
    #[must_use]
    pub fn takes_the_rest(&self) -> bool {
        let selector = self.selector.as_ref();
        selector.is_none_or(|selector| selector.matches(&BTreeMap::new()))
    }

    /// Whose mirrors are kept here, of these `watches` of all shards.
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

    /// Who writes for the watch with this status.
    #[must_use]
    pub fn holder(&self, status: &ClusterWatchStatus) -> Holder {
        match status.shard.as_deref() {
            None => Holder::Nobody,
            Some(name) if name == &*self.name => Holder::This,
            Some(_) => Holder::Another(timestamp::read(status.stale_after.as_deref())),
        }
    }

    /// Whether this shard writes for `watch`, by what its status says.
    #[must_use]
    pub fn has(&self, watch: &ClusterWatch) -> bool {
        let status = watch.status.as_ref();
        status.is_some_and(|status| self.holder(status) == Holder::This)
    }

    /// The other shard that writes for `watch`, if one does.
    #[must_use]
    pub fn other_holder(&self, watch: &ClusterWatch) -> Option<String> {
        let shard = watch.status.as_ref()?.shard.as_ref()?;
        (**shard != *self.name).then(|| shard.clone())
    }
}
