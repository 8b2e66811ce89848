//! Observes a sync in progress.

use std::sync::Arc;

use crate::{
    health::liveness::Heartbeat,
    sync::{metrics::meter::WatchMeter, news::News},
};

/// The heartbeat and the metrics of one `ClusterWatch`, which clones share, and which remediations are news.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    /// Informed of each page, each finished write and each answered request by id.
    pub heartbeat: Heartbeat,
    /// Counts the results of syncs.
    pub meter: Arc<WatchMeter>,
    /// Which new mirrors cause Events.
    pub(crate) news: News,
}
