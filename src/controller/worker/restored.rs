//! A restore of etcd puts the mirrors back to what the Together API said earlier: the next poll does not wait for its time.

use std::time::Duration;

use super::{Task, Tools};
use crate::{k8s::api::Cluster, together::Service};

impl<C: Cluster, T: Service> Task<C, T> {
    /// Makes the poll that begins a full listing if etcd was restored since the last one began: what was created since the
    /// snapshot is missing, and what was finished may be open again.
    pub(super) fn heed_restore(&mut self) {
        let restores = self.tools.index.restores();
        self.memory.restored |= self.memory.restores != restores;
        self.memory.restores = restores;
    }
}

/// Ends once etcd was restored since so many `restores`, but not before `earliest` (monotonic), and its `turn` after that is seen,
/// for all see it at once.
pub(super) async fn restored<C: Cluster, T: Service>(
    tools: &Tools<C, T>,
    restores: u64,
    (earliest, turn): (Duration, Duration),
) {
    tools.index.restored_after(restores).await;
    let turn = tools.clock.elapsed() + turn;
    tools.clock.deadline(earliest.max(turn)).await;
}
