//! Every write that lands.

use std::time::Duration;

use kube::ResourceExt;

use super::{Changed, holder};
use crate::{
    api::remediation::{Remediation, RemediationStatus},
    cluster::ClusterError,
    mirror::{digest::digest, time},
    simulation::{
        cluster::{Op, Verb},
        truth::{Entry, shows, updated},
        world::State,
    },
    testing::cluster::MemoryCluster,
    together::state,
    watch::retention::Policy,
};

/// Two listings this far apart must show an older version before it may overwrite a newer one.
const APART: Duration = Duration::from_secs(300);
/// Nothing unconfirmed for less than this is stale: three of the shortest intervals and two minutes.
const STALE: Duration = Duration::from_secs(150);

/// Status and reason of Synced.
pub(in crate::simulation) fn synced(status: &RemediationStatus) -> (&str, &str) {
    let synced = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == "Synced");
    synced.map_or(("", ""), |synced| (&synced.status, &synced.reason))
}

fn version(object: &Remediation) -> u64 {
    object.resource_version().unwrap().parse().unwrap()
}

impl State {
    /// A report on a watch landed, or did not.
    pub(in crate::simulation) fn judge_report(
        &mut self,
        op: &Op,
        answer: Result<(), &ClusterError>,
        now: Duration,
    ) {
        self.log(now, || {
            format!("  process {} reports on {}: {answer:?}", op.slot, op.name)
        });
        if answer.is_ok() {
            self.judge.reports += 1;
            if !op.led {
                self.violated(|| format!("process {} reports and does not lead", op.slot));
            }
        }
    }

    /// A write of a mirror landed, or did not.
    pub(in crate::simulation) fn judge_write(
        &mut self,
        cluster: &MemoryCluster,
        op: &Op,
        before: Option<&Remediation>,
        after: Option<&Remediation>,
        answer: Result<(), &ClusterError>,
        now: Duration,
    ) {
        self.log(now, || {
            let status = after.and_then(|after| after.status.as_ref());
            let told = status.map(|status| (status.state.as_deref(), synced(status).1));
            format!(
                "  process {} {:?} {}: {answer:?} {told:?}",
                op.slot, op.verb, op.name
            )
        });
        self.judge.tried += usize::from(op.verb != Verb::Delete);
        let (name, slot) = (&op.name, op.slot);
        if op.fence.is_some() && op.fence < op.known {
            self.violated(|| {
                format!(
                    "process {slot} writes {name} on {:?}, and knew {:?}",
                    op.fence, op.known
                )
            });
        }
        if answer == Err(&ClusterError::NotFound) {
            self.judge.forget(name);
        }
        if answer.is_err() {
            return;
        }
        if !op.led {
            self.violated(|| {
                format!("process {slot} changes {name} and did not lead when it sent that")
            });
        }
        let told = self.judge.told.get(&slot);
        let alone = told.map_or(Some(Duration::ZERO), |told| told.alone);
        let late = alone.is_some_and(|since| op.sent > since + Duration::from_secs(1));
        let status = after.and_then(|after| after.status.as_ref());
        if late && status.map(|status| synced(status).1) != Some("Stale") {
            self.violated(|| format!("process {slot} writes {name}, and there is no watch"));
        }
        let changed = self.judge.changed.get(name);
        if op.verb != Verb::Create && changed.is_some_and(|changed| changed.at > op.sent) {
            self.violated(|| format!("{:?} of {name} undoes what was changed meanwhile", op.verb));
        }
        self.judge.changed.insert(name.clone(), Changed { at: now });
        match (before, after) {
            (_, Some(after)) if op.verb == Verb::Create => self.created(after, now),
            (Some(before), Some(after)) => {
                if unchanged(before, after) {
                    self.violated(|| format!("{:?} of {name} changes nothing", op.verb));
                }
                if op.verb == Verb::Status {
                    self.said(op, before, after, now);
                }
            }
            (Some(before), None) => self.pruned(cluster, slot, before, now),
            (None, _) => {}
        }
    }

    fn created(&mut self, object: &Remediation, now: Duration) {
        let name = object.name_any();
        let identity = (object.spec.cluster_id.clone(), object.spec.id.clone());
        if !self.truth.entries.contains_key(&identity.1) {
            self.violated(|| format!("{name} is created, and the API never had it"));
        }
        let identities = &mut self.judge.identities;
        let first = identities
            .entry(name.clone())
            .or_insert_with(|| identity.clone());
        if *first != identity {
            self.violated(|| format!("{name} stands for two ids"));
        }
        self.judge.created.insert(name, now);
    }

    /// A status was written.
    fn said(&mut self, op: &Op, before: &Remediation, after: &Remediation, now: Duration) {
        let (name, id) = (after.name_any(), after.spec.id.clone());
        let (Some(was), Some(is)) = (&before.status, &after.status) else {
            return;
        };
        let evidence = op.evidence;
        let reason = synced(is).1.to_owned();
        let proven = match &*reason {
            "Listed" | "Final" => return self.shown(&name, &id, was, is, now),
            "NotFound" => evidence.not_found >= 2,
            "NotListed" => evidence.lacking >= 2,
            "Forbidden" => evidence.forbidden >= 2,
            // Where writes failed, mirrors may be behind what was listed.
            "Stale" => {
                self.answered
                    .confirmed
                    .get(&id)
                    .is_none_or(|at| now.saturating_sub(*at) >= STALE)
                    || now.saturating_sub(self.judge.disturbed) < STALE * 4
            }
            _ => false,
        };
        if !proven {
            let confirmed = self.answered.confirmed.get(&id).copied();
            self.violated(|| {
                format!("{name} becomes {reason} on {evidence:?}, confirmed at {confirmed:?}")
            });
        }
        if was.open == Some(false) {
            self.violated(|| format!("{name} becomes {reason} and was not open"));
        }
        if (&was.state, &was.mode, &was.update_time) != (&is.state, &is.mode, &is.update_time) {
            self.violated(|| format!("{name} becomes {reason} and loses what was last seen"));
        }
    }

    /// A status was written from what the API showed.
    fn shown(
        &mut self,
        name: &str,
        id: &str,
        was: &RemediationStatus,
        is: &RemediationStatus,
        now: Duration,
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
        let older = time::read(was.update_time.as_deref()) > updated(version);
        if (synced(is).1 == "Final") != ended || is.open != Some(!ended) {
            self.violated(|| format!("{name} is {:?} and its marks say otherwise", is.state));
        }
        let (first, last) = self
            .answered
            .shown
            .get(id)
            .and_then(|shown| shown.get(&time))
            .copied()
            .unwrap_or((now, now));
        if older && !self.judge.edited.contains(name) && last.saturating_sub(first) < APART {
            self.violated(|| format!("{name} becomes older again, at {time}, which was shown from {first:?} to {last:?}"));
        }
        self.judge.edited.remove(name);
        if let Some((at, pruned)) = self.judge.pruned.get(name)
            && *pruned == is.update_time
            && self.judge.minds < *at
        {
            self.violated(|| format!("{name} was pruned and comes back"));
        }
    }

    /// A mirror was deleted.
    fn pruned(
        &mut self,
        cluster: &MemoryCluster,
        slot: usize,
        before: &Remediation,
        now: Duration,
    ) {
        let name = before.name_any();
        self.judge.forget(&name);
        let status = before.status.clone().unwrap_or_default();
        if status.open != Some(false) {
            self.violated(|| format!("{name} is open and is pruned"));
        }
        let told = self
            .judge
            .told
            .get(&slot)
            .map_or(&[][..], |told| &told.watches[..]);
        let Some(watch) = holder(told) else { return };
        let policy = Policy::of(watch.spec.retention.as_ref());
        let finished = |status: &RemediationStatus| {
            time::ended(status.end_time.as_deref(), status.update_time.as_deref())
        };
        let wall = crate::testing::now() + now;
        let newer = cluster.look(|mirrors| {
            let others = mirrors.values().filter_map(|mirror| mirror.status.as_ref());
            let newer = others.filter(|other| {
                other.open == Some(false)
                    && other.instance_id == status.instance_id
                    && finished(other) >= finished(&status)
            });
            newer.count()
        });
        // One that the API has may be on its way to a mirror.
        let listed = self
            .truth
            .entries
            .values()
            .filter_map(Entry::current)
            .filter(|item| {
                state::is_final(&item.state)
                    && item.instance_id == status.instance_id
                    && time::read(item.end_time.as_deref()) >= finished(&status)
            });
        let newer = newer.max(listed.count());
        let expired = policy.expired(finished(&status), wall);
        let edited = now.saturating_sub(self.judge.minds) < Duration::from_secs(60);
        if !expired && !edited && policy.max_per_instance.is_none_or(|max| newer < max) {
            self.violated(|| format!("{name} is pruned, and {policy:?} keeps it"));
        }
        if let Some(created) = self.judge.created.get(&name).copied()
            && created > self.judge.minds + Duration::from_secs(120)
            && policy.expired(
                finished(&status),
                crate::testing::now() + created.saturating_sub(Duration::from_secs(60)),
            )
        {
            self.violated(|| format!("{name} was created at {created:?} to be pruned"));
        }
        self.judge.pruned.insert(name, (now, status.update_time));
    }
}

/// Whether a write made no difference.
fn unchanged(before: &Remediation, after: &Remediation) -> bool {
    let said = |object: &Remediation| object.status.as_ref().map(digest);
    version(before) == version(after)
        || said(before) == said(after)
            && before.metadata.labels == after.metadata.labels
            && before.metadata.owner_references == after.metadata.owner_references
}
