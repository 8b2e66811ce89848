//! `ClusterWatches` that cannot be read. They are reported and ignored, and do not block others.

use std::{
    collections::{BTreeMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::{
    ResourceExt,
    api::ObjectMeta,
    core::{DeserializeGuard, error_boundary::InvalidObject},
};
use kube_runtime::watcher::Event;

use crate::api::cluster_watch::{ClusterWatch, ClusterWatchSpec};

/// Namespace and name.
type Key = (String, String);

/// The unreadable `ClusterWatches`. Clones share them.
#[derive(Clone, Default)]
pub struct Unreadable(Arc<Mutex<BTreeMap<Key, ObjectMeta>>>);

impl Unreadable {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Key, ObjectMeta>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Each of them with nothing but its metadata.
    #[must_use]
    pub fn all(&self) -> Vec<Arc<ClusterWatch>> {
        self.lock()
            .values()
            .cloned()
            .map(bare)
            .map(Arc::new)
            .collect()
    }

    /// Filters the watch on `namespace` (`None`: all).
    #[must_use]
    pub fn sorter(&self, namespace: Option<&str>) -> Sorter {
        Sorter {
            unreadable: self.clone(),
            namespace: namespace.map(str::to_owned),
            listed: HashSet::new(),
        }
    }
}

/// Separates readable from unreadable objects of one watch.
pub struct Sorter {
    unreadable: Unreadable,
    namespace: Option<String>,
    /// Unreadable objects in the current list.
    listed: HashSet<Key>,
}

impl Sorter {
    /// The part of `event` about readable objects. An object that became unreadable counts as deleted.
    pub fn sort(
        &mut self,
        event: Event<DeserializeGuard<ClusterWatch>>,
    ) -> Option<Event<ClusterWatch>> {
        Some(match event {
            Event::Init => {
                self.listed.clear();
                Event::Init
            }
            Event::InitApply(DeserializeGuard(Ok(watch))) => Event::InitApply(watch),
            Event::InitApply(DeserializeGuard(Err(invalid))) => {
                let watch = self.note(invalid);
                self.listed.insert(key(&watch));
                return None;
            }
            Event::InitDone => {
                let elsewhere =
                    |namespace: &String| self.namespace.as_ref().is_some_and(|of| of != namespace);
                let mut known = self.unreadable.lock();
                known.retain(|key, _| elsewhere(&key.0) || self.listed.contains(key));
                Event::InitDone
            }
            Event::Apply(DeserializeGuard(Ok(watch))) => {
                self.unreadable.lock().remove(&key(&watch));
                Event::Apply(watch)
            }
            Event::Apply(DeserializeGuard(Err(invalid))) => Event::Delete(self.note(invalid)),
            Event::Delete(DeserializeGuard(deleted)) => {
                let watch = deleted.unwrap_or_else(|invalid| bare(invalid.metadata));
                self.unreadable.lock().remove(&key(&watch));
                Event::Delete(watch)
            }
        })
    }

    fn note(&self, invalid: InvalidObject) -> ClusterWatch {
        let watch = bare(invalid.metadata.clone());
        let key = key(&watch);
        // The error's text may quote the object.
        tracing::warn!(
            namespace = key.0,
            clusterwatch = key.1,
            "cannot read a ClusterWatch, so it is not synced and its open mirrors become Stale. Fix its spec, or upgrade the operator"
        );
        self.unreadable.lock().insert(key, invalid.metadata);
        watch
    }
}

fn key(watch: &ClusterWatch) -> Key {
    (watch.namespace().unwrap_or_default(), watch.name_any())
}

fn bare(metadata: ObjectMeta) -> ClusterWatch {
    ClusterWatch {
        metadata,
        spec: ClusterWatchSpec::default(),
        status: None,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn shown(name: &str, readable: bool) -> DeserializeGuard<ClusterWatch> {
        let cluster = if readable { json!("c") } else { json!(7) };
        serde_json::from_value(json!({
            "apiVersion": "compute.together.ai/v1alpha1",
            "kind": "ClusterWatch",
            "metadata": {"name": name, "namespace": "n", "resourceVersion": "1"},
            "spec": {"clusterId": cluster, "apiKeySecretRef": {"name": "together"}},
        }))
        .unwrap()
    }

    fn names(unreadable: &Unreadable) -> Vec<String> {
        let all = unreadable.all();
        all.iter().map(|watch| watch.name_any()).collect()
    }

    #[test]
    fn one_that_cannot_be_read_is_named_and_hides_no_other() {
        let unreadable = Unreadable::default();
        let mut sorter = unreadable.sorter(Some("n"));
        let (bad, good) = (
            |readable| shown("bad", readable),
            |readable| shown("good", readable),
        );
        // The event of the watch, the event that it becomes, and the unreadable objects that are named then.
        for (event, expected, named) in [
            (Event::Init, Some("Init"), &[][..]),
            (Event::InitApply(bad(false)), None, &["bad"]),
            (
                Event::InitApply(good(true)),
                Some("InitApply(good)"),
                &["bad"],
            ),
            (Event::InitDone, Some("InitDone"), &["bad"]),
            // An object that was readable counts as deleted for now.
            (
                Event::Apply(good(false)),
                Some("Delete(good)"),
                &["bad", "good"],
            ),
            (Event::Apply(bad(true)), Some("Apply(bad)"), &["good"]),
            (Event::Delete(good(false)), Some("Delete(good)"), &[]),
        ] {
            let sorted = sorter.sort(event).map(|event| event.to_string());
            assert_eq!(sorted.as_deref(), expected);
            assert_eq!(names(&unreadable), named, "{expected:?}");
        }
    }

    /// As an earlier version wrote it, under the CRD of this one.
    #[test]
    fn one_whose_status_alone_cannot_be_read_is_readable() {
        let watch = json!({
            "apiVersion": "compute.together.ai/v1alpha1",
            "kind": "ClusterWatch",
            "metadata": {"name": "good", "namespace": "n", "resourceVersion": "1"},
            "spec": {"clusterId": "c", "apiKeySecretRef": {"name": "together"}},
            "status": {"remediations": {"total": 1, "open": 1, "awaitingApproval": 0}},
        });
        let mut sorter = Unreadable::default().sorter(Some("n"));
        let event = Event::InitApply(serde_json::from_value(watch).unwrap());
        let sorted = sorter.sort(event).map(|event| event.to_string());
        assert_eq!(sorted.as_deref(), Some("InitApply(good)"));
    }

    #[test]
    fn a_list_that_does_not_show_it_ends_that() {
        let unreadable = Unreadable::default();
        let (mut ours, mut theirs) = (unreadable.sorter(Some("n")), unreadable.sorter(Some("m")));
        ours.sort(Event::Apply(shown("bad", false)));
        for sorter in [&mut theirs, &mut ours] {
            assert_eq!(names(&unreadable), ["bad"]);
            sorter.sort(Event::Init);
            sorter.sort(Event::InitDone);
        }
        assert!(names(&unreadable).is_empty());
    }
}
