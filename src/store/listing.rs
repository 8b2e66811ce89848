//! Which lists are complete, and which must be repeated.

use std::{
    collections::BTreeSet,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kube::ResourceExt;
use tokio::time::Instant;

use super::{Index, Inner, version};
use crate::api::remediation::Remediation;

/// At most two relists after restores within this time. Two, because a restore is often noticed in two places in a row.
const PACE: Duration = Duration::from_secs(60);

/// The progress of one watch.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// The newest resourceVersion of its last list and of later events.
    seen: u64,
    /// The newest resourceVersion of the current list.
    listed: u64,
    /// The current list shows an older version than was known.
    back: bool,
    /// Its list is complete.
    complete: bool,
    /// The API server rejects the list.
    refused: bool,
    /// The epoch in which resource versions went backwards, until a list that started later is complete.
    rewound: Option<u32>,
}

impl Inner {
    fn watch(&mut self, watched: Option<&str>) -> &mut Watched {
        self.watched
            .entry(watched.unwrap_or_default().into())
            .or_default()
    }

    /// The watch that covers `namespace`: its own, or that on all.
    fn covering(&self, namespace: &str) -> Option<&Watched> {
        let own = self.watched.get(namespace);
        own.or_else(|| self.watched.get(""))
    }

    /// The resourceVersion up to which the watch on `namespace` has shown everything.
    pub(super) fn seen(&self, namespace: &str) -> u64 {
        self.covering(namespace).map_or(0, |watch| watch.seen)
    }

    /// An event of the watch on `watched` has `resource_version`. Returns whether versions did not go backwards.
    pub(super) fn see(&mut self, watched: Option<&str>, resource_version: u64) -> bool {
        let watch = self.watch(watched);
        let forwards = watch.seen <= resource_version;
        watch.seen = watch.seen.max(resource_version);
        forwards
    }

    /// The list of `watched` shows a mirror with `resource_version`, which is older than before if `back` is set.
    pub(super) fn lists(&mut self, watched: Option<&str>, resource_version: u64, back: bool) {
        let watch = self.watch(watched);
        watch.listed = watch.listed.max(resource_version);
        watch.back |= back;
    }

    fn is_rewound(&self, namespace: &str) -> bool {
        let watch = self.covering(namespace);
        watch.is_some_and(|watch| watch.rewound.is_some())
    }

    /// Whether every list is complete or rejected, and not all are rejected.
    fn is_ready(&self) -> bool {
        let watches = || self.watched.values();
        let settled = watches().filter(|watch| watch.complete || watch.refused);
        let works = self.expected == 0 || watches().any(|watch| watch.complete);
        works && settled.count() >= self.expected
    }

    fn is_refused(&self, namespace: &str) -> bool {
        self.covering(namespace).is_some_and(|watch| watch.refused)
    }

    /// Whether the list that covers `namespace` is complete.
    fn is_listed(&self, namespace: &str) -> bool {
        let watch = self.covering(namespace);
        self.expected == 0 || watch.is_some_and(|watch| watch.complete)
    }
}

impl Index {
    /// Forgets everything. Ready again once `watches` watches have completed their first list.
    pub fn forget(&self, watches: usize) {
        let mut inner = self.lock();
        inner.namespaces.clear();
        inner.watched.clear();
        inner.expected = watches;
    }

    /// Waits until every list is complete or rejected, and one is complete.
    pub async fn ready(&self) {
        self.until(|inner| inner.is_ready()).await;
    }

    /// Waits until the mirrors of `namespace` are listed. Nothing may be planned there before.
    pub async fn listed(&self, namespace: &str) {
        self.until(|inner| inner.is_listed(namespace)).await;
    }

    /// Waits until `condition` holds.
    pub(super) async fn until(&self, mut condition: impl FnMut(&mut Inner) -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if condition(&mut self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Whether every list is complete or rejected, and one is complete.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().is_ready()
    }

    /// Whether the mirrors of `namespace` are listed.
    #[must_use]
    pub fn is_listed(&self, namespace: &str) -> bool {
        self.lock().is_listed(namespace)
    }

    /// Records that the API server rejects the list of `watched` (`None`: all namespaces). Only the work in these
    /// namespaces waits for it.
    pub fn refuse(&self, watched: Option<&str>) {
        {
            let mut inner = self.lock();
            let watch = inner.watch(watched);
            (watch.complete, watch.refused) = (false, true);
        }
        self.changed.notify_waiters();
    }

    /// Waits until the API server rejects the list of `namespace`.
    pub async fn refused(&self, namespace: &str) {
        self.until(|inner| inner.is_refused(namespace)).await;
    }

    /// The namespaces that the API server does not allow to list, sorted (empty name: all).
    #[must_use]
    pub fn all_refused(&self) -> BTreeSet<Box<str>> {
        let inner = self.lock();
        let refused = inner.watched.iter().filter(|(_, watch)| watch.refused);
        refused.map(|(namespace, _)| namespace.clone()).collect()
    }

    /// A list of `watched` (`None`: all namespaces) starts, before its request. [`end`](Self::end) drops what it does
    /// not show.
    #[must_use]
    pub fn begin(&self, watched: Option<&str>) -> u32 {
        let mut inner = self.lock();
        let watch = inner.watch(watched);
        (watch.listed, watch.back) = (0, false);
        inner.epoch += 1;
        inner.epoch
    }

    /// The list of `watched` (`None`: all namespaces) that started as `epoch` is complete. Mirrors that it did not show
    /// are dropped, except for those that a response to a write showed since and that are newer than the list.
    pub fn end(&self, epoch: u32, watched: Option<&str>) {
        let back = {
            let mut inner = self.lock();
            let inner = &mut *inner;
            let watch = inner.watch(watched);
            let back = std::mem::take(&mut watch.back);
            // A deleted object may be newer than everything that is left.
            watch.seen = watch.listed.max(watch.seen);
            // If a list was expected to show older versions, they do not show a restore.
            let back = back && watch.rewound.is_none();
            let rewound = watch.rewound.is_some();
            watch.rewound = watch.rewound.filter(|since| epoch <= *since);
            let restored = rewound && watch.rewound.is_none();
            watch.complete = watch.rewound.is_none();
            watch.refused = false;
            let seen = watch.seen;
            inner.retain(watched, |mirror| {
                let is_newer = !mirror.object.is_reached_by(seen);
                mirror.epochs.shown_since(epoch) || mirror.epochs.answered_since(epoch) && is_newer
            });
            inner.lists += 1;
            inner.restores += u64::from(restored);
            back
        };
        self.changed.notify_waiters();
        if back {
            self.rewound(Some(watched.unwrap_or_default()));
        }
    }

    /// Compares `read`, which the API server returned after a conflict, with the version that was known `before`.
    /// `cluster` is that of the mirror to be written.
    pub fn compare(&self, before: Option<u64>, read: &Remediation, cluster: &str) {
        let (namespace, name) = (read.namespace().unwrap_or_default(), read.name_any());
        let found = version(read);
        let back = if let Some(before) = before {
            found < before
        } else {
            // The watch was past it, and has not shown it.
            let missed = found <= self.lock().seen(&namespace);
            missed && read.spec.cluster_id == cluster && self.get(&namespace, &name).is_none()
        };
        if back {
            self.rewound(Some(&namespace));
        }
    }

    /// Records that the API server returned an older version than before of something in `namespace` (`None`: not a
    /// mirror): etcd was restored. Everything must be listed again.
    pub fn rewound(&self, namespace: Option<&str>) {
        {
            let mut inner = self.lock();
            let inner = &mut *inner;
            // The list that starts may show more of it.
            if namespace.is_some_and(|namespace| inner.is_rewound(namespace)) {
                return;
            }
            inner.rewinds += 1;
            for watch in inner.watched.values_mut() {
                (watch.seen, watch.complete) = (0, false);
                watch.rewound = Some(inner.epoch);
            }
        }
        tracing::warn!(
            "the API server returned older resource versions, so etcd was restored; listing everything again"
        );
        self.changed.notify_waiters();
    }

    /// The newest version that any watch has shown; 0 if none has.
    #[must_use]
    pub fn newest(&self) -> u64 {
        let inner = self.lock();
        let seen = inner.watched.values().map(|watch| watch.seen);
        seen.max().unwrap_or(0)
    }

    /// The number of completed lists. Each may contain mirrors for which there are no events.
    #[must_use]
    pub fn lists(&self) -> u64 {
        self.lock().lists
    }

    /// Waits until a list has completed after this many.
    pub async fn listed_after(&self, lists: u64) {
        self.until(|inner| inner.lists != lists).await;
    }

    /// The number of completed lists that show the mirrors after a restore of etcd.
    #[must_use]
    pub fn restores(&self) -> u64 {
        self.lock().restores
    }

    /// Waits until one of those has completed after this many.
    pub async fn restored_after(&self, restores: u64) {
        self.until(|inner| inner.restores != restores).await;
    }

    /// Signals when to list again because versions went backwards.
    #[must_use]
    pub fn rewinds(&self) -> Rewinds {
        let known = self.lock().rewinds;
        Rewinds {
            index: self.clone(),
            state: Arc::new(Mutex::new((known, [None; 2]))),
        }
    }
}

/// Signals one watch to list again because versions went backwards. Clones share it.
#[derive(Clone)]
pub struct Rewinds {
    index: Index,
    /// The number of rewinds already signaled, and when the last two were, the latest last.
    state: Arc<Mutex<(u64, [Option<Instant>; 2])>>,
}

impl Rewinds {
    /// Waits until everything must be listed again: at once if versions went backwards, but at most twice a minute.
    pub async fn next(&self) {
        let lock = || self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, [last_but_one, last]) = *lock();
        self.index.until(|inner| inner.rewinds > known).await;
        if let Some(last_but_one) = last_but_one {
            tokio::time::sleep_until(last_but_one + PACE).await;
        }
        *lock() = (self.index.lock().rewinds, [last, Some(Instant::now())]);
    }
}
