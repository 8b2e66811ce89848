//! What must hold in the newest kinds of steps.

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
    mirror::labels::FlagLabels,
    simulation::{cluster::Op, replica::TEAM, world::State},
    sync::{decide::plan::MirrorTarget, schedule::HEARTBEAT},
    together::{PageQuery, StateFilter, wire::state},
};

/// What polls, their calls and the writes of marks may take beside the stale time.
const SLACK: Duration = Duration::from_secs(240);
/// In this time the mirrors of a watch that was edited have the labels and owners that it wants: nobody else is asked for that.
const OWNED: Duration = Duration::from_secs(240);
/// The same where `status.mirrorsGeneration` says that it is so.
const SAID: Duration = Duration::from_secs(30);
/// In this time mirrors that nobody looks after say so: two looks find them.
const ORPHANED: Duration = Duration::from_secs(900);
/// One listing goes through all ways to ask in this time.
const ONE_LISTING: Duration = Duration::from_secs(5);

/// Mirrors by name.
type Mirrors = BTreeMap<String, Remediation>;

/// What is remembered for that.
#[derive(Debug, Default)]
pub(in crate::simulation) struct Newer {
    /// When a report on each watch last landed.
    pub(in crate::simulation) reported: BTreeMap<String, Duration>,
    /// When it was decided to mark each mirror of what is gone.
    pub(in crate::simulation) marked: BTreeMap<String, Duration>,
    /// How far the wall clock of the process that leads is ahead.
    pub(in crate::simulation) ahead: SignedDuration,
    /// How far the wall clock of the process was ahead that wrote this `staleAfter` of each watch.
    pub(in crate::simulation) promises: BTreeMap<(String, Timestamp), SignedDuration>,
    /// The process that wrote last, and how far its wall clock was ahead.
    wrote: Option<(usize, SignedDuration)>,
    /// When a process first wrote whose wall clock differs from that of the process that wrote before it.
    pub(in crate::simulation) handed: Option<Duration>,
    /// When somebody last set a clock.
    pub(in crate::simulation) jumped: Option<Duration>,
    /// When etcd's data was last put back.
    pub(in crate::simulation) restored: Option<Duration>,
    /// Whether clocks ever differed.
    pub(in crate::simulation) clocks_differ: bool,
    /// When rights that had been taken from the operator were given back.
    pub(in crate::simulation) allowed: Option<Duration>,
    /// Until when what a mirror shows is not judged.
    pub(in crate::simulation) excused: BTreeMap<String, Duration>,
    /// Until when each mirror may lack the labels that somebody took: full listings put them back, and one that rests looks
    /// every five minutes.
    pub(in crate::simulation) relabelled: BTreeMap<String, Duration>,
    /// Since when the API has no other fault than pages that fail once in a listing.
    pub(in crate::simulation) stutters: Option<Duration>,
    /// When a listing was refused once.
    pub(in crate::simulation) strays: Vec<Duration>,
    /// Filters were refused or not heeded otherwise.
    pub(in crate::simulation) filters_fail: bool,
    /// The listings that lacked something that they asked for, as questions by id then showed: of which instance, and when.
    pub(in crate::simulation) lacked: BTreeSet<(Option<String>, Duration)>,
    /// Since when the API knows the key that the Secret holds; `None`: it does not.
    pub(in crate::simulation) key_is_good: Option<Duration>,
    /// Since when the Secret holds a key, though perhaps not the right one, and the operator may read it.
    pub(in crate::simulation) key_is_there: Option<Duration>,
    /// Since when it does not.
    pub(in crate::simulation) key_is_gone: Option<Duration>,
    /// When each `ClusterWatch`, by uid, first said that it does not, since it last said otherwise (`None`: that may have been
    /// decided on long before); and the same since the Secret last held a key.
    pub(super) missed: BTreeMap<String, (Option<Duration>, Duration)>,
    /// The processes that read it lately, and when.
    pub(super) secret_reads: Vec<(usize, Duration)>,
    /// Listings that began.
    pub(in crate::simulation) listings: Vec<Duration>,
}

impl Newer {
    pub(super) fn excuses(&self, name: &str, now: Duration) -> bool {
        self.excused.get(name).is_some_and(|until| now < *until)
    }

    /// A process writes.
    pub(super) fn changes(&mut self, op: &Op, now: Duration) {
        let before = self.wrote.replace((op.slot, op.ahead));
        if before.is_some_and(|(slot, ahead)| slot != op.slot && ahead != op.ahead) {
            self.handed = Some(now);
        }
    }

    /// Whether short listings of `instance` have shown for long that they lack what they ask for.
    fn may_know_deafness(&self, instance: Option<&str>, now: Duration, bound: Duration) -> bool {
        let of_it = |(of, _): &&(Option<String>, _)| of.as_deref() == instance;
        let third = self.lacked.iter().filter(of_it).nth(2);
        third.is_some_and(|(_, third)| now.saturating_sub(*third) > bound)
    }
}

impl State {
    /// A listing begins, or begins anew in other words.
    pub(in crate::simulation) fn judge_listing(&mut self, query: &PageQuery, now: Duration) {
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
        // Of the states of a watch all may be older ones.
        let open = matches!(query.filter, StateFilter::Repeated(_)) && !asks(&state::FINAL);
        if one && after && open && narrower {
            self.violated(|| {
                format!("a listing asks for {states:?} alone, because one was refused once")
            });
        }
    }

    /// Looks at what the newest kinds of steps can spoil of a watch.
    pub(super) fn judge_newer(&mut self, watch: &ClusterWatch, mirrors: &Mirrors, now: Duration) {
        let quiet = now.saturating_sub(self.judge.disturbed);
        let cadence = cadence(watch);
        let stale = cadence.stale_after(false, Duration::ZERO, Duration::ZERO);
        let bound = stale + cadence.interval + SLACK;
        self.judge_owners(watch, mirrors, now);
        self.judge_repaired(watch, now);
        self.judge_others(watch, mirrors, bound, now);
        let name = watch.metadata.name.as_deref().unwrap_or_default();
        let reported = self.judge.newer.reported.get(name).copied();
        let silent = now.saturating_sub(reported.unwrap_or_default());
        if !watch.spec.suspend && quiet > bound + HEARTBEAT && silent > bound + HEARTBEAT {
            self.violated(|| format!("{name}: no heartbeat since {reported:?}"));
        }
        let newer = &self.judge.newer;
        let long = |since: Option<Duration>| {
            since.is_some_and(|since| now.saturating_sub(since) > bound * 2)
        };
        let ended = self.answered.ended(watch);
        if long(newer.stutters)
            && long(newer.key_is_good)
            && quiet > bound * 2
            && !watch.spec.suspend
            && now.saturating_sub(ended) > bound * 2
        {
            self.violated(|| {
                format!("{name}: no listing has ended since {ended:?}, and each page comes when it is asked for twice")
            });
        }
    }

    /// Mirrors have the labels and owners that their watch gives, whatever the API does and whether the watch is suspended or not.
    fn judge_owners(&mut self, watch: &ClusterWatch, mirrors: &Mirrors, now: Duration) {
        let status = watch.status.as_ref();
        let said = status.and_then(|status| status.mirrors_generation);
        let said = said.is_some() && said == watch.metadata.generation;
        // What a restore of etcd brought back was said before it.
        let name = watch.metadata.name.as_deref().unwrap_or_default();
        let said =
            said && self.judge.newer.reported.get(name).copied() >= self.judge.newer.restored;
        let time = if said { SAID } else { OWNED };
        if now.saturating_sub(self.judge.disturbed) <= time {
            return;
        }
        // Without a key there is no listing, and only a full one gives back a label that somebody took.
        let ended = self.answered.ended(watch);
        let wrong = mirrors.iter().find(|(name, mirror)| {
            let own = covers(watch, instance(mirror)) && !is_foreign(mirror);
            // One that an earlier generation sent may have landed just now.
            let new = self.judge.created_since(name, now.saturating_sub(OWNED));
            let relabelled = self.judge.newer.relabelled.get(*name);
            let taken = relabelled.is_some_and(|until| now < *until || ended < *until);
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

    /// What the API shows for another cluster confirms nothing.
    fn judge_others(
        &mut self,
        watch: &ClusterWatch,
        mirrors: &Mirrors,
        bound: Duration,
        now: Duration,
    ) {
        let slow = self.answered.slow;
        let slow = slow.is_some_and(|at| now.saturating_sub(at) < bound * 4);
        let quiet = now.saturating_sub(self.judge.disturbed);
        if slow || quiet <= bound * 2 || only_final(watch) {
            return;
        }
        let unmarked = mirrors.iter().find(|(name, mirror)| {
            let entry = self.truth.entries.get(&mirror.spec.id);
            let shown = mirror.status.as_ref();
            // The API showed this version again a short time ago, so the mirror is right to show it.
            let versions = self.answered.shown.get(&mirror.spec.id);
            let version = shown.and_then(|shown| versions?.get(shown.update_time.as_ref()?));
            let lately = version.is_some_and(|(_, last)| now.saturating_sub(*last) <= bound * 2);
            let misleads = shown.is_some_and(|shown| {
                synced(shown).0 == "True"
                    && shown.open == Some(true)
                    && covers(watch, shown.instance_id.as_deref())
            });
            misleads
                && !lately
                && !is_foreign(mirror)
                && !self.judge.newer.excuses(name, now)
                && !self.judge.edited.contains(*name)
                && entry.is_some_and(|entry| {
                    entry.is_anothers() && now.saturating_sub(entry.since()) > bound * 2
                })
        });
        if let Some((name, _)) = unmarked {
            self.violated(|| {
                format!("{name} bears no mark, and the API says that it is another cluster's")
            });
        }
    }

    /// Open mirrors that no watch looks after say so.
    pub(super) fn judge_orphans(
        &mut self,
        watches: &[&ClusterWatch],
        mirrors: &Mirrors,
        now: Duration,
    ) {
        if now.saturating_sub(self.judge.disturbed) <= ORPHANED {
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
                format!("{name} is open, nobody looks after it, and it bears no mark")
            });
        }
    }

    /// Since when the state of a watch lets anything be said of it that is not marked.
    pub(super) fn is_known_deaf(
        &self,
        watch: &ClusterWatch,
        bound: Duration,
        now: Duration,
    ) -> bool {
        let instance = watch.spec.instance();
        self.judge.newer.may_know_deafness(instance, now, bound) && standing(watch).ready
    }
}

/// Whether a mirror has the labels and owners that `watch` gives.
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
    let owners = mirror.metadata.owner_references.as_deref();
    labels.all(|(key, value)| there(key) == Some(value))
        && owners.unwrap_or_default() == &*MirrorTarget::of(watch, FlagLabels::default()).owners
}
