//! What sees a sync while it goes on.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use crate::{health::liveness::Heartbeat, sync::metrics::meter::WatchMeter};

/// The heartbeat and the metrics of one `ClusterWatch`, and which of its changes are news. Clones are the same observer.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    /// Touched at each page, each finished write and each answered lookup.
    pub heartbeat: Heartbeat,
    /// Counts what syncs come to.
    pub meter: Arc<WatchMeter>,
    /// A new mirror gets Events only if Together created its remediation after this (by Together's clock), which is when a
    /// listing was first complete; `None`: none does.
    pub(crate) event_cutoff: Option<Timestamp>,
}
