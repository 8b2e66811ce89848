//! Observes a sync in progress.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use crate::{health::liveness::Heartbeat, sync::metrics::meter::WatchMeter};

/// The heartbeat and the metrics of one `ClusterWatch`, and the time after which remediations are news. Clones share
/// it.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    /// Informed of each page, each finished write and each answered request by id.
    pub heartbeat: Heartbeat,
    /// Counts the results of syncs.
    pub meter: Arc<WatchMeter>,
    /// A new mirror causes Events only if Together created its remediation after this time (by Together's clock), which
    /// is when a list was first complete; `None` means never.
    pub(crate) event_cutoff: Option<Timestamp>,
}
