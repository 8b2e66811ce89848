//! What one replica knows of the Lease, from the responses that it has received.

use k8s_openapi::api::coordination::v1::Lease;

use crate::{
    clock::MonoTime,
    leader::decision::{Decision, ObservedLease, decide, holder, observe},
};

/// The Lease as this replica knows it.
#[derive(Debug, Default)]
pub(super) struct KnownLease {
    observed: Option<ObservedLease>,
    /// The Lease as this replica last wrote it.
    written: Option<Lease>,
    /// A creation was sent and has no response yet.
    creating: bool,
    /// The newest resourceVersion of the Lease in any response.
    newest: u64,
}

impl KnownLease {
    /// A read at `now` returned `lease`; `None`: it does not exist.
    pub(super) fn observe(&mut self, lease: Option<&Lease>, now: MonoTime) {
        let spec = lease.map(|lease| lease.spec.clone().unwrap_or_default());
        self.observed = observe(self.observed.take(), spec, now);
    }

    /// What the replica `me` does at `now` about the Lease that was read last.
    pub(super) fn decide(&self, me: &str, leading: bool, now: MonoTime) -> Decision {
        decide(me, leading, self.observed.as_ref(), now)
    }

    /// The holder that was read last; empty if none.
    pub(super) fn holder(&self) -> &str {
        let observed = self.observed.as_ref();
        let holder = observed.and_then(|observed| holder(&observed.spec));
        holder.unwrap_or_default()
    }

    /// Compares `lease`, which a response showed, with earlier responses. Returns whether it is older, because etcd was
    /// restored.
    pub(super) fn went_back(&mut self, lease: &Lease) -> bool {
        let version = lease.metadata.resource_version.as_deref();
        let Some(version) = version.and_then(|version| version.parse().ok()) else {
            return false;
        };
        let is_older = version < self.newest;
        self.newest = version;
        is_older
    }

    /// A creation is about to be sent.
    pub(super) fn creation_sent(&mut self) {
        self.creating = true;
    }

    /// Whether a creation may still take effect.
    pub(super) const fn is_creation_in_flight(&self) -> bool {
        self.creating
    }

    /// This replica has written the Lease.
    pub(super) fn wrote(&mut self, lease: Lease) {
        self.creating = false;
        self.written = Some(lease);
    }

    /// The Lease as this replica last wrote it, once: if its next renewal fails, another replica may have changed it.
    pub(super) fn take_written(&mut self) -> Option<Lease> {
        self.written.take()
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::{
        api::coordination::v1::LeaseSpec, apimachinery::pkg::apis::meta::v1::ObjectMeta,
    };

    use super::*;
    use crate::testing::clock::second;

    const NOW: MonoTime = second(100);

    fn lease(holder: &str, version: &str) -> Lease {
        Lease {
            metadata: ObjectMeta {
                resource_version: Some(version.to_owned()),
                ..ObjectMeta::default()
            },
            spec: Some(LeaseSpec {
                holder_identity: Some(holder.to_owned()),
                ..LeaseSpec::default()
            }),
        }
    }

    #[test]
    fn the_holder_is_the_one_that_was_read_last() {
        let mut known = KnownLease::default();
        assert_eq!(known.holder(), "");
        known.observe(Some(&lease("other", "1")), NOW);
        assert_eq!(known.holder(), "other");
        assert_eq!(known.decide("me", false, NOW), Decision::Wait);
        known.observe(None, NOW);
        assert_eq!(known.holder(), "");
        assert_eq!(known.decide("me", false, NOW), Decision::Acquire);
    }

    #[test]
    fn a_holder_counts_from_the_first_read_of_its_last_renewal() {
        let mut known = KnownLease::default();
        known.observe(Some(&lease("other", "1")), NOW);
        let later = second(200);
        known.observe(Some(&lease("other", "1")), later);
        assert_eq!(known.decide("me", false, later), Decision::Acquire);
    }

    #[test]
    fn each_step_back_of_the_version_is_noticed_once() {
        let mut known = KnownLease::default();
        let versions = ["7", "7", "9", "3", "4", "", "4", "2"];
        let steps = versions.map(|version| known.went_back(&lease("me", version)));
        let back = steps.iter().enumerate().filter(|(_, back)| **back);
        assert!(back.map(|(at, _)| at).eq([3, 7]), "{steps:?}");
    }

    #[test]
    fn a_creation_is_in_flight_until_its_response() {
        let mut known = KnownLease::default();
        known.creation_sent();
        assert!(known.is_creation_in_flight());
        known.wrote(lease("me", "1"));
        assert!(!known.is_creation_in_flight());
        assert_eq!(known.take_written(), Some(lease("me", "1")));
        // It is renewed without a read only once.
        assert_eq!(known.take_written(), None);
    }
}
