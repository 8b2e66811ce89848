//! Judges every write that takes effect.

use std::time::Duration;

use kube::ResourceExt;

use super::{
    Pruned,
    ends::{ended, marked_at, place},
    is_foreign,
    marks::{standing, synced},
};
use crate::{
    api::{
        remediation::{Remediation, RemediationStatus},
        timestamp,
    },
    clock::MonoTime,
    k8s::error::KubeApiError,
    mirror::{digest::digest, labels::INSTANCE_ID},
    simulation::{
        cluster::{Op, Verb},
        truth::{shows, updated},
        world::State,
    },
    testing::cluster::MemoryKubeApi,
    together::wire::state,
};

/// Two lists this far apart must show an older version before it may overwrite a newer one.
const APART: Duration = Duration::from_secs(300);
/// Nothing unconfirmed for less than this is stale: three of the shortest intervals and two minutes.
const STALE: Duration = Duration::from_secs(150);
/// Writes that were decided before a change take effect within this time.
const UNDER_WAY: Duration = Duration::from_secs(60);

fn version(object: &Remediation) -> u64 {
    object.resource_version().unwrap().parse().unwrap()
}

impl State {
    /// A report on a `ClusterWatch` took effect, or did not.
    pub(in crate::simulation) fn judge_report(
        &mut self,
        cluster: &MemoryKubeApi,
        op: &Op,
        answer: Result<(), &KubeApiError>,
        now: MonoTime,
    ) {
        self.log(now, || {
            format!("  process {} reports on {}: {answer:?}", op.slot, op.name)
        });
        if answer.is_ok() {
            self.judge.counts.reports += 1;
            self.judge.newer.reported.insert(op.name.clone(), now);
            self.judge.newer.changes(op, now);
            let watches = cluster.watches();
            let watch = watches.iter().find(|watch| watch.name_any() == op.name);
            if let Some(watch) = watch {
                self.judge_grace(watch, op, now);
            }
            if let Some(time) = watch.and_then(|watch| standing(watch).stale_after) {
                let promise = (op.name.clone(), time);
                self.judge.newer.promises.insert(promise, op.ahead);
            }
            if !op.led {
                self.violated(|| format!("process {} reports and does not lead", op.slot));
            }
        }
    }

    /// A write of a mirror took effect, or did not.
    pub(in crate::simulation) fn judge_write(
        &mut self,
        cluster: &MemoryKubeApi,
        op: &Op,
        before: Option<&Remediation>,
        after: Option<&Remediation>,
        answer: Result<(), &KubeApiError>,
        now: MonoTime,
    ) {
        self.log(now, || {
            let status = after.and_then(|after| after.status.as_ref());
            let shown = status.map(|status| (status.state.as_deref(), synced(status).1));
            format!(
                "  process {} {:?} {}: {answer:?} {shown:?}",
                op.slot, op.verb, op.name
            )
        });
        self.judge.counts.tried += usize::from(op.verb != Verb::Delete);
        let (name, slot) = (&op.name, op.slot);
        // A remediation that is gone may be forgotten and then appear in an older list. Then nothing is written.
        if before.is_some() && op.fence.is_some() && op.fence < op.known {
            self.violated(|| {
                format!(
                    "process {slot} writes {name} on {:?}, and knew {:?}",
                    op.fence, op.known
                )
            });
        }
        if answer == Err(&KubeApiError::NotFound) {
            self.judge.forget(name);
        }
        if answer.is_err() {
            return;
        }
        self.judge.newer.changes(op, now);
        // It has no `ClusterWatch`, and only that may be written about it.
        let orphaned = after.and_then(|after| after.status.as_ref());
        let orphaned = orphaned.is_some_and(|status| synced(status).1 == "Stale");
        if op.verb != Verb::Create && before.is_some_and(is_foreign) && !orphaned {
            self.violated(|| format!("{:?} of {name}, which is for another cluster", op.verb));
        }
        if !op.led {
            self.violated(|| {
                format!("process {slot} changes {name} and did not lead when it sent that")
            });
        }
        let received = self.judge.received.get(&slot);
        let alone = received.map_or(Some(MonoTime::ZERO), |received| received.alone);
        let late = alone.is_some_and(|since| op.sent > since + Duration::from_secs(1));
        let status = after.and_then(|after| after.status.as_ref());
        if late && status.map(|status| synced(status).1) != Some("Stale") {
            self.violated(|| format!("process {slot} writes {name}, and there is no watch"));
        }
        let changed = self.judge.mirrors.changed.get(name);
        // A restore of etcd may bring back the version that a write in flight was based on.
        let decided_on = op.fence.is_some() && op.fence == before.map(version);
        let undoes = changed.is_some_and(|changed| *changed > op.sent) && !decided_on;
        if op.verb != Verb::Create && undoes {
            self.violated(|| format!("{:?} of {name} undoes what was changed meanwhile", op.verb));
        }
        self.judge.mirrors.changed.insert(name.clone(), now);
        match (before, after) {
            (_, Some(after)) if op.verb == Verb::Create => {
                // No fence prevents a late creation under a name that is free again.
                let pruned = self.judge.mirrors.pruned.get(name);
                if pruned.is_some_and(|pruned| op.sent < pruned.at) {
                    self.judge.mirrors.pruned.remove(name);
                }
                self.created(op.slot, after, now);
            }
            (Some(before), Some(after)) => {
                let restored = self.judge.newer.restored;
                let restored = restored.is_some_and(|at| now.duration_since(at) < UNDER_WAY);
                // After a restore, a process may know another object of the same version.
                if !restored && unchanged(before, after) {
                    self.violated(|| format!("{:?} of {name} changes nothing", op.verb));
                }
                if op.verb == Verb::Status && !is_foreign(before) {
                    self.status_written(cluster, op, before, after, now);
                }
            }
            (Some(before), None) => self.pruned(cluster, slot, before, now),
            (None, _) => {}
        }
        if let (Verb::Create | Verb::Patch, Some(after)) = (op.verb, after) {
            self.judge_reported(cluster, op, after);
        }
    }

    fn created(&mut self, slot: usize, object: &Remediation, now: MonoTime) {
        let name = object.name_any();
        let identity = (object.spec.cluster_id.clone(), object.spec.id.clone());
        if !self.truth.entries.contains_key(&identity.1) {
            self.violated(|| format!("{name} is created, and the API never had it"));
        }
        let identities = &mut self.judge.mirrors.identities;
        let first = identities
            .entry(name.clone())
            .or_insert_with(|| identity.clone());
        if *first != identity {
            self.violated(|| format!("{name} stands for two ids"));
        }
        // Writes in flight when the policy changed followed the earlier policy.
        let decided = now.duration_since(self.judge.changed_mind(slot)) > UNDER_WAY;
        let of = instance(object).map(str::to_owned);
        let policy = self.judge.policy(slot, of.as_deref());
        let policy = policy.filter(|_| decided);
        let policy = policy.unwrap_or_default();
        self.judge.mirrors.created.insert(name, (now, policy));
    }

    /// A status was written.
    fn status_written(
        &mut self,
        cluster: &MemoryKubeApi,
        op: &Op,
        before: &Remediation,
        after: &Remediation,
        now: MonoTime,
    ) {
        let (name, id) = (after.name_any(), after.spec.id.clone());
        let (Some(was), Some(is)) = (&before.status, &after.status) else {
            return;
        };
        let evidence = op.evidence;
        let reason = synced(is).1.to_owned();
        let proven = match &*reason {
            "Listed" | "Final" => {
                self.judge.newer.marked.remove(&name);
                let policy = self.judge.policy(op.slot, instance(after));
                let policy = policy.unwrap_or_default();
                let newer = self.newer(cluster, after).len();
                let crowded = policy.max_per_instance.is_some_and(|max| newer >= max);
                return self.shown(op.slot, (&name, &id), (was, is), crowded, now);
            }
            "NotFound" => evidence.not_found >= 2,
            "NotListed" => evidence.lacking >= 2,
            "Forbidden" => evidence.forbidden >= 2,
            // If writes failed, mirrors may be behind the list.
            "Stale" => {
                let confirmed = self.answered.confirmed.get(&id);
                confirmed.is_none_or(|at| now.duration_since(*at) >= STALE)
                    || now.duration_since(self.judge.last.disturbed) < STALE * 4
                    || self.judge.newer.excuses(&name, now)
            }
            _ => false,
        };
        // Of two leaders, one may not know what the other has seen.
        if !proven && !self.judge.may_be_two(now) {
            let confirmed = self.answered.confirmed.get(&id).copied();
            self.violated(|| {
                format!("{name} becomes {reason} on {evidence:?}, confirmed at {confirmed:?}")
            });
        }
        if is.open == Some(false) {
            let marked = marked_at(is, now).unwrap_or(now);
            self.judge.newer.marked.insert(name.clone(), marked);
        }
        if was.open == Some(false) {
            self.violated(|| format!("{name} becomes {reason} and was not open"));
        }
        if (&was.state, &was.mode, &was.update_time) != (&is.state, &is.mode, &is.update_time) {
            self.violated(|| format!("{name} becomes {reason} and loses what was last seen"));
        }
    }

    /// A status was written from the API's data. `crowded` means that as many newer finished ones exist as may be kept.
    fn shown(
        &mut self,
        slot: usize,
        (name, id): (&str, &str),
        (was, is): (&RemediationStatus, &RemediationStatus),
        crowded: bool,
        now: MonoTime,
    ) {
        let versions = &self.truth.entries[id].versions;
        let Some(version) = versions.iter().find(|version| shows(is, version)) else {
            self.violated(|| {
                format!(
                    "{name} shows what the API never had: {:?} {:?}",
                    is.state, is.update_time
                )
            });
            return;
        };
        let ended = state::is_final(&version.state);
        let time = version.update_time.clone().unwrap_or_default();
        let older = timestamp::read(was.update_time.as_deref()) > updated(version);
        if (synced(is).1 == "Final") != ended || is.open != Some(!ended) {
            self.violated(|| format!("{name} is {:?} and its marks do not match", is.state));
        }
        let (first, last) = self
            .answered
            .shown
            .get(id)
            .and_then(|shown| shown.get(&*time))
            .copied()
            .unwrap_or((now, now));
        if older && !self.judge.mirrors.edited.contains(name) && last.duration_since(first) < APART
        {
            self.violated(|| format!("{name} becomes older again, at {time}, which was shown from {first:?} to {last:?}"));
        }
        self.judge.mirrors.edited.remove(name);
        if let Some(pruned) = self.judge.mirrors.pruned.get(name)
            && pruned.version == is.update_time
            && self.judge.last.minds < pruned.at
            // By another clock it may not be expired.
            && self.judge.newer.handed < Some(pruned.at)
            && self.judge.spec(slot, is.instance_id.as_deref()) == pruned.spec
            && (pruned.expired || crowded)
            && !self.was_open_since(id, pruned.at)
        {
            self.violated(|| format!("{name} was pruned and comes back"));
        }
    }

    /// Whether the API has returned the remediation as open since then. It must have a mirror then, and nothing shows
    /// that it is the earlier one.
    fn was_open_since(&self, id: &str, then: MonoTime) -> bool {
        let shown = self.answered.shown.get(id);
        let versions = &self.truth.entries[id].versions;
        versions
            .iter()
            .filter(|version| !state::is_final(&version.state))
            .filter_map(|version| shown?.get(version.update_time.as_deref()?))
            .any(|(_, last)| *last >= then)
    }

    /// A mirror was deleted.
    fn pruned(
        &mut self,
        cluster: &MemoryKubeApi,
        slot: usize,
        before: &Remediation,
        now: MonoTime,
    ) {
        let name = before.name_any();
        self.judge.forget(&name);
        let status = before.status.clone().unwrap_or_default();
        if status.open != Some(false) {
            self.violated(|| format!("{name} is open and is pruned"));
        }
        let of = instance(before);
        let Some(policy) = self.judge.policy(slot, of) else {
            return;
        };
        let newer = self.newer(cluster, before);
        let end = self.end_of(&name, &status);
        // A remediation that the API has, or had just now, may soon get a mirror.
        let listed = self.truth.entries.values();
        let listed = listed.filter_map(|entry| entry.versions.last());
        let listed = listed.filter(|item| {
            state::is_final(&item.state)
                && item.instance_id.as_deref() == of
                && place(
                    ended(item.end_time.as_deref(), item.update_time.as_deref()),
                    item.create_time.as_deref(),
                ) >= place(end, status.create_time.as_deref())
        });
        let listed = listed.map(|item| &item.id);
        let newer = newer.len() + listed.filter(|id| !newer.contains(&***id)).count();
        let expired = self.is_expired(&policy, &name, &status, now);
        let edited = now.duration_since(self.judge.changed_mind(slot)) < UNDER_WAY
            || self.judge.mirrors.edited.contains(&name);
        let crowded = self.may_be_crowded(cluster, &policy, of);
        let keeps = policy.max_per_instance.is_none_or(|max| newer < max);
        if !expired && !edited && !crowded && keeps {
            self.violated(|| {
                format!(
                    "{name} is pruned, {policy:?} keeps it, it ended {end:?}, and {newer} are newer"
                )
            });
        }
        // An older list may have shown it as open when it was created.
        let shown_open = |since: MonoTime| {
            let shown = self.answered.shown.get(&before.spec.id);
            let versions = self.truth.entries.get(&before.spec.id);
            let mut open = versions.into_iter().flat_map(|entry| &entry.versions);
            open.any(|version| {
                let times = version.update_time.as_deref();
                let last = shown.and_then(|shown| Some(shown.get(times?)?.1));
                !state::is_final(&version.state) && last.is_some_and(|last| last >= since)
            })
        };
        if let Some((created, then)) = self.judge.mirrors.created.get(&name).copied()
            && !shown_open(created.saturating_sub(Duration::from_secs(60)))
            && created > self.judge.last.minds + Duration::from_secs(120)
            // While the time was unknown, nothing was expired.
            && self.judge.newer.jumped < Some(created)
            && self.judge.newer.handed < Some(created)
            && then.expired(
                end,
                self.truth
                    .clock(created.saturating_sub(Duration::from_secs(60))),
            )
        {
            self.violated(|| format!("{name} was created at {created:?} to be pruned"));
        }
        let pruned = Pruned {
            at: now,
            version: status.update_time,
            expired,
            spec: self.judge.spec(slot, of),
        };
        self.judge.mirrors.pruned.insert(name, pruned);
    }
}

/// The instance of a mirror; one without a status has it only as a label.
pub(super) fn instance(object: &Remediation) -> Option<&str> {
    let status = object.status.as_ref();
    let shown = status.and_then(|status| status.instance_id.as_deref());
    shown.or_else(|| object.labels().get(INSTANCE_ID).map(String::as_str))
}

/// Whether a write changed nothing.
fn unchanged(before: &Remediation, after: &Remediation) -> bool {
    let content = |object: &Remediation| object.status.as_ref().map(digest);
    version(before) == version(after)
        || content(before) == content(after)
            && before.metadata.labels == after.metadata.labels
            && before.metadata.owner_references == after.metadata.owner_references
}
