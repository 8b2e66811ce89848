//! Requests that set labels and owner references and may still be carried out after the wait for them was given up: those under way
//! when their task ended, and those without an answer.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::{
    k8s::api::KubeApiError,
    sync::{decide::plan::MirrorTarget, write::object::MirrorChange},
};

/// A request is carried out within this time: the API server gives it up after a minute.
pub(crate) const UNDER_WAY: Duration = Duration::from_secs(60);

/// What was sent for all `ClusterWatches`. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Sent(Arc<Mutex<BTreeMap<Wanted, Landing>>>);

/// Which mirrors get which labels and owner references.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    namespace: Arc<str>,
    cluster: Arc<str>,
    instance: Option<Arc<str>>,
    /// A digest of those that all of them get.
    metadata: u64,
}

#[derive(Debug, Default)]
struct Landing {
    /// Requests whose answer is awaited.
    under_way: usize,
    /// Until when the others may be carried out.
    until: Option<Instant>,
}

impl Landing {
    fn is_over(&self, now: Instant) -> bool {
        self.under_way == 0 && self.until.is_none_or(|until| until <= now)
    }
}

impl Wanted {
    fn by(target: &MirrorTarget) -> Self {
        Self {
            namespace: target.namespace.clone(),
            cluster: target.cluster.clone(),
            instance: target.instance.clone(),
            metadata: target.metadata(None),
        }
    }

    /// Whether both want other labels or owner references of the same mirrors.
    fn contradicts(&self, other: &Self) -> bool {
        let (one, another) = (&self.instance, &other.instance);
        let meet = one.is_none() || another.is_none() || one == another;
        let one_place = self.namespace == other.namespace && self.cluster == other.cluster;
        meet && one_place && self.metadata != other.metadata
    }
}

impl Sent {
    /// Notes that `change` is about to be done for `target`.
    #[must_use]
    pub fn begin(&self, target: &MirrorTarget, change: &MirrorChange) -> Sending {
        let sets_metadata = match change {
            MirrorChange::Create(..) => true,
            MirrorChange::Update { metadata, .. } => *metadata,
            MirrorChange::Mark(..) | MirrorChange::Prune(_) => false,
        };
        let wanted = sets_metadata.then(|| Wanted::by(target));
        if let Some(wanted) = &wanted {
            let (mut landings, now) = (self.lock(), Instant::now());
            landings.retain(|_, landing| !landing.is_over(now));
            landings.entry(wanted.clone()).or_default().under_way += 1;
        }
        Sending {
            sent: self.clone(),
            wanted,
            may_land: true,
        }
    }

    /// Whether anything may still be carried out that gives mirrors of `target` other labels or owner references than it wants.
    #[must_use]
    pub fn contradicts(&self, target: &MirrorTarget) -> bool {
        let (wanted, now) = (Wanted::by(target), Instant::now());
        let landings = self.lock();
        let mut landings = landings.iter();
        landings.any(|(other, landing)| !landing.is_over(now) && wanted.contradicts(other))
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Wanted, Landing>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One write whose answer is awaited, until it is dropped.
#[derive(Debug)]
pub struct Sending {
    sent: Sent,
    /// `None`: it sets no labels and owner references.
    wanted: Option<Wanted>,
    /// Whether it may be carried out later, as far as is known.
    may_land: bool,
}

impl Sending {
    /// It came to this.
    pub fn ended<T>(mut self, outcome: &Result<T, KubeApiError>) {
        self.may_land = matches!(outcome, Err(KubeApiError::Unavailable(_)));
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        let Some(wanted) = &self.wanted else {
            return;
        };
        let mut landings = self.sent.lock();
        let landing = landings.entry(wanted.clone()).or_default();
        landing.under_way = landing.under_way.saturating_sub(1);
        if self.may_land {
            landing.until = Some(Instant::now() + UNDER_WAY);
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
