//! A restore of etcd puts the mirrors back to what the Together API said earlier: the next poll does not wait for its time.

use std::time::Duration;

use super::{Env, Task};
use crate::{k8s::api::KubeApi, together::Service};

impl<C: KubeApi, T: Service> Task<C, T> {
    /// Makes the poll that begins a full listing if etcd was restored since the last one began: what was created since the
    /// snapshot is missing, and what was finished may be open again.
    pub(super) fn heed_restore(&mut self) {
        let restores = self.env.index.restores();
        self.sync_state.lists.history.restored |= self.store_seen.restores != restores;
        self.store_seen.restores = restores;
    }
}

/// Ends once etcd was restored since so many `restores`, but not before `earliest` (monotonic), and its `turn` after that is seen,
/// for all see it at once.
pub(super) async fn restored<C: KubeApi, T: Service>(
    env: &Env<C, T>,
    restores: u64,
    (earliest, turn): (Duration, Duration),
) {
    env.index.restored_after(restores).await;
    let turn = env.clock.elapsed() + turn;
    env.clock.deadline(earliest.max(turn)).await;
}
