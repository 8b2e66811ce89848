//! Requests that set labels and owner references and may still take effect although nothing waits for them: those in
//! progress when their worker ended, and those without a response.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    k8s::error::KubeApiError,
    sync::{change::MirrorChange, target::MirrorTarget},
};

/// A request takes effect within this time, because the API server cancels it after a minute.
pub(crate) const UNDER_WAY: Duration = Duration::from_secs(60);

/// The requests sent for all `ClusterWatches`. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Sent(Arc<Mutex<BTreeMap<Assignment, Pending>>>);

/// Which mirrors get which labels and owner references.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Assignment {
    namespace: Arc<str>,
    cluster: Arc<str>,
    instance: Option<Arc<str>>,
    /// A digest of the labels and owner references that all of them get.
    metadata: u64,
}

#[derive(Debug, Default)]
struct Pending {
    /// Requests that wait for a response.
    under_way: usize,
    /// Until when the others may take effect.
    until: Option<Instant>,
}

impl Pending {
    fn is_over(&self, now: Instant) -> bool {
        self.under_way == 0 && self.until.is_none_or(|until| until <= now)
    }
}

impl Assignment {
    fn by(target: &MirrorTarget) -> Self {
        Self {
            namespace: target.namespace.clone(),
            cluster: target.cluster.clone(),
            instance: target.instance.clone(),
            metadata: target.metadata(None),
        }
    }

    /// Whether both set different labels or owner references on the same mirrors.
    fn contradicts(&self, other: &Self) -> bool {
        let (one, another) = (&self.instance, &other.instance);
        let meet = one.is_none() || another.is_none() || one == another;
        let one_place = self.namespace == other.namespace && self.cluster == other.cluster;
        meet && one_place && self.metadata != other.metadata
    }
}

impl Sent {
    /// Records that `change` is about to be sent for `target`.
    #[must_use]
    pub fn begin(&self, target: &MirrorTarget, change: &MirrorChange) -> Sending {
        let sets_metadata = match change {
            MirrorChange::Create(..) => true,
            MirrorChange::Update { metadata, .. } => *metadata,
            MirrorChange::Mark(..) | MirrorChange::Prune(_) => false,
        };
        let assignment = sets_metadata.then(|| Assignment::by(target));
        if let Some(assignment) = &assignment {
            let (mut all_pending, now) = (self.lock(), Instant::now());
            all_pending.retain(|_, pending| !pending.is_over(now));
            all_pending.entry(assignment.clone()).or_default().under_way += 1;
        }
        Sending {
            sent: self.clone(),
            assignment,
            may_take_effect: true,
        }
    }

    /// Whether a request may still set labels or owner references on mirrors of `target` that differ from its own.
    #[must_use]
    pub fn contradicts(&self, target: &MirrorTarget) -> bool {
        let (assignment, now) = (Assignment::by(target), Instant::now());
        let all_pending = self.lock();
        let mut all_pending = all_pending.iter();
        all_pending.any(|(other, pending)| !pending.is_over(now) && assignment.contradicts(other))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Assignment, Pending>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One request that waits for a response, until it is dropped.
#[derive(Debug)]
pub struct Sending {
    sent: Sent,
    /// `None` if it sets no labels or owner references.
    assignment: Option<Assignment>,
    /// Whether it may take effect later, as far as known.
    may_take_effect: bool,
}

impl Sending {
    /// The request ended with this result.
    pub fn ended<T>(mut self, outcome: &Result<T, KubeApiError>) {
        self.may_take_effect = matches!(outcome, Err(KubeApiError::Unavailable(_)));
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let Some(assignment) = &self.assignment else {
            return;
        };
        let mut all_pending = self.sent.lock();
        let pending = all_pending.entry(assignment.clone()).or_default();
        pending.under_way = pending.under_way.saturating_sub(1);
        if self.may_take_effect {
            pending.until = Some(Instant::now() + UNDER_WAY);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
