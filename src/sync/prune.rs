//! What `spec.retention` deletes, and creates no more.

use super::{SyncContext, evidence::ListEvidence, write::queue::WriteQueue};
use crate::{k8s::api::KubeApi, sync::decide::retention::Policy, together::Service};

/// Deletes the finished mirrors that retention no longer keeps, once the listing is complete.
pub(super) async fn finished<C: KubeApi, T: Service>(
    ctx: SyncContext<'_, C, T>,
    evidence: &mut ListEvidence<'_>,
    queue: &mut WriteQueue<'_, C>,
) {
    let SyncContext { env, target, .. } = ctx;
    if target.retention == Policy::default() {
        return;
    }
    // What the lookups showed counts once it is written; and they may have taken long.
    queue.drain().await;
    evidence.clocks = env.clocks();
    let (policy, clocks) = (&target.retention, evidence.clocks);
    let concerned = env.mirrors(target, |mirror| policy.concerns(mirror, clocks));
    let writes = evidence.retention(&env.index, &concerned, queue.unwritten());
    queue.submit(writes).await;
}
