//! Whether the operator has what it needs from the cluster to start its work.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    pin::pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use kube::ResourceExt;
use tokio::sync::Notify;
pub use unreadable::{Sorter, Unreadable};

use crate::{api::published::Installed, store::Index};

mod unreadable;

/// The state of both CRDs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Definitions {
    /// The API server has not responded yet.
    Unseen,
    /// The operator has no access.
    Forbidden,
    /// The CRDs that the API server publishes.
    Seen(Installed),
}

impl fmt::Display for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen => write!(
                f,
                "the API server does not respond; retrying. Check that the operator can reach it"
            ),
            Self::Forbidden => write!(
                f,
                "no access to /openapi/v3 of the API server. Bind the ClusterRole system:discovery to the operator's service account"
            ),
            Self::Seen(installed) => installed.fmt(f),
        }
    }
}

/// The state of the first list of the `ClusterWatches` of a namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// Not complete yet.
    Pending,
    /// Complete.
    Listed,
    /// Rejected by the API server.
    Refused,
}

/// The lists of `ClusterWatches` by namespace (empty: all). Empty before the first one starts.
#[derive(Default)]
struct Listings {
    by: Mutex<BTreeMap<Box<str>, Listing>>,
    /// Notified of each change.
    changed: Notify,
}

impl Listings {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Listing>> {
        self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether every list is complete or rejected, and not all are rejected.
    fn is_filled(&self) -> bool {
        let by = self.lock();
        let mut each = by.values();
        let works = by.is_empty() || each.clone().any(|listing| *listing == Listing::Listed);
        works && each.all(|listing| *listing != Listing::Pending)
    }
}

/// The list of the `ClusterWatches` of one namespace, while it is watched.
pub struct Listed {
    listings: Arc<Listings>,
    namespace: Box<str>,
}

impl Listed {
    /// Sets its state.
    pub fn set(&self, listing: Listing) {
        let before = self.listings.lock().insert(self.namespace.clone(), listing);
        if before != Some(listing) {
            self.listings.changed.notify_waiters();
        }
    }
}

impl Drop for Listed {
    fn drop(&mut self) {
        self.listings.lock().remove(&self.namespace);
        self.listings.changed.notify_waiters();
    }
}

/// Collects the state of all requirements. Clones share it.
#[derive(Clone)]
pub struct Readiness {
    definitions: Arc<Mutex<Definitions>>,
    index: Index,
    watches: Arc<Listings>,
    unreadable: Unreadable,
    watch_errors: Arc<Notify>,
}

impl Readiness {
    /// Nothing is known except for `index`.
    #[must_use]
    pub fn new(index: Index) -> Self {
        Self {
            definitions: Arc::new(Mutex::new(Definitions::Unseen)),
            index,
            watches: Arc::default(),
            unreadable: Unreadable::default(),
            watch_errors: Arc::default(),
        }
    }

    /// Sets the state of the CRDs. Returns whether it changed.
    #[must_use]
    pub fn definitions(&self, found: Definitions) -> bool {
        let mut known = self
            .definitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let changed = *known != found;
        *known = found;
        changed
    }

    /// The index of the mirrors.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The unreadable `ClusterWatches`.
    #[must_use]
    pub fn unreadable(&self) -> &Unreadable {
        &self.unreadable
    }

    /// The number of unreadable objects, by namespace and kind.
    #[must_use]
    pub fn unreadable_objects(&self) -> BTreeMap<(String, &'static str), usize> {
        let mut counts = BTreeMap::new();
        for watch in self.unreadable.all() {
            let namespace = watch.namespace().unwrap_or_default();
            *counts.entry((namespace, "ClusterWatch")).or_default() += 1;
        }
        for (namespace, count) in self.index.unreadable() {
            counts.insert((namespace.into(), "Remediation"), count);
        }
        counts
    }

    /// A watch failed, perhaps because its CRD was deleted.
    pub fn report_watch_error(&self) {
        self.watch_errors.notify_one();
    }

    /// Waits for a failure that may mean that a CRD was deleted.
    pub async fn doubted(&self) {
        self.watch_errors.notified().await;
    }

    /// A watch on the `ClusterWatches` of `namespace` (`None`: all) starts its first list.
    #[must_use]
    pub fn watch_begins(&self, namespace: Option<&str>) -> Arc<Listed> {
        let listed = Listed {
            listings: self.watches.clone(),
            namespace: namespace.unwrap_or_default().into(),
        };
        listed.set(Listing::Pending);
        Arc::new(listed)
    }

    /// Whether this replica knows enough to lead: in each namespace, mirrors and `ClusterWatches` were listed, or
    /// listing them was rejected.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.index.is_ready() && self.watches.is_filled()
    }

    /// Waits until [`is_filled`](Self::is_filled).
    pub async fn filled(&self) {
        loop {
            self.index.ready().await;
            let mut changed = pin!(self.watches.changed.notified());
            changed.as_mut().enable();
            if self.is_filled() {
                return;
            }
            if !self.watches.is_filled() {
                changed.await;
            }
        }
    }

    /// The namespaces in which the operator may not list Remediations or `ClusterWatches`, sorted (empty name: all).
    #[must_use]
    pub fn refused(&self) -> BTreeSet<Box<str>> {
        let mut refused = self.index.all_refused();
        let watches = self.watches.lock();
        let of_watches = watches
            .iter()
            .filter(|(_, listing)| **listing == Listing::Refused);
        refused.extend(of_watches.map(|(namespace, _)| namespace.clone()));
        refused
    }

    /// What is missing and what to do about it, in one line; `None` if ready.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let definitions = self
            .definitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let missing = missing(
            &definitions,
            self.index.is_ready(),
            self.watches.is_filled(),
        )?;
        match self.note() {
            Some(note) if *definitions == FIT => Some(format!("{missing}; {note}")),
            _ => Some(missing),
        }
    }

    /// What does not work although the operator is ready, in one line.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let refused = self.refused();
        let named = refused.iter().filter(|namespace| !namespace.is_empty());
        let named: Vec<&str> = named.map(|namespace| &**namespace).collect();
        (!named.is_empty()).then(|| {
            format!(
                "no access to Remediations or ClusterWatches in {}. Grant the operator's service account list and watch there, or remove the namespace from --namespace",
                named.join(", ")
            )
        })
    }
}

const FIT: Definitions = Definitions::Seen(Installed::Fit);

fn missing(definitions: &Definitions, mirrors: bool, watches: bool) -> Option<String> {
    let kind = match (mirrors, watches) {
        _ if *definitions != FIT => {
            return Some(definitions.to_string());
        }
        (false, _) => "Remediations",
        (_, false) => "ClusterWatches",
        (true, true) => return None,
    };
    Some(format!(
        "the first list of {kind} is not complete. If this persists, check the logs, and that the operator's service account may list and watch them"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
