//! What was listed, and what must be listed again.

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

/// At most two relists because of a restore in this time. Two, as a restore is often noticed in two places, one after the
/// other.
const PACE: Duration = Duration::from_secs(60);

/// What one watch has shown.
#[derive(Debug, Default)]
pub(super) struct Watched {
    /// The newest resourceVersion of its last list and of the events since.
    seen: u64,
    /// The newest resourceVersion of the list under way.
    listed: u64,
    /// The list under way shows an older version than was known.
    back: bool,
    /// Its list has ended.
    complete: bool,
    /// The API server refuses to list it.
    refused: bool,
    /// Versions went backwards, and no list that began since has ended. Holds the epoch of that time.
    rewound: Option<u32>,
}

impl Inner {
    fn watch(&mut self, watched: Option<&str>) -> &mut Watched {
        self.watched
            .entry(watched.unwrap_or_default().into())
            .or_default()
    }

    /// Up to which resourceVersion the watch on `namespace` has shown all there is.
    pub(super) fn seen(&self, namespace: &str) -> u64 {
        let watches = ["", namespace].map(|watched| self.watched.get(watched));
        let seen = watches.into_iter().flatten().map(|watch| watch.seen);
        seen.max().unwrap_or(0)
    }

    /// An event of the watch on `watched` has come to `resource_version`. Says whether that is no way backwards.
    pub(super) fn see(&mut self, watched: Option<&str>, resource_version: u64) -> bool {
        let watch = self.watch(watched);
        let forwards = watch.seen <= resource_version;
        watch.seen = watch.seen.max(resource_version);
        forwards
    }

    /// The list of `watched` shows a mirror of `resource_version`, older than it was before where `back` says so.
    pub(super) fn lists(&mut self, watched: Option<&str>, resource_version: u64, back: bool) {
        let watch = self.watch(watched);
        watch.listed = watch.listed.max(resource_version);
        watch.back |= back;
    }

    fn is_rewound(&self, namespace: &str) -> bool {
        let watches = ["", namespace].map(|watched| self.watched.get(watched));
        let mut watches = watches.into_iter().flatten();
        watches.any(|watch| watch.rewound.is_some())
    }

    /// Whether each watch was listed or refused, and not all were refused.
    fn is_ready(&self) -> bool {
        let watches = || self.watched.values();
        let settled = watches().filter(|watch| watch.complete || watch.refused);
        let works = self.expected == 0 || watches().any(|watch| watch.complete);
        works && settled.count() >= self.expected
    }

    fn is_refused(&self, namespace: &str) -> bool {
        let watches = ["", namespace].map(|watched| self.watched.get(watched));
        let mut watches = watches.into_iter().flatten();
        watches.any(|watch| watch.refused)
    }

    /// Whether the list that has `namespace` has ended.
    fn is_listed(&self, namespace: &str) -> bool {
        let watches = ["", namespace].map(|watched| self.watched.get(watched));
        let mut watches = watches.into_iter().flatten();
        self.expected == 0 || watches.any(|watch| watch.complete)
    }
}

impl Index {
    /// Forgets everything; ready again once `watches` watches have ended their first list.
    pub fn forget(&self, watches: usize) {
        let mut inner = self.lock();
        inner.namespaces.clear();
        inner.watched.clear();
        inner.expected = watches;
    }

    /// Waits until every watch has ended its list or was refused it, and one has ended it.
    pub async fn ready(&self) {
        self.until(|inner| inner.is_ready()).await;
    }

    /// Waits until the mirrors of `namespace` were listed: before that, nothing may be planned there.
    pub async fn listed(&self, namespace: &str) {
        self.until(|inner| inner.is_listed(namespace)).await;
    }

    /// Waits until what is kept and listed is as `wanted`.
    pub(super) async fn until(&self, mut wanted: impl FnMut(&mut Inner) -> bool) {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            if wanted(&mut self.lock()) {
                return;
            }
            changed.await;
        }
    }

    /// Whether every watch has ended its list or was refused it, and one has ended it.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.lock().is_ready()
    }

    /// Whether the mirrors of `namespace` were listed.
    #[must_use]
    pub fn is_listed(&self, namespace: &str) -> bool {
        self.lock().is_listed(namespace)
    }

    /// Notes that the API server refuses to list `watched` (all namespaces: `None`): nothing waits for it any more but what
    /// is to be done there.
    pub fn refuse(&self, watched: Option<&str>) {
        {
            let mut inner = self.lock();
            let watch = inner.watch(watched);
            (watch.complete, watch.refused) = (false, true);
        }
        self.changed.notify_waiters();
    }

    /// Waits until the API server has refused to list `namespace`.
    pub async fn refused(&self, namespace: &str) {
        self.until(|inner| inner.is_refused(namespace)).await;
    }

    /// The namespaces that the API server refuses to list, in order (all of them: an empty name).
    #[must_use]
    pub fn all_refused(&self) -> BTreeSet<Box<str>> {
        let inner = self.lock();
        let refused = inner.watched.iter().filter(|(_, watch)| watch.refused);
        refused.map(|(namespace, _)| namespace.clone()).collect()
    }

    /// A list of `watched` (all namespaces: `None`) begins, before the API server is asked for it; what it does not show is
    /// dropped by [`end`](Self::end).
    #[must_use]
    pub fn begin(&self, watched: Option<&str>) -> u32 {
        let mut inner = self.lock();
        let watch = inner.watch(watched);
        (watch.listed, watch.back) = (0, false);
        inner.epoch += 1;
        inner.epoch
    }

    /// Ends the list of `watched` (all namespaces: `None`) that began as `epoch`: its mirrors that it did not show are
    /// forgotten, but not those that the answer to a write has told of since it began and that are newer than all it showed.
    pub fn end(&self, epoch: u32, watched: Option<&str>) {
        let back = {
            let mut inner = self.lock();
            let inner = &mut *inner;
            let watch = inner.watch(watched);
            let back = std::mem::take(&mut watch.back);
            // What was deleted may be newer than all that is left.
            watch.seen = watch.listed.max(watch.seen);
            // Where it was expected to, nothing is news.
            let back = back && watch.rewound.is_none();
            let rewound = watch.rewound.is_some();
            watch.rewound = watch.rewound.filter(|since| epoch <= *since);
            let restored = rewound && watch.rewound.is_none();
            watch.complete = watch.rewound.is_none();
            watch.refused = false;
            let seen = watch.seen;
            inner.retain(watched, |mirror| {
                mirror.epoch >= epoch || mirror.answered >= epoch && mirror.resource_version > seen
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

    /// Compares `read`, which the API server showed after a write of it had met another version, with the version that was
    /// known `before` it was read. `cluster`: that of the mirror that was to be written.
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

    /// Notes that the API server shows an older version than before of something in `namespace` (`None`: of something that
    /// no mirror is): etcd was restored. All is listed again before it counts as known.
    pub fn rewound(&self, namespace: Option<&str>) {
        {
            let mut inner = self.lock();
            let inner = &mut *inner;
            // What is about to be listed again may show more of it.
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
            "the API server shows older versions than before: its storage was restored. Everything is listed again"
        );
        self.changed.notify_waiters();
    }

    /// The newest version that any watch has shown; 0: none has.
    #[must_use]
    pub fn newest(&self) -> u64 {
        let inner = self.lock();
        let seen = inner.watched.values().map(|watch| watch.seen);
        seen.max().unwrap_or(0)
    }

    /// How many lists have ended. Each may have brought mirrors that events will not tell of.
    #[must_use]
    pub fn lists(&self) -> u64 {
        self.lock().lists
    }

    /// Waits until a list has ended since so many had.
    pub async fn listed_after(&self, lists: u64) {
        self.until(|inner| inner.lists != lists).await;
    }

    /// How many lists have ended that show what a restore of etcd made of the mirrors.
    #[must_use]
    pub fn restores(&self) -> u64 {
        self.lock().restores
    }

    /// Waits until one of those has ended since so many had.
    pub async fn restored_after(&self, restores: u64) {
        self.until(|inner| inner.restores != restores).await;
    }

    /// Tells when to list again because versions went backwards.
    #[must_use]
    pub fn rewinds(&self) -> Rewinds {
        let known = self.lock().rewinds;
        Rewinds {
            index: self.clone(),
            state: Arc::new(Mutex::new((known, [None; 2]))),
        }
    }
}

/// Tells one watch when to list again because versions went backwards. Clones are handles to the same one.
#[derive(Clone)]
pub struct Rewinds {
    index: Index,
    /// How many rewinds were told of, and when the last two were, the latest last.
    state: Arc<Mutex<(u64, [Option<Instant>; 2])>>,
}

impl Rewinds {
    /// Waits until all is to be listed again: at once where versions went backwards, but at most twice a minute.
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
