//! Which mirrors of finished remediations are kept: pure.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use k8s_openapi::jiff::Timestamp;

use super::plan::Finished;
use crate::{
    mirror::end::Clocks,
    store::Mirror,
    sync::{
        change::{MirrorChange, Write},
        retention_policy::Policy,
    },
};

impl Policy {
    /// Whether [`writes`] may affect `mirror`.
    #[must_use]
    pub fn concerns(&self, mirror: &Mirror, clocks: Clocks) -> bool {
        let counted = self.max_per_instance.is_some();
        !mirror.lifecycle.open && (counted || self.is_over(mirror.end(), clocks))
    }
}

/// Finished remediations without a mirror, no more per instance than may be kept.
#[derive(Debug, Default)]
pub struct Candidates(BTreeMap<String, Vec<Finished>>);

impl Candidates {
    /// Adds one. If that exceeds the limit of its instance, the oldest is dropped.
    pub fn push(&mut self, finished: Finished, policy: &Policy) {
        let of_instance = self
            .0
            .entry(finished.status.instance_id.clone().unwrap_or_default())
            .or_default();
        of_instance.push(finished);
        if policy
            .max_per_instance
            .is_some_and(|max| of_instance.len() > max)
        {
            let oldest = of_instance
                .iter()
                .enumerate()
                .min_by_key(|(_, one)| rank(one.finished, one.created, &one.name));
            if let Some((at, _)) = oldest {
                of_instance.swap_remove(at);
            }
        }
    }
}

/// What to delete and to create after a complete list. `mirrors` are those of the `ClusterWatch` that the policy
/// [concerns](Policy::concerns). Instances with possibly wrong mirrors, `unsure`, are not changed, because it is
/// unknown what is finished there.
#[must_use]
pub fn writes(
    policy: &Policy,
    mirrors: &[(Box<str>, Arc<Mirror>)],
    candidates: Candidates,
    clocks: Clocks,
    unsure: &BTreeSet<Arc<str>>,
) -> Vec<Write> {
    let (expired, finished): (Vec<_>, Vec<_>) = mirrors
        .iter()
        .filter(|(_, mirror)| !mirror.lifecycle.open && !unsure.contains(&mirror.subject.instance))
        .partition(|(_, mirror)| policy.is_over(mirror.end(), clocks));
    let prune = |(name, mirror): &(Box<str>, Arc<Mirror>)| Write {
        name: name.clone(),
        change: MirrorChange::Prune(mirror.clone()),
    };
    let mut writes: Vec<_> = expired.into_iter().map(prune).collect();
    let Some(max) = policy.max_per_instance else {
        return writes;
    };

    let mut instances: BTreeMap<String, Vec<Kept<'_>>> = BTreeMap::new();
    for mirror in finished {
        instances
            .entry(mirror.1.subject.instance.to_string())
            .or_default()
            .push(Kept::Mirror(mirror));
    }
    for (instance, candidates) in candidates.0 {
        if unsure.contains(&*instance) {
            continue;
        }
        instances
            .entry(instance)
            .or_default()
            .extend(candidates.into_iter().map(Kept::Candidate));
    }
    for mut of_instance in instances.into_values() {
        of_instance.sort_by(|one, other| other.rank(clocks).cmp(&one.rank(clocks)));
        for (place, kept) in of_instance.into_iter().enumerate() {
            match kept {
                Kept::Mirror(mirror) if place >= max => writes.push(prune(mirror)),
                // It may have expired since it was listed.
                Kept::Candidate(candidate)
                    if place < max && !policy.is_over(candidate.end(), clocks) =>
                {
                    writes.push(candidate.into_write());
                }
                Kept::Mirror(_) | Kept::Candidate(_) => {}
            }
        }
    }
    writes
}

enum Kept<'a> {
    Mirror(&'a (Box<str>, Arc<Mirror>)),
    Candidate(Finished),
}

impl Kept<'_> {
    fn rank(&self, clocks: Clocks) -> impl Ord {
        match self {
            Self::Mirror((name, mirror)) => {
                let end = mirror.end().map(|end| end.by_api(clocks));
                rank(end, mirror.times.created, name)
            }
            Self::Candidate(one) => rank(one.finished, one.created, &one.name),
        }
    }
}

/// The rank of a finished remediation within its instance; the greatest is kept longest. It depends on the end,
/// otherwise on the creation. One without either counts as the newest, because nothing proves that it is old. Among
/// equals, the first by name is the greatest.
pub(crate) fn rank(
    finished: Option<Timestamp>,
    created: Option<Timestamp>,
    name: &str,
) -> (bool, Option<Timestamp>, Reverse<&str>) {
    let time = finished.or(created);
    (time.is_none(), time, Reverse(name))
}

#[cfg(test)]
mod tests;
