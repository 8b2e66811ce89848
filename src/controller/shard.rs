//! Which `ClusterWatches` this operator syncs. Every shard sees all of them, so that overlaps and mirrors without a
//! `ClusterWatch` are judged across shards; each works on those that its selector picks. While a label moves, the
//! preconditions of each write keep two shards from undoing each other's writes.

use std::collections::BTreeMap;

use kube::{
    ResourceExt,
    core::{Selector, SelectorExt},
};

use crate::api::cluster_watch::ClusterWatch;

/// One operator of those that share the `ClusterWatches`; the only one if it has no selector.
#[derive(Clone, Debug, Default)]
pub struct Shard(Option<Selector>);

impl Shard {
    /// The shard that takes the `ClusterWatches` that `selector` picks (`None`: all).
    #[must_use]
    pub fn new(selector: Option<Selector>) -> Self {
        Self(selector)
    }

    /// Whether it syncs `watch`.
    #[must_use]
    pub fn takes(&self, watch: &ClusterWatch) -> bool {
        let selector = self.0.as_ref();
        selector.is_none_or(|selector| selector.matches(watch.labels()))
    }

    /// Whether it marks the open mirrors that no `ClusterWatch` looks after: at most one shard takes `ClusterWatches`
    /// without labels.
    #[must_use]
    pub fn takes_the_rest(&self) -> bool {
        let selector = self.0.as_ref();
        selector.is_none_or(|selector| selector.matches(&BTreeMap::new()))
    }
}
