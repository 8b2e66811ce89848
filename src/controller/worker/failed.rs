//! How a `ClusterWatch` stands after a poll that failed.

use kube::ResourceExt;

use super::{Failure, ReadyState, SyncError, SyncOutcome, Task};
use crate::{k8s::api::KubeApi, together::Service};

impl<C: KubeApi, T: Service> Task<C, T> {
    /// How the watch stands after a poll that came to this `outcome`, which is a `failure`; marks what is stale.
    pub(super) async fn failed(
        &self,
        outcome: &Result<SyncOutcome, SyncError>,
        failure: Failure,
    ) -> ReadyState {
        let Failure {
            reason,
            message,
            needs_somebody,
        } = failure;
        tracing::warn!(watch = %self.watch.name_any(), namespace = %self.target.namespace, %reason, error = %message, "the poll failed");
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
            // A hiccup is told by logs alone; what was mirrored all the same still counts, and somebody lives.
            ReadyState::Synced(self.status.note.clone())
        } else {
            ReadyState::Progressing(format!("not synced yet: {message}"))
        }
    }
}
