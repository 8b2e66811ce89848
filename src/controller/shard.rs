//! Which `ClusterWatches` this operator syncs. Every shard sees all of them, so that each judges overlaps and mirrors
//! without a `ClusterWatch` across shards. It syncs those that its selector matches. While a label changes, the fence
//! of each write keeps two shards from undoing each other's writes.

use std::collections::BTreeMap;

use kube::{
    ResourceExt,
    core::{Selector, SelectorExt},
};

use crate::api::cluster_watch::ClusterWatch;

/// One of the operators that share the `ClusterWatches`. Without a selector it is the only one.
#[derive(Clone, Debug, Default)]
pub struct Shard(Option<Selector>);

impl Shard {
    /// The shard for the `ClusterWatches` that `selector` matches (`None`: all).
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

    /// Whether it marks open mirrors without a `ClusterWatch`. At most one shard selects `ClusterWatches` without
    /// labels.
    #[must_use]
    pub fn takes_the_rest(&self) -> bool {
        let selector = self.0.as_ref();
        selector.is_none_or(|selector| selector.matches(&BTreeMap::new()))
    }
}
