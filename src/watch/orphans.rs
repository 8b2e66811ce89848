//! Open mirrors that no `ClusterWatch` looks after: retained ones, whose watch is gone. Nothing confirms them any more, and
//! they say so.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
};

use super::{
    overlap::{Claim, overlaps},
    poll::Tools,
    schedule::HEARTBEAT,
    supervisor::claim,
};
use crate::{
    api::cluster_watch::ClusterWatch,
    cluster::Cluster,
    mirror::{
        desired::Synced,
        index::Mirror,
        write::{Deed, Write, Writer},
    },
};

/// An open mirror: its namespace, its name and its facts.
pub type Open = (Box<str>, Box<str>, Arc<Mirror>);

/// Those of `open` that none of `watches` looks after. A suspended watch marks its own; one that overlaps has none.
fn orphans(open: Vec<Open>, watches: &[Arc<ClusterWatch>]) -> Vec<Open> {
    let alive = watches
        .iter()
        .filter(|watch| watch.metadata.deletion_timestamp.is_none());
    let mut claims: HashMap<Option<&str>, Vec<Claim<'_>>> = HashMap::new();
    for watch in alive {
        let namespace = watch.metadata.namespace.as_deref();
        claims.entry(namespace).or_default().push(claim(watch));
    }
    let mut followed = HashSet::new();
    for (namespace, claims) in &claims {
        let kept_out = overlaps(claims);
        let working = claims
            .iter()
            .filter(|claim| !kept_out.contains_key(claim.name));
        followed.extend(working.map(|claim| (*namespace, claim.cluster, claim.instance)));
    }
    // One that cannot be read may look after any.
    let unread = |namespace: &str| {
        let mut unread = watches
            .iter()
            .filter(|watch| watch.spec.cluster_id.is_empty());
        unread.any(|watch| watch.metadata.namespace.as_deref() == Some(namespace))
    };
    let mut open = open;
    open.retain(|(namespace, _, mirror)| {
        let of = |instance| (Some(&**namespace), &*mirror.cluster, instance);
        !unread(namespace)
            && !followed.contains(&of(None))
            && !followed.contains(&of(Some(&*mirror.instance)))
    });
    open
}

/// Looks every [`HEARTBEAT`] for mirrors in `namespace` (all: `None`) that nobody looks after, until it is dropped; those
/// that two looks find are marked stale. `watches`: those of the namespace, as they are now.
pub async fn look_after<C: Cluster, T>(
    tools: &Tools<C, T>,
    namespace: Option<&str>,
    watches: impl Fn() -> Vec<Arc<ClusterWatch>>,
) {
    tools.index.listed(namespace.unwrap_or_default()).await;
    let mut suspects: HashSet<Box<str>> = HashSet::new();
    loop {
        tools
            .clock
            .sleep_until(tools.clock.elapsed() + HEARTBEAT)
            .await;
        let mut open = tools.index.all_open(namespace);
        open.retain(|(_, _, mirror)| mirror.may_mislead());
        let mut found = HashSet::new();
        for (namespace, name, mirror) in orphans(open, &watches()) {
            found.insert(mirror.uid.clone());
            if !suspects.contains(&mirror.uid) {
                continue;
            }
            let writer = Writer {
                cluster: tools.cluster.clone(),
                index: tools.index.clone(),
                namespace: (&*namespace).into(),
                owners: [].into(),
            };
            let deed = Deed::Mark(mirror, Synced::Stale);
            if let Err(error) = writer.write(Write { name, deed }, tools.clock.now()).await {
                tracing::warn!(%namespace, %error, "a mirror without a ClusterWatch could not be marked stale; it is tried again");
                break;
            }
        }
        suspects = found;
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::{
        api::{
            cluster_watch::ClusterWatchSpec,
            remediation::{Remediation, RemediationSpec, RemediationStatus},
        },
        mirror::index::Index,
        testing::{CLUSTER, NAMESPACE, id, now},
    };

    /// One open mirror, of [`CLUSTER`] and `instance-1`.
    fn open() -> Vec<Open> {
        let spec = RemediationSpec {
            cluster_id: CLUSTER.into(),
            id: id(1),
        };
        let mut object = Remediation::new(&id(1), spec);
        object.metadata.namespace = Some(NAMESPACE.into());
        object.metadata.uid = Some("u".into());
        object.metadata.resource_version = Some("1".into());
        object.status = Some(RemediationStatus {
            instance_id: Some("instance-1".into()),
            ..RemediationStatus::default()
        });
        let index = Index::new(0);
        index.apply(object);
        index.all_open(None)
    }

    fn watch(name: &str, namespace: &str, cluster: &str, instance: Option<&str>) -> ClusterWatch {
        let spec = ClusterWatchSpec {
            cluster_id: cluster.into(),
            instance_id: instance.map(str::to_owned),
            ..ClusterWatchSpec::default()
        };
        let mut watch = ClusterWatch::new(name, spec);
        watch.metadata.namespace = Some(namespace.into());
        watch
    }

    fn alone(watches: &[ClusterWatch]) -> bool {
        let watches: Vec<_> = watches.iter().cloned().map(Arc::new).collect();
        !orphans(open(), &watches).is_empty()
    }

    #[test]
    fn a_watch_of_its_instance_or_of_all_looks_after_it() {
        assert!(alone(&[]));
        assert!(!alone(&[watch("a", NAMESPACE, CLUSTER, None)]));
        assert!(!alone(&[watch(
            "a",
            NAMESPACE,
            CLUSTER,
            Some("instance-1")
        )]));
        assert!(alone(&[
            watch("a", "elsewhere", CLUSTER, None),
            watch("b", NAMESPACE, "another", None),
            watch("c", NAMESPACE, CLUSTER, Some("instance-2")),
        ]));
    }

    #[test]
    fn one_that_cannot_be_read_may_look_after_any_mirror_of_its_namespace() {
        assert!(!alone(&[watch("a", NAMESPACE, "", None)]));
        assert!(alone(&[watch("a", "elsewhere", "", None)]));
    }

    #[test]
    fn a_watch_that_is_deleted_or_that_overlaps_looks_after_nothing() {
        let mut deleted = watch("a", NAMESPACE, CLUSTER, None);
        deleted.metadata.deletion_timestamp = Some(Time(now()));
        assert!(alone(&[deleted]));
        let older = watch("a", NAMESPACE, CLUSTER, Some("instance-2"));
        let overlaps = watch("b", NAMESPACE, CLUSTER, None);
        assert!(alone(&[older, overlaps]));
    }
}
