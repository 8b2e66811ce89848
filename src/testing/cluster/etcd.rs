//! Restores of etcd's data.

use std::collections::BTreeMap;

use kube::ResourceExt;
use serde_json::json;

use super::{Change, MemoryKubeApi};
use crate::{
    api::{cluster_watch::ClusterWatch, remediation::Remediation},
    k8s::partial::Shown,
};

/// The objects of a namespace at one time.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    mirrors: BTreeMap<String, Remediation>,
    watches: BTreeMap<String, ClusterWatch>,
    version: u64,
}

/// How much a restore with bumped revisions raises them.
const BUMP: u64 = 1000;

/// etcd's revisions: the resourceVersions of objects.
#[derive(Debug, Default)]
pub(super) struct Revisions {
    last: u64,
    /// Number of restores.
    restores: u64,
}

impl Revisions {
    /// Those after this one.
    pub(super) fn after(last: u64) -> Self {
        Self { last, restores: 0 }
    }

    /// The last one so far.
    fn last(&self) -> u64 {
        self.last
    }

    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// The uid of an object created at this version. No uid is used twice.
    pub(super) fn uid(&self, version: u64) -> String {
        match self.restores {
            0 => format!("uid-{version}"),
            restores => format!("uid-{version}-{restores}"),
        }
    }

    /// Goes back to `version`. Unless `bumped`, later ones are used again.
    fn restore(&mut self, version: u64, bumped: bool) {
        self.last = if bumped { self.last + BUMP } else { version };
        self.restores += 1;
    }
}

impl MemoryKubeApi {
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        Snapshot {
            mirrors: state.mirrors.clone(),
            watches: state.watches.clone(),
            version: state.revisions.last(),
        }
    }

    /// Restores `snapshot`. Unless `bumped`, later resourceVersions are used again.
    pub(crate) fn restore(&self, snapshot: &Snapshot, bumped: bool) {
        let mut state = self.lock();
        state.mirrors.clone_from(&snapshot.mirrors);
        state.watches.clone_from(&snapshot.watches);
        state.revisions.restore(snapshot.version, bumped);
        let there = snapshot.mirrors.values().cloned();
        state.changes = there.map(Change::Put).collect();
        state.spoilt.clear();
    }

    /// Writes an unreadable status into a mirror, as a new version.
    pub(crate) fn spoil(&self, name: &str) {
        let mut state = self.lock();
        let mut object = state.mirrors[name].clone();
        let version = state.next();
        object.metadata.resource_version = Some(version.to_string());
        object.status = None;
        state.mirrors.insert(name.to_owned(), object.clone());
        state.changes.push(Change::Put(object));
        state.spoilt.insert(name.to_owned());
    }

    /// The mirror as a watch reads it.
    pub(crate) fn shown(&self, object: Remediation) -> Shown {
        if !self.lock().spoilt.contains(&object.name_any()) {
            return object.into();
        }
        let mut json = serde_json::to_value(&object).unwrap();
        json["status"] = json!({"conditions": "2026-11-23T10:00:00+99:99"});
        serde_json::from_str(&json.to_string()).unwrap()
    }

    /// Number of restores. Every watch that started earlier has ended.
    pub(crate) fn restores(&self) -> u64 {
        self.lock().revisions.restores
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_restore_reuses_versions_unless_they_are_bumped_and_never_a_uid() {
        let mut revisions = Revisions::after(7);
        assert_eq!(
            (revisions.next(), revisions.uid(8)),
            (8, "uid-8".to_owned())
        );
        revisions.restore(7, false);
        assert_eq!(
            (revisions.next(), revisions.uid(8)),
            (8, "uid-8-1".to_owned())
        );
        revisions.restore(7, true);
        assert_eq!(revisions.next(), 8 + BUMP + 1);
    }
}
