//! A restore of etcd resets the mirrors to an earlier state, so the next sync starts early.

use std::time::Duration;

use super::{Env, Worker};
use crate::{clock::MonoTime, k8s::api::KubeApi, together::Service};

impl<C: KubeApi, T: Service> Worker<C, T> {
    /// Turns the next sync into a full one if etcd was restored since the last full sync started. Mirrors created since
    /// the snapshot are missing, and mirrors of finished remediations may be open again.
    pub(super) fn note_restore(&mut self) {
        let restores = self.env.index.restores();
        self.sync_state.lists.history.restored |= self.store_seen.restores != restores;
        self.store_seen.restores = restores;
    }
}

/// Resolves once etcd was restored after this many `restores`, but not before `earliest`, and after its `turn`, because
/// all `ClusterWatches` notice the restore at once.
pub(super) async fn restored<C: KubeApi, T: Service>(
    env: &Env<C, T>,
    restores: u64,
    (earliest, turn): (MonoTime, Duration),
) {
    env.index.restored_after(restores).await;
    let turn = env.clock.elapsed() + turn;
    env.clock.deadline(earliest.max(turn)).await;
}
