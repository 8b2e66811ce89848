//! Whether the operator has what it needs of the cluster to begin its work.

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

/// What is known of the definitions of both kinds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Definitions {
    /// The API server has not told anything yet.
    Unseen,
    /// The API server does not let this account look.
    Forbidden,
    /// What the API server publishes.
    Seen(Installed),
}

impl fmt::Display for Definitions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unseen => write!(
                f,
                "the API server does not answer: see that it can be reached from here; it is asked again"
            ),
            Self::Forbidden => write!(
                f,
                "the API server refuses to show what is installed (/openapi/v3): bind the ClusterRole system:discovery to the operator's service account"
            ),
            Self::Seen(installed) => installed.fmt(f),
        }
    }
}

/// How the first list of the `ClusterWatches` of a namespace does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    /// It has not ended.
    Pending,
    /// It has ended.
    Listed,
    /// The API server refuses it.
    Refused,
}

/// The lists of `ClusterWatches`, by their namespaces (all: empty). None before the first begins.
#[derive(Default)]
struct Listings {
    by: Mutex<BTreeMap<Box<str>, Listing>>,
    /// Told when one has changed.
    changed: Notify,
}

impl Listings {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<Box<str>, Listing>> {
        self.by.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether each was listed or refused, and not all were refused.
    fn is_filled(&self) -> bool {
        let by = self.lock();
        let mut each = by.values();
        let works = by.is_empty() || each.clone().any(|listing| *listing == Listing::Listed);
        works && each.all(|listing| *listing != Listing::Pending)
    }
}

/// The list of the `ClusterWatches` of one namespace, for as long as it is watched.
pub struct Listed {
    listings: Arc<Listings>,
    namespace: Box<str>,
}

impl Listed {
    /// Says how it does.
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

/// Collects what is there already. Clones are handles to the same one.
#[derive(Clone)]
pub struct Readiness {
    definitions: Arc<Mutex<Definitions>>,
    index: Index,
    watches: Arc<Listings>,
    unreadable: Unreadable,
    watch_errors: Arc<Notify>,
}

impl Readiness {
    /// Nothing but what `index` says is known yet.
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

    /// Takes in what is known of the definitions; says whether that is news.
    #[must_use]
    pub fn definitions(&self, found: Definitions) -> bool {
        let mut known = self
            .definitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let news = *known != found;
        *known = found;
        news
    }

    /// The index of the mirrors.
    #[must_use]
    pub fn index(&self) -> &Index {
        &self.index
    }

    /// The `ClusterWatches` that cannot be read.
    #[must_use]
    pub fn unreadable(&self) -> &Unreadable {
        &self.unreadable
    }

    /// How many objects cannot be read, by namespace and kind.
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

    /// A watch failed: perhaps its definition is gone.
    pub fn report_watch_error(&self) {
        self.watch_errors.notify_one();
    }

    /// Waits until somebody doubts that the definitions are as they were.
    pub async fn doubted(&self) {
        self.watch_errors.notified().await;
    }

    /// A watch on the `ClusterWatches` of `namespace` (all: `None`) begins its first list.
    #[must_use]
    pub fn watch_begins(&self, namespace: Option<&str>) -> Arc<Listed> {
        let listed = Listed {
            listings: self.watches.clone(),
            namespace: namespace.unwrap_or_default().into(),
        };
        listed.set(Listing::Pending);
        Arc::new(listed)
    }

    /// Whether this replica knows what it must know to lead: of each namespace, mirrors and `ClusterWatches` were listed or
    /// refused.
    #[must_use]
    pub fn is_filled(&self) -> bool {
        self.index.is_ready() && self.watches.is_filled()
    }

    /// Waits until this replica [is filled](Self::is_filled).
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

    /// The namespaces of which the API server refuses to list Remediations or `ClusterWatches`, in order (all of them: an
    /// empty name).
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

    /// What is missing and what to do about it, in one line; `None`: ready.
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

    /// What does not work though the rest does, in one line.
    #[must_use]
    pub fn note(&self) -> Option<String> {
        let refused = self.refused();
        let named = refused.iter().filter(|namespace| !namespace.is_empty());
        let named: Vec<&str> = named.map(|namespace| &**namespace).collect();
        (!named.is_empty()).then(|| {
            format!(
                "the API server refuses to list Remediations or ClusterWatches in {}: grant the operator's service account list and watch there, or take the namespace out of --namespace",
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
        "the first listing of {kind} has not ended: where this stays, the log says why; mostly the operator's service account may not list and watch them"
    ))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
