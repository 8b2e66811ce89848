//! The index of a shard, which keeps only the mirrors of its `ClusterWatches`.

use super::{Index, Share, UNREADABLE, share::Shares};

impl Index {
    /// An index for a shard. It lists nothing until it knows what to [`keep`](Self::keep).
    #[must_use]
    pub fn of_shard(watches: usize) -> Self {
        let index = Self::new(watches);
        index.lock().shares = Some(Shares::default());
        index
    }

    /// Keeps from now on only `share` of the watch on `watched` (`None`: all namespaces).
    pub fn keep(&self, watched: Option<&str>, share: Share) {
        {
            let mut inner = self.lock();
            let inner = &mut *inner;
            let Some(shares) = &mut inner.shares else {
                return;
            };
            if !shares.set(watched.unwrap_or_default(), share) {
                return;
            }
            for (namespace, groups) in &mut inner.namespaces {
                groups.retain(|cluster, _| {
                    **cluster == *UNREADABLE || shares.keeps(namespace, cluster)
                });
            }
            inner.sweep();
        }
        self.changed.notify_waiters();
    }

    /// Waits until it is known what to keep of the watch on `watched`, so that it may list.
    pub async fn may_list(&self, watched: Option<&str>) {
        let watched = watched.unwrap_or_default();
        self.until(|inner| {
            inner
                .shares
                .as_ref()
                .is_none_or(|shares| shares.knows(watched))
        })
        .await;
    }

    /// Waits until the watch on `watched` must list again, because mirrors that it dropped are now needed.
    pub async fn lacks(&self, watched: Option<&str>) {
        let watched = watched.unwrap_or_default();
        self.until(|inner| {
            inner
                .shares
                .as_mut()
                .is_some_and(|shares| shares.lacks(watched))
        })
        .await;
    }

    /// Waits until all mirrors of `cluster` in `namespace` are known. Nothing may be planned before.
    pub async fn complete(&self, namespace: &str, cluster: &str) {
        self.listed(namespace).await;
        self.until(|inner| {
            inner
                .shares
                .as_ref()
                .is_none_or(|shares| shares.has(namespace, cluster))
        })
        .await;
    }
}
