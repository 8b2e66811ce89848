//! How a `ClusterWatch` stands after a poll that failed.

use kube::ResourceExt;

use super::{Failure, PollError, Polled, Standing, Task};
use crate::{k8s::api::Cluster, together::Service};

impl<C: Cluster, T: Service> Task<C, T> {
    /// How the watch stands after a poll that came to this `outcome`, which is a `failure`; marks what is stale.
    pub(super) async fn failed(
        &self,
        outcome: &Result<Polled, PollError>,
        failure: Failure,
    ) -> Standing {
        let Failure {
            reason,
            message,
            needs_somebody,
        } = failure;
        tracing::warn!(watch = %self.watch.name_any(), namespace = %self.scope.namespace, %reason, error = %message, "the poll failed");
        let stale = self.mark_stale(self.tools.clock.elapsed()).await;
        if let Err(PollError::Credentials(error)) = outcome
            && let Some(keyless) = self.keyless(error)
        {
            keyless
        } else if needs_somebody {
            Standing::Stalled { reason, message }
        } else if stale {
            Standing::Failing { reason, message }
        } else if self.is_synced() {
            // A hiccup is told by logs alone; what was mirrored all the same still counts, and somebody lives.
            Standing::Synced(self.note.clone())
        } else {
            Standing::Progressing(format!("not synced yet: {message}"))
        }
    }
}
