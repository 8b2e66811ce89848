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
pub struct Sent(Arc<Mutex<BTreeMap<Wanted, Landing>>>);

/// Which mirrors get which labels and owner references.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    namespace: Arc<str>,
    cluster: Arc<str>,
    instance: Option<Arc<str>>,
    /// A digest of the labels and owner references that all of them get.
    metadata: u64,
}

#[derive(Debug, Default)]
struct Landing {
    /// Requests that wait for a response.
    under_way: usize,
    /// Until when the others may take effect.
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

    /// Whether a request may still set labels or owner references on mirrors of `target` that differ from its own.
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

/// One request that waits for a response, until it is dropped.
#[derive(Debug)]
pub struct Sending {
    sent: Sent,
    /// `None` if it sets no labels or owner references.
    wanted: Option<Wanted>,
    /// Whether it may take effect later, as far as known.
    may_land: bool,
}

impl Sending {
    /// The request ended with this result.
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
