//! What must hold for the newest kinds of steps.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::{
    cadence, covers, holders, is_foreign,
    marks::{only_final, standing, synced},
    writes::instance,
};
use crate::{
    api::{cluster_watch::ClusterWatch, remediation::Remediation},
    clock::MonoTime,
    mirror::labels::FlagLabels,
    simulation::{cluster::Op, replica::TEAM, world::State},
    sync::{schedule::HEARTBEAT, target::MirrorTarget},
    testing::cluster::MemoryKubeApi,
    together::{PageQuery, StateFilter, wire::state},
};

/// The time for syncs, their requests and the writes of marks, in addition to the stale time.
const SLACK: Duration = Duration::from_secs(240);
/// Within this time after an edit, the mirrors of a `ClusterWatch` have its labels and owner references. That needs no
/// other party.
const OWNED: Duration = Duration::from_secs(240);
/// The same after a restore of etcd, if it is suspended: then no sync delays it.
const OWNED_AGAIN: Duration = Duration::from_secs(100);
/// The same if `status.mirrorsGeneration` reports it.
const REPORTED: Duration = Duration::from_secs(30);
/// Within this time, mirrors without a `ClusterWatch` are marked: two rounds find them.
const ORPHANED: Duration = Duration::from_secs(900);
/// Within this time, one list tries all query formats.
const ONE_LISTING: Duration = Duration::from_secs(5);

/// Mirrors by name.
type Mirrors = BTreeMap<String, Remediation>;

/// The judge's memory for these steps.
#[derive(Debug, Default)]
pub(in crate::simulation) struct Newer {
    /// When a report on each `ClusterWatch` last took effect.
    pub(in crate::simulation) reported: BTreeMap<String, MonoTime>,
    /// When marking each mirror as gone was decided.
    pub(in crate::simulation) marked: BTreeMap<String, MonoTime>,
    /// How far the wall clock of the leading process is ahead.
    pub(in crate::simulation) ahead: SignedDuration,
    /// How far the wall clock of the process was ahead that wrote this `staleAfter` of each `ClusterWatch`.
    pub(in crate::simulation) promises: BTreeMap<(String, Timestamp), SignedDuration>,
    /// The process that wrote last, and how far its wall clock was ahead.
    wrote: Option<(usize, SignedDuration)>,
    /// When a process first wrote whose wall clock differs from that of the process before it.
    pub(in crate::simulation) handed: Option<MonoTime>,
    /// When a clock was last set.
    pub(in crate::simulation) jumped: Option<MonoTime>,
    /// When etcd was last restored.
    pub(in crate::simulation) restored: Option<MonoTime>,
    /// Whether clocks ever differed.
    pub(in crate::simulation) clocks_differ: bool,
    /// When the operator got its permissions back.
    pub(in crate::simulation) allowed: Option<MonoTime>,
    /// Until when the content of mirrors is not judged.
    pub(in crate::simulation) excused: BTreeMap<String, MonoTime>,
    /// Until when each mirror may lack labels that were removed by hand. Full syncs restore them; one that is idle
    /// checks every five minutes.
    pub(in crate::simulation) relabelled: BTreeMap<String, MonoTime>,
    /// Since when the API has no fault except for pages that fail once per list.
    pub(in crate::simulation) stutters: Option<MonoTime>,
    /// When a list was rejected once.
    pub(in crate::simulation) strays: Vec<MonoTime>,
    /// Filters were rejected or ignored in another way.
    pub(in crate::simulation) filters_fail: bool,
    /// Lists that lacked something they requested, as requests by id then showed: of which instance, and when.
    pub(in crate::simulation) lacked: BTreeSet<(Option<String>, MonoTime)>,
    /// Since when the API accepts the key in the Secret; `None`: it does not.
    pub(in crate::simulation) key_is_good: Option<MonoTime>,
    /// Since when the Secret contains a key, right or wrong, that the operator may read.
    pub(in crate::simulation) key_is_there: Option<MonoTime>,
    /// Since when it does not.
    pub(in crate::simulation) key_is_gone: Option<MonoTime>,
    /// When each `ClusterWatch`, by uid, first reported that since its last other report (`None`: possibly decided long
    /// before); and the same since the Secret last contained a key.
    pub(super) missed: BTreeMap<String, (Option<MonoTime>, MonoTime)>,
    /// The processes that recently read it, and when.
    pub(super) secret_reads: Vec<(usize, MonoTime)>,
    /// Number of lists that started.
    pub(in crate::simulation) listings: Vec<MonoTime>,
}

impl Newer {
    pub(super) fn excuses(&self, name: &str, now: MonoTime) -> bool {
        self.excused.get(name).is_some_and(|until| now < *until)
    }

    /// A process writes.
    pub(super) fn changes(&mut self, op: &Op, now: MonoTime) {
        let before = self.wrote.replace((op.slot, op.ahead));
        if before.is_some_and(|(slot, ahead)| slot != op.slot && ahead != op.ahead) {
            self.handed = Some(now);
        }
    }

    /// Whether active syncs of `instance` have shown for long that they lack what they request.
    fn may_know_deafness(&self, instance: Option<&str>, now: MonoTime, bound: Duration) -> bool {
        let of_it = |(of, _): &&(Option<String>, _)| of.as_deref() == instance;
        let third = self.lacked.iter().filter(of_it).nth(2);
        third.is_some_and(|(_, third)| now.duration_since(*third) > bound)
    }
}

impl State {
    /// A list starts, or starts over in another query format.
    pub(in crate::simulation) fn judge_listing(&mut self, query: &PageQuery, now: MonoTime) {
        self.judge.newer.listings.push(now);
        self.judge_keyless_listing(now);
        let newer = &self.judge.newer;
        let one = newer.strays.len() == 1 && !newer.filters_fail;
        let after = newer
            .strays
            .first()
            .is_some_and(|at| now > *at + ONE_LISTING);
        let states = query.filter.states();
        let asks = |names: &[&str]| states.iter().any(|state| names.contains(&&**state));
        let narrower = asks(&state::OPEN_REFERENCE) && !asks(&state::OPEN_NEWER);
        // All states of a `ClusterWatch` may be older ones.
        let open = matches!(query.filter, StateFilter::Repeated(_)) && !asks(&state::FINAL);
        if one && after && open && narrower {
            self.violated(|| {
                format!("a listing asks for {states:?} alone, because one was refused once")
            });
        }
    }

    /// Checks what the newest kinds of steps can break in a `ClusterWatch`.
    pub(super) fn judge_newer(&mut self, watch: &ClusterWatch, mirrors: &Mirrors, now: MonoTime) {
        let quiet = now.duration_since(self.judge.last.disturbed);
        let cadence = cadence(watch);
        let stale = cadence.stale_after(false, Duration::ZERO, Duration::ZERO);
        let bound = stale + cadence.interval + SLACK;
        self.judge_owners(watch, mirrors, now);
        self.judge_repaired(watch, now);
        self.judge_others(watch, mirrors, bound, now);
        let name = watch.metadata.name.as_deref().unwrap_or_default();
        let reported = self.judge.newer.reported.get(name).copied();
        let silent = now.duration_since(reported.unwrap_or_default());
        if !watch.spec.suspend && quiet > bound + HEARTBEAT && silent > bound + HEARTBEAT {
            self.violated(|| format!("{name}: no heartbeat since {reported:?}"));
        }
        let newer = &self.judge.newer;
        let long = |since: Option<MonoTime>| {
            since.is_some_and(|since| now.duration_since(since) > bound * 2)
        };
        let ended = self.answered.ended(watch);
        if long(newer.stutters)
            && long(newer.key_is_good)
            && quiet > bound * 2
            && !self.rests(now)
            && !watch.spec.suspend
            && now.duration_since(ended) > bound * 2
        {
            self.violated(|| {
                format!("{name}: no listing has ended since {ended:?}, and each page comes when it is asked for twice")
            });
        }
    }

    /// Mirrors have the labels and owner references of their `ClusterWatch`, whatever the API does and whether or not
    /// it is suspended.
    fn judge_owners(&mut self, watch: &ClusterWatch, mirrors: &Mirrors, now: MonoTime) {
        let status = watch.status.as_ref();
        let reported = status.and_then(|status| status.mirrors_generation);
        let reported = reported.is_some() && reported == watch.metadata.generation;
        // What a restore of etcd brought back was written before the restore.
        let name = watch.metadata.name.as_deref().unwrap_or_default();
        let reported =
            reported && self.judge.newer.reported.get(name).copied() >= self.judge.newer.restored;
        let restored = self.judge.newer.restored >= Some(self.judge.last.disturbed);
        let time = match (reported, watch.spec.suspend && restored) {
            (true, _) => REPORTED,
            (false, true) => OWNED_AGAIN,
            (false, false) => OWNED,
        };
        if now.duration_since(self.judge.last.disturbed) <= time {
            return;
        }
        // Without a key there is no list, and only a full sync restores a label that was removed by hand.
        let ended = self.answered.ended(watch);
        let full_resync = watch.spec.full_resync_interval().unwrap_or_default();
        let wrong = mirrors.iter().find(|(name, mirror)| {
            let own = covers(watch, instance(mirror)) && !is_foreign(mirror);
            // A request of an earlier generation may have taken effect just now.
            let new = self.judge.created_since(name, now.saturating_sub(OWNED));
            let relabelled = self.judge.newer.relabelled.get(*name);
            let taken = relabelled.is_some_and(|until| now.min(ended) < *until + full_resync);
            let excused = new || taken || self.judge.newer.excuses(name, now);
            own && !excused && !bears(mirror, watch)
        });
        if let Some((name, mirror)) = wrong {
            let there = mirror.metadata.owner_references.as_ref().map(Vec::len);
            let labels = &mirror.metadata.labels;
            let (policy, suspended) = (&watch.spec.deletion_policy, watch.spec.suspend);
            self.violated(|| {
                format!("{name} has {there:?} owners and {labels:?}, with {policy:?} and suspended {suspended}")
            });
        }
    }

    /// A write of labels and owner references took effect: `status.mirrorsGeneration` was not reported meanwhile by the
    /// process that sent it, unless it sets those of that generation.
    pub(super) fn judge_reported(&mut self, cluster: &MemoryKubeApi, op: &Op, after: &Remediation) {
        let newer = &self.judge.newer;
        let leads =
            (self.judge.leader).is_some_and(|(slot, since)| slot == op.slot && since < op.sent);
        if !leads || is_foreign(after) || newer.restored >= Some(op.sent) {
            return;
        }
        let broken = cluster.look_at_all(|watches, _| {
            let watches: Vec<_> = watches.values().collect();
            let own = |watch: &&&ClusterWatch| covers(watch, instance(after));
            let watch = holders(&watches).into_iter().find(own)?;
            let name = watch.name_any();
            let generation = watch.status.as_ref()?.mirrors_generation;
            let reported = newer.reported.get(&name).copied() > Some(op.sent);
            let is_claimed =
                reported && generation.is_some() && generation == watch.metadata.generation;
            (is_claimed && !owned(after, watch)).then_some(name)
        });
        if let Some(name) = broken {
            self.violated(|| {
                format!("{name} reports that all mirrors have its owners, and {:?} of {}, sent before, changes them", op.verb, op.name)
            });
        }
    }

    /// What the API returns for another cluster confirms nothing.
    fn judge_others(
        &mut self,
        watch: &ClusterWatch,
        mirrors: &Mirrors,
        bound: Duration,
        now: MonoTime,
    ) {
        let slow = self.answered.slow;
        let slow = slow.is_some_and(|at| now.duration_since(at) < bound * 4);
        let quiet = now.duration_since(self.judge.last.disturbed);
        if slow || quiet <= bound * 2 || only_final(watch) {
            return;
        }
        let unmarked = mirrors.iter().find(|(name, mirror)| {
            let entry = self.truth.entries.get(&mirror.spec.id);
            let shown = mirror.status.as_ref();
            // The API returned this version again recently, so the mirror is right to show it.
            let versions = self.answered.shown.get(&mirror.spec.id);
            let version = shown.and_then(|shown| versions?.get(shown.update_time.as_ref()?));
            let lately = version.is_some_and(|(_, last)| now.duration_since(*last) <= bound * 2);
            let misleads = shown.is_some_and(|shown| {
                synced(shown).0 == "True"
                    && shown.open == Some(true)
                    && covers(watch, shown.instance_id.as_deref())
            });
            misleads
                && !lately
                && !is_foreign(mirror)
                && !self.judge.newer.excuses(name, now)
                && !self.judge.mirrors.edited.contains(*name)
                && entry.is_some_and(|entry| {
                    entry.is_anothers() && now.duration_since(entry.since()) > bound * 2
                })
        });
        if let Some((name, _)) = unmarked {
            self.violated(|| {
                format!("{name} has no mark, and the API returns it for another cluster")
            });
        }
    }

    /// Open mirrors without a `ClusterWatch` are marked.
    pub(super) fn judge_orphans(
        &mut self,
        watches: &[&ClusterWatch],
        mirrors: &Mirrors,
        now: MonoTime,
    ) {
        if now.duration_since(self.judge.last.disturbed) <= ORPHANED {
            return;
        }
        let holders = holders(watches);
        let unmarked = mirrors.iter().find(|(name, mirror)| {
            let status = mirror.status.as_ref();
            let misleads = status
                .is_some_and(|status| synced(status).0 == "True" && status.open == Some(true));
            let followed = holders.iter().any(|watch| covers(watch, instance(mirror)));
            misleads && !followed && !is_foreign(mirror) && !self.judge.newer.excuses(name, now)
        });
        if let Some((name, _)) = unmarked {
            self.violated(|| {
                format!("{name} is open and has no mark, and no ClusterWatch covers it")
            });
        }
    }

    /// Since when the state of a `ClusterWatch` allows unmarked statements.
    pub(super) fn is_known_deaf(
        &self,
        watch: &ClusterWatch,
        bound: Duration,
        now: MonoTime,
    ) -> bool {
        let instance = watch.spec.instance();
        self.judge.newer.may_know_deafness(instance, now, bound) && standing(watch).ready
    }
}

/// Whether a mirror has the labels and owner references of `watch`.
fn bears(mirror: &Remediation, watch: &ClusterWatch) -> bool {
    let name = watch.name_any();
    let mut labels = [
        ("compute.together.ai/cluster-watch", &*name),
        (
            "app.kubernetes.io/managed-by",
            "together-remediation-operator",
        ),
        TEAM,
    ]
    .into_iter();
    let there = |key: &str| mirror.labels().get(key).map(String::as_str);
    labels.all(|(key, value)| there(key) == Some(value)) && owned(mirror, watch)
}

/// Whether a mirror has the owner references of `watch`.
fn owned(mirror: &Remediation, watch: &ClusterWatch) -> bool {
    let owners = mirror.metadata.owner_references.as_deref();
    owners.unwrap_or_default() == &*MirrorTarget::of(watch, FlagLabels::default()).owners
}
