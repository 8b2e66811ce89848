//! Deletes what `spec.retention` no longer keeps.

use super::{SyncContext, evidence::ListEvidence, write::queue::WriteQueue};
use crate::{k8s::api::KubeApi, sync::retention_policy::Policy, together::Service};

/// Deletes the mirrors of finished remediations that retention no longer keeps, after a complete list.
pub(super) async fn finished<C: KubeApi, T: Service>(
    ctx: SyncContext<'_, C, T>,
    evidence: &mut ListEvidence<'_>,
    queue: &mut WriteQueue<'_, C>,
) {
    let SyncContext { env, target, .. } = ctx;
    if target.retention == Policy::default() {
        return;
    }
    // Results of requests by id count once they are written. That may have taken long, so the time is read again.
    queue.drain().await;
    evidence.clocks = env.clocks();
    let (policy, clocks) = (&target.retention, evidence.clocks);
    let concerned = env.mirrors(target, |mirror| policy.concerns(mirror, clocks));
    let writes = evidence.retention(&env.index, &concerned, queue.unwritten());
    queue.submit(writes).await;
}
