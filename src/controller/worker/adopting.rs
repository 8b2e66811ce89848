//! How the mirrors come by the labels and owner references of this generation, whatever the Together API does.

use std::time::Duration;

use kube::ResourceExt;

use super::Task;
use crate::{
    k8s::api::KubeApi,
    sync::owners::{Adoption, adopt, landing, misfits},
    together::Service,
};

/// Longest time for labels and owner references before a poll: polls and heartbeats must not wait for 100,000 mirrors.
const ADOPTING: Duration = Duration::from_secs(60);

impl<C: KubeApi, T: Service> Task<C, T> {
    /// Looks whether all mirrors have their labels and owner references.
    pub(super) fn survey(&mut self) {
        self.store_seen.surveyed = self.env.index.lists();
        let left = misfits(&self.env, &self.target).len();
        self.note_adoption(&Adoption { left, error: None });
    }

    /// Gives them to mirrors too that an earlier generation sent and that landed after this one had begun, and to those that a
    /// restore of etcd brought back. Looks at all mirrors where `all` says so or such may have come since it last looked.
    pub(super) async fn adopt_late_ones(&mut self, all: bool) {
        let listed = self.store_seen.surveyed != self.env.index.lists();
        if all || listed || self.may_land() {
            self.survey();
        }
        self.adopt().await;
    }

    /// Whether something that an earlier generation sent may still land.
    pub(super) fn may_land(&self) -> bool {
        self.env.clock.elapsed() < self.store_seen.all_landed
    }

    /// Goes on giving the mirrors their labels and owner references, where they lack them.
    pub(super) async fn adopt(&mut self) {
        if self.status.inputs.adopting.is_none() {
            return;
        }
        let until = self.env.clock.elapsed() + ADOPTING;
        let adoption = adopt(&self.env, &self.target, &self.sync_state.observer, until).await;
        if let Some(error) = &adoption.error {
            tracing::warn!(watch = %self.watch.name_any(), namespace = %self.target.namespace, left = adoption.left, %error, "cannot update labels and owner references of mirrors; retrying");
        }
        self.note_adoption(&adoption);
    }

    fn note_adoption(&mut self, adoption: &Adoption) {
        // What another generation sent can give them other owner references yet.
        let late = self.env.permits.sent.contradicts(&self.target);
        let late = late.then(|| landing(self.status.inputs.generation));
        self.status.inputs.adopting = adoption.message(self.status.inputs.generation).or(late);
        self.status.inputs.adopted = self.status.inputs.adopting.is_none();
    }
}
