//! What a `ClusterWatch` mirrors, and how.

use std::sync::Arc;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::{Resource, ResourceExt};

use crate::{
    api::cluster_watch::{ClusterWatch, DeletionPolicy, OmitField},
    mirror::{
        digest,
        labels::{FlagLabels, Labels},
    },
    store::Mirror,
    sync::retention_policy::Policy,
};

/// What a `ClusterWatch` mirrors, and how.
#[derive(Clone, Debug)]
pub struct MirrorTarget {
    /// The namespace of the `ClusterWatch` and its mirrors.
    pub namespace: Arc<str>,
    /// The cluster's id.
    pub cluster: Arc<str>,
    /// The instance's id; `None` means all.
    pub instance: Option<Arc<str>>,
    /// The states that get a mirror; `None` means all.
    pub states: Option<Vec<String>>,
    /// The fields that are never mirrored.
    pub omit: Vec<OmitField>,
    /// The labels of the mirrors.
    pub labels: Labels,
    /// The owner references of the mirrors.
    pub owners: Arc<[OwnerReference]>,
    /// Which mirrors of finished remediations are kept.
    pub retention: Policy,
}

impl MirrorTarget {
    /// What `watch` mirrors; every mirror gets the labels `flags`.
    #[must_use]
    pub fn of(watch: &ClusterWatch, flags: FlagLabels) -> Self {
        let spec = &watch.spec;
        let owner = OwnerReference {
            controller: Some(true),
            ..watch.owner_ref(&()).unwrap_or_default()
        };
        Self {
            namespace: watch.namespace().unwrap_or_default().into(),
            cluster: spec.cluster_id.as_str().into(),
            instance: spec.instance().map(Into::into),
            states: spec.states.clone(),
            omit: spec.omit.clone().unwrap_or_default(),
            labels: Labels::of(&watch.name_any(), flags),
            owners: match &spec.deletion_policy {
                DeletionPolicy::Delete => [owner].into(),
                DeletionPolicy::Retain | DeletionPolicy::Unknown(_) => [].into(),
            },
            retention: Policy::of(spec.retention.as_ref()),
        }
    }

    /// Whether a mirror has the labels and owner references of the `ClusterWatch`.
    #[must_use]
    pub fn fits(&self, mirror: &Mirror) -> bool {
        self.metadata(mirror.subject.known_instance()) == mirror.digests.metadata
    }

    /// A digest of the labels and owner references for a mirror of this instance.
    #[must_use]
    pub fn metadata(&self, instance: Option<&str>) -> u64 {
        let (labels, cluster) = (&self.labels, &self.cluster);
        labels.digest(cluster, instance, &self.owners)
    }

    /// A digest of everything that decides what happens to a mirrored remediation.
    #[must_use]
    pub fn digest(&self) -> u64 {
        let metadata = self.metadata(None);
        digest::of(&(&*self.cluster, &self.instance, &self.omit, metadata))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::cluster_watch::ClusterWatchSpec;

    #[test]
    fn the_mirrors_of_a_deletion_policy_that_only_a_newer_version_knows_stay() {
        let mut watch = ClusterWatch::new("training", ClusterWatchSpec::default());
        watch.metadata.uid = Some("u".into());
        for (policy, owners) in [
            (DeletionPolicy::Delete, 1),
            (DeletionPolicy::Retain, 0),
            (DeletionPolicy::Unknown("Archive".into()), 0),
        ] {
            watch.spec.deletion_policy = policy;
            assert_eq!(
                MirrorTarget::of(&watch, FlagLabels::default()).owners.len(),
                owners
            );
        }
    }
}
