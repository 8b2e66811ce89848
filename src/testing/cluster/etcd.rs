//! etcd's data put back to what it was.

use std::collections::BTreeMap;

use super::{Change, MemoryCluster};
use crate::api::{cluster_watch::ClusterWatch, remediation::Remediation};

/// The objects of a namespace at one time.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    mirrors: BTreeMap<String, Remediation>,
    watches: BTreeMap<String, ClusterWatch>,
    version: u64,
}

/// By how much a restore that bumps revisions raises them.
const BUMP: u64 = 1000;

impl MemoryCluster {
    pub(crate) fn snapshot(&self) -> Snapshot {
        let state = self.lock();
        Snapshot {
            mirrors: state.mirrors.clone(),
            watches: state.watches.clone(),
            version: state.version,
        }
    }

    /// Everything is as it was in `snapshot`; unless `bumped`, the resourceVersions since then are given out once more.
    pub(crate) fn restore(&self, snapshot: &Snapshot, bumped: bool) {
        let mut state = self.lock();
        state.mirrors.clone_from(&snapshot.mirrors);
        state.watches.clone_from(&snapshot.watches);
        state.version = if bumped {
            state.version + BUMP
        } else {
            snapshot.version
        };
        let there = snapshot.mirrors.values().cloned();
        state.changes = there.map(Change::Put).collect();
        state.restores += 1;
    }

    /// How often etcd's data was put back: every watch that began before is at an end.
    pub(crate) fn restores(&self) -> u64 {
        self.lock().restores
    }
}
