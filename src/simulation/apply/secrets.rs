//! Steps that make the Secret unusable and usable.

use std::time::Duration;

use crate::{
    k8s::error::KubeApiError,
    simulation::{sequence::Sequence, step::Kind},
};

impl Sequence {
    pub(super) fn change_secret(&mut self, kind: Kind) {
        let cluster = &self.world.cluster;
        match kind {
            Kind::SecretEmptied => cluster.set_key(b""),
            Kind::SecretMistyped => {
                cluster.set_secret(&[("api-key", b"a-key")], "kubernetes.io/tls");
            }
            Kind::SecretForbidden => {
                let forbidden = KubeApiError::Refused("forbidden".to_owned());
                cluster.fail_secrets(Some(forbidden));
            }
            _ => return self.give_key(),
        }
        self.key_is_gone();
    }

    /// From now on the Secret contains no key.
    pub(super) fn key_is_gone(&self) {
        self.world.with(|state, now| {
            let newer = &mut state.judge.newer;
            newer.key_is_good = None;
            newer.key_is_there = None;
            newer.key_is_gone.get_or_insert(now);
        });
    }

    /// Creates a `ClusterWatch` that syncs very rarely, and its Secret later.
    pub(super) async fn bring_secret_late(&mut self) {
        let name = "first";
        self.world.cluster.remove_key();
        self.key_is_gone();
        self.delete_watch(name);
        self.pass(Duration::from_secs(2)).await;
        self.put(name, |watch| {
            watch.spec.interval = Some("1h".to_owned());
            watch.spec.active_interval = Some("1h".to_owned());
        });
        let late = self.draw(1..400) as u64;
        self.pass(Duration::from_secs(late)).await;
        self.give_key();
        self.pass(Duration::from_secs(16)).await;
    }
}
