//! The state of a `ClusterWatch` after a failed sync.

use super::{Failure, ReadyState, SyncError, SyncOutcome, Worker};
use crate::{k8s::api::KubeApi, together::Service};

impl<C: KubeApi, T: Service> Worker<C, T> {
    /// The state to report after a sync with this `outcome` and `failure`. Marks mirrors that became stale.
    pub(super) async fn failed(
        &mut self,
        outcome: &Result<SyncOutcome, SyncError>,
        failure: Failure,
    ) -> ReadyState {
        let Failure {
            reason,
            message,
            needs_somebody,
        } = failure;
        tracing::warn!(%reason, error = %message, "sync failed");
        let stale = self.mark_stale(self.env.clock.elapsed()).await;
        if let Err(SyncError::Credentials(error)) = outcome
            && let Some(keyless) = self.keyless(error)
        {
            keyless
        } else if needs_somebody {
            ReadyState::Stalled { reason, message }
        } else if stale {
            ReadyState::Failing { reason, message }
        } else if self.status.is_synced() {
            // A short failure appears only in logs and metrics. Mirrors that were written still count.
            ReadyState::Synced(self.status.note.clone())
        } else {
            ReadyState::Progressing(format!("Not synced yet: {message}"))
        }
    }
}
