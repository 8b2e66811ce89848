//! Whether the operator has what it needs of the cluster to begin its work.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{api::published::Installed, mirror::index::Index};

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

/// Collects what is there already. Clones are handles to the same one.
#[derive(Clone)]
pub struct Readiness {
    definitions: Arc<Mutex<Definitions>>,
    index: Index,
    /// Watches on `ClusterWatches` whose first listing has not ended. None before the first begins: a replica that
    /// stands by has none.
    filling: Arc<AtomicUsize>,
    doubt: Arc<Notify>,
}

/// A first listing under way.
pub struct Filling(Arc<AtomicUsize>);

impl Drop for Filling {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Readiness {
    /// Nothing but what `index` says is known yet.
    #[must_use]
    pub fn new(index: Index) -> Self {
        Self {
            definitions: Arc::new(Mutex::new(Definitions::Unseen)),
            index,
            filling: Arc::default(),
            doubt: Arc::default(),
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

    /// A watch failed: perhaps its definition is gone.
    pub fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Waits until somebody doubts that the definitions are as they were.
    pub async fn doubted(&self) {
        self.doubt.notified().await;
    }

    /// A watch on `ClusterWatches` begins its first listing, which lasts until the answer is dropped.
    #[must_use]
    pub fn watch_begins(&self) -> Filling {
        self.filling.fetch_add(1, Ordering::SeqCst);
        Filling(self.filling.clone())
    }

    /// What is missing and what to do about it, in one line; `None`: ready.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        let definitions = self
            .definitions
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        missing(
            &definitions,
            self.index.is_ready(),
            self.filling.load(Ordering::SeqCst) == 0,
        )
    }
}

fn missing(definitions: &Definitions, mirrors: bool, watches: bool) -> Option<String> {
    let kind = match (mirrors, watches) {
        _ if *definitions != Definitions::Seen(Installed::Fit) => {
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
mod tests {
    use super::*;

    const FIT: Definitions = Definitions::Seen(Installed::Fit);

    #[test]
    fn ready_only_with_everything() {
        assert_eq!(missing(&FIT, true, true), None);
        for (definitions, mirrors, watches, wanted) in [
            (Definitions::Unseen, true, true, "does not answer"),
            (Definitions::Forbidden, true, true, "system:discovery"),
            (
                Definitions::Seen(Installed::Missing(vec!["Remediation".into()])),
                true,
                true,
                "kubectl apply -f crds/",
            ),
            (
                Definitions::Seen(Installed::Older(vec!["Remediation status.node".into()])),
                false,
                false,
                "Remediation status.node",
            ),
            (FIT, false, true, "listing of Remediations"),
            (FIT, true, false, "listing of ClusterWatches"),
        ] {
            let line = missing(&definitions, mirrors, watches).unwrap();
            assert!(line.contains(wanted), "{line}");
            assert_eq!(line.lines().count(), 1);
        }
    }

    #[test]
    fn every_watch_must_have_ended_its_first_listing() {
        let readiness = Readiness::new(Index::new(0));
        assert!(readiness.definitions(FIT));
        assert!(!readiness.definitions(FIT), "no news");
        assert_eq!(readiness.missing(), None);
        let (one, other) = (readiness.watch_begins(), readiness.watch_begins());
        drop(one);
        assert!(readiness.missing().is_some());
        drop(other);
        assert_eq!(readiness.missing(), None);
    }

    #[test]
    fn the_index_must_be_filled() {
        let index = Index::new(1);
        let readiness = Readiness::new(index.clone());
        let _ = readiness.definitions(FIT);
        assert!(readiness.missing().is_some());
        let epoch = index.begin(None);
        index.end(epoch, None);
        assert_eq!(readiness.missing(), None);
    }
}
