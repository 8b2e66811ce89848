//! What a complete poll came to.

use std::time::Duration;

use kube::ResourceExt;

use crate::{
    api::{Reason, cluster_watch::ClusterWatch},
    sync::write::queue::WriteSummary,
};

/// What a complete poll came to.
#[derive(Debug)]
pub struct SyncOutcome {
    /// Whether everything was listed, not some states only.
    pub full: bool,
    /// How long the listing took, with the writes that went on meanwhile.
    pub lasted: Duration,
    /// How long the API took over it.
    pub taken: Duration,
    /// The API calls of the listing itself.
    pub pages: usize,
    /// The remediations that it held.
    pub items: usize,
    /// What its writes came to.
    pub summary: WriteSummary,
    /// How many open remediations were missing at once, where those are many.
    pub vanished: usize,
    /// What was left out or asked differently: reasons and sentences.
    pub notes: Vec<(Reason, String)>,
}

impl SyncOutcome {
    /// All its notes; empty where there are none.
    #[must_use]
    pub fn note(&self) -> String {
        let notes: Vec<&str> = self.notes.iter().map(|(_, note)| &**note).collect();
        notes.join(". ")
    }

    /// Tells the log of it: one line, at `info` where it wrote or tried to.
    pub(crate) fn trace(&self, watch: &ClusterWatch) {
        let summary = &self.summary;
        macro_rules! line {
            ($level:ident) => {
                tracing::$level!(
                    watch = %watch.name_any(),
                    namespace = %watch.namespace().unwrap_or_default(),
                    full = self.full,
                    items = self.items,
                    calls = self.pages,
                    seconds = self.lasted.as_secs_f64(),
                    created = summary.created,
                    updated = summary.updated,
                    pruned = summary.pruned,
                    conflicts = summary.conflicts,
                    failed = summary.failed,
                    "polled"
                )
            };
        }
        if *summary == WriteSummary::default() {
            line!(debug);
        } else {
            line!(info);
        }
    }
}
