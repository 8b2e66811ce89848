//! Observes a sync in progress.

use std::sync::Arc;

use crate::{
    health::liveness::Heartbeat,
    sync::{event_cutoff::EventCutoff, metrics::meter::WatchMeter},
};

/// The heartbeat and the metrics of one `ClusterWatch`, which clones share, and since when new remediations cause
/// Events.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    /// Informed of each page, each finished write and each answered request by id.
    pub heartbeat: Heartbeat,
    /// Counts the results of syncs.
    pub meter: Arc<WatchMeter>,
    /// Which new mirrors cause Events.
    pub(crate) event_cutoff: EventCutoff,
}
