//! Judges everything that the operator does, as it happens.

mod calls;
mod calm;
mod ends;
mod marks;
mod newer;
mod secrets;
mod writes;

use std::{
    borrow::Borrow,
    collections::{BTreeMap, BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use kube::ResourceExt;

pub(super) use self::newer::Newer;
use super::{
    cluster::{Op, Verb},
    replica::SPEEDS,
};
use crate::{
    api::{cluster_watch::ClusterWatch, remediation::Remediation},
    clock::MonoTime,
    controller::overlap::{claim, overlapped},
    sync::{retention_policy::Policy, schedule::Cadence},
};

/// How long a former leader may continue after its Lease was edited by hand.
const EDITED: Duration = Duration::from_secs(12);

/// The cluster of foreign objects.
pub(super) const ANOTHER: &str = "another";

/// The `ClusterWatches` that a process last received.
#[derive(Debug, Default)]
struct Received {
    watches: Vec<Arc<ClusterWatch>>,
    /// Those of them that mirror something.
    holders: Vec<Arc<ClusterWatch>>,
    /// Since when their retention has been the same.
    retains: MonoTime,
    /// Since when no `ClusterWatch` uses the API.
    idle: Option<MonoTime>,
    /// Since when there is no `ClusterWatch` at all.
    alone: Option<MonoTime>,
}

/// A mirror that retention deleted.
#[derive(Debug)]
struct Pruned {
    at: MonoTime,
    /// Its `update_time`.
    version: Option<String>,
    /// Whether it was expired; otherwise it made room for newer ones.
    expired: bool,
    /// Uid and generation of the `ClusterWatch` that its process used.
    spec: Option<(String, i64)>,
}

/// A process that is to die with one of its next writes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Crash {
    pub(super) slot: usize,
    /// Number of writes before that one.
    pub(super) writes: u32,
    /// Whether that write takes effect.
    pub(super) lands: bool,
}

/// What the judge knows of the mirrors, by name.
#[derive(Debug, Default)]
pub(super) struct KnownMirrors {
    /// The remediation behind each name.
    identities: BTreeMap<String, (String, String)>,
    /// When each last changed.
    changed: BTreeMap<String, MonoTime>,
    /// The newest resourceVersion of each mirror in a process's responses.
    answered: BTreeMap<(usize, String), u64>,
    /// Those that were edited by hand and not corrected since.
    pub(super) edited: BTreeSet<String>,
    /// When each was created, by a process with this configuration.
    created: BTreeMap<String, (MonoTime, Policy)>,
    /// Those that retention deleted.
    pruned: BTreeMap<String, Pruned>,
}

/// When something last happened that excuses the operator for a while.
#[derive(Debug, Default)]
pub(super) struct LastTimes {
    /// Anything but the API had a fault.
    pub(super) disturbed: MonoTime,
    /// The Lease was edited by hand.
    pub(super) lease_edited: MonoTime,
    /// The desired state changed.
    pub(super) minds: MonoTime,
}

/// The calls of the Together API within the last minute, and what allows more of them.
#[derive(Debug, Default)]
struct Rate {
    calls: VecDeque<MonoTime>,
    /// When a sync could start out of turn.
    starts: VecDeque<MonoTime>,
}

/// Writes since they were last set to zero.
#[derive(Debug, Default)]
pub(super) struct Counts {
    /// Attempted writes of mirrors.
    pub(super) tried: usize,
    /// Reports that took effect.
    pub(super) reports: usize,
}

/// The judge's memory.
#[derive(Debug, Default)]
pub(super) struct Judge {
    pub(super) crash: Option<Crash>,
    pub(super) mirrors: KnownMirrors,
    pub(super) last: LastTimes,
    /// Which process leads, and since when.
    leader: Option<(usize, MonoTime)>,
    received: BTreeMap<usize, Received>,
    rate: Rate,
    pub(super) counts: Counts,
    pub(super) newer: Newer,
}

/// The `ClusterWatches` that mirror something, suspended or not: those that no older one blocks.
pub(super) fn holders<W: Borrow<ClusterWatch>>(watches: &[W]) -> Vec<&W> {
    let claims: Vec<_> = watches.iter().map(|watch| claim(watch.borrow())).collect();
    let all = watches.iter().zip(&claims);
    let free = all.filter(|(_, claim)| overlapped(claim, &claims).is_none());
    free.map(|(watch, _)| watch).collect()
}

/// Whether the `ClusterWatch` covers this instance.
pub(super) fn covers(watch: &ClusterWatch, instance: Option<&str>) -> bool {
    watch.spec.instance().is_none() || watch.spec.instance() == instance
}

/// Whether the object is not a mirror of the watched cluster.
pub(super) fn is_foreign(object: &Remediation) -> bool {
    object.spec.cluster_id == ANOTHER
}

pub(super) fn cadence(watch: &ClusterWatch) -> Cadence {
    Cadence::of(&watch.spec, SPEEDS)
}

impl Judge {
    /// After an edit of the Lease by hand, two processes lead until the first one reads it.
    pub(super) fn may_be_two(&self, now: MonoTime) -> bool {
        now.duration_since(self.last.lease_edited) < EDITED
    }

    /// If the process dies with this write, whether the write takes effect.
    pub(super) fn crash(&mut self, slot: usize) -> Option<bool> {
        let crash = self.crash.as_mut().filter(|crash| crash.slot == slot)?;
        if crash.writes > 0 {
            crash.writes -= 1;
            return None;
        }
        let lands = crash.lands;
        self.crash = None;
        Some(lands)
    }

    /// The process got the response that its write took effect, as this version.
    pub(super) fn knows(&mut self, op: &Op, version: Option<u64>) {
        let writes = matches!(op.verb, Verb::Create | Verb::Status | Verb::Patch);
        if let (Some(version), true) = (version, writes) {
            self.mirrors
                .answered
                .insert((op.slot, op.name.clone()), version);
        }
    }

    /// The `ClusterWatch` that covers this instance, as last received by the process.
    fn keeper(&self, slot: usize, instance: Option<&str>) -> Option<&ClusterWatch> {
        let mut holders = self.received.get(&slot)?.holders.iter();
        let keeper = holders.find(|watch| covers(watch, instance));
        keeper.map(|watch| &**watch)
    }

    /// The retention as last received by the process.
    fn policy(&self, slot: usize, instance: Option<&str>) -> Option<Policy> {
        let keeper = self.keeper(slot, instance)?;
        Some(Policy::of(keeper.spec.retention.as_ref()))
    }

    /// When the `ClusterWatches` or the process's knowledge of retention last changed. Older writes may still be in
    /// flight.
    fn changed_mind(&self, slot: usize) -> MonoTime {
        let received = self.received.get(&slot);
        received.map_or(self.last.minds, |received| {
            self.last.minds.max(received.retains)
        })
    }

    /// Uid and generation of the `ClusterWatch` that the process uses.
    fn spec(&self, slot: usize, instance: Option<&str>) -> Option<(String, i64)> {
        let keeper = self.keeper(slot, instance)?;
        Some((keeper.uid()?, keeper.metadata.generation?))
    }

    /// Whether the mirror was created since then.
    fn created_since(&self, name: &str, then: MonoTime) -> bool {
        self.mirrors
            .created
            .get(name)
            .is_some_and(|(at, _)| *at > then)
    }

    /// The mirror is gone. Late events may show it again; the fence makes that harmless.
    fn forget(&mut self, name: &str) {
        self.mirrors.answered.retain(|(_, of), _| of != name);
    }

    /// The newest resourceVersion of the mirror in the process's responses.
    pub(super) fn known(&self, slot: usize, name: &str) -> Option<u64> {
        self.mirrors.answered.get(&(slot, name.to_owned())).copied()
    }

    /// The process receives the `ClusterWatches`.
    pub(super) fn receive(&mut self, slot: usize, watches: &[Arc<ClusterWatch>], now: MonoTime) {
        let received = self.received.entry(slot).or_default();
        let fits = |watches: &[Arc<ClusterWatch>]| -> Vec<_> {
            let fit = |watch: &Arc<ClusterWatch>| {
                (
                    watch.uid(),
                    watch.metadata.generation,
                    watch.metadata.annotations.clone(),
                )
            };
            watches.iter().map(fit).collect()
        };
        if fits(&received.watches) != fits(watches) {
            self.rate.starts.push_back(now);
        }
        let holders: Vec<_> = holders(watches).into_iter().cloned().collect();
        let kept = |holders: &[Arc<ClusterWatch>]| -> Vec<_> {
            let kept = |watch: &Arc<ClusterWatch>| {
                (
                    watch.spec.instance_id.clone(),
                    Policy::of(watch.spec.retention.as_ref()),
                )
            };
            holders.iter().map(kept).collect()
        };
        if kept(&holders) != kept(&received.holders) {
            received.retains = now;
        }
        let active = holders.iter().any(|watch| !watch.spec.suspend);
        received.holders = holders;
        received.idle = if active {
            None
        } else {
            received.idle.or(Some(now))
        };
        received.alone = if watches.is_empty() {
            received.alone.or(Some(now))
        } else {
            None
        };
        received.watches = watches.to_vec();
    }

    /// etcd was restored to the time when these mirrors were edited.
    pub(super) fn restored(&mut self, edited: &BTreeSet<String>, now: MonoTime) {
        self.mirrors.answered.clear();
        self.mirrors.edited.clone_from(edited);
        (self.last.disturbed, self.last.minds) = (now, now);
        self.rate.starts.push_back(now);
        self.newer.restored = Some(now);
    }

    /// The mirror was changed by hand.
    pub(super) fn touched(&mut self, name: &str, now: MonoTime) {
        self.mirrors.changed.insert(name.to_owned(), now);
        self.last.disturbed = now;
    }

    /// The mirror was deleted by hand or by the garbage collector.
    pub(super) fn deleted(&mut self, name: &str, now: MonoTime) {
        self.touched(name, now);
        self.forget(name);
        self.mirrors.edited.remove(name);
    }

    /// This process leads now, if any.
    pub(super) fn leads(&mut self, slot: Option<usize>, now: MonoTime) {
        if self.leader.is_none_or(|(leader, _)| Some(leader) != slot) {
            self.leader = slot.map(|slot| (slot, now));
        }
    }
}
