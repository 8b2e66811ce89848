//! Gives the mirrors the labels and owner references of this generation, whether or not the Together API responds.

use std::time::Duration;

use super::Worker;
use crate::{
    k8s::api::KubeApi,
    sync::owners::{Adoption, adopt, misfits, still_pending},
    together::Service,
};

/// Maximum time spent on labels and owner references before a sync: syncs and heartbeats must not wait for 100,000
/// mirrors.
const ADOPTING: Duration = Duration::from_secs(60);

impl<C: KubeApi, T: Service> Worker<C, T> {
    /// Checks whether all mirrors have their labels and owner references.
    pub(super) fn survey(&mut self) {
        let (index, target) = (&self.env.index, &self.target);
        self.store_seen.surveyed = index.lists();
        let changed = index.changed(&target.namespace, &target.cluster);
        let left = if self.store_seen.all_fit == Some(changed) {
            0
        } else {
            misfits(&self.env, target).len()
        };
        self.store_seen.all_fit = (left == 0).then_some(changed);
        self.note_adoption(&Adoption { left, error: None });
    }

    /// Also covers mirrors that requests of an earlier generation changed late, and mirrors that a restore of etcd
    /// brought back. Checks all mirrors if `all` is set or such mirrors may have appeared since the last check.
    pub(super) async fn adopt_late_ones(&mut self, all: bool) {
        let listed = self.store_seen.surveyed != self.env.index.lists();
        if all || listed || self.may_land() {
            self.survey();
        }
        self.adopt().await;
    }

    /// Whether requests of an earlier generation may still take effect.
    pub(super) fn may_land(&self) -> bool {
        self.env.clock.elapsed() < self.store_seen.all_landed
    }

    /// Continues to update labels and owner references, if mirrors lack them.
    pub(super) async fn adopt(&mut self) {
        if self.status.inputs.adopting.is_none() {
            return;
        }
        let until = self.env.clock.elapsed() + ADOPTING;
        let (observer, rounds) = (&self.sync_state.observer, &mut self.sync_state.adoptions);
        let adoption = adopt(&self.env, &self.target, observer, rounds, until).await;
        if let Some(error) = &adoption.error {
            tracing::warn!(left = adoption.left, %error, "cannot update labels and owner references of mirrors; retrying");
        }
        self.note_adoption(&adoption);
    }

    fn note_adoption(&mut self, adoption: &Adoption) {
        // Requests of another generation may still change the owner references.
        let late = self.env.permits.sent.contradicts(&self.target);
        let late = late.then(|| still_pending(self.status.inputs.generation));
        self.status.inputs.adopting = adoption.message(self.status.inputs.generation).or(late);
        self.status.inputs.adopted = self.status.inputs.adopting.is_none();
    }
}
