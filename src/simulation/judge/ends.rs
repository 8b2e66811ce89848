//! When remediations ended, according to the API.

use std::{collections::BTreeSet, time::Duration};

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};
use kube::ResourceExt;

use super::writes::instance;
use crate::{
    api::{
        conditions::of_type,
        remediation::{Remediation, RemediationStatus},
        timestamp::to_second,
    },
    clock::MonoTime,
    simulation::{truth::Entry, world::State},
    sync::retention_policy::Policy,
    testing::{self, clock::wall_time, cluster::MemoryKubeApi},
    together::wire::state,
};

/// How much the operator may misjudge the API's clock: half of a request, plus the effect of a short pause of the
/// process.
const MISJUDGED: Duration = Duration::from_secs(6);
/// The same if responses were slow or the process was paused for long.
const FAR_MISJUDGED: Duration = Duration::from_secs(70);
/// How long ago that may have been.
const RECENT: Duration = Duration::from_secs(600);
/// How long a write is retried.
const SENT_AGAIN: Duration = Duration::from_secs(120);

/// A set time of the API: not the zero of Go or of Unix.
pub(super) fn usable(time: Option<&str>) -> Option<Timestamp> {
    let time: Timestamp = time?.parse().ok()?;
    (time > Timestamp::UNIX_EPOCH).then_some(time)
}

/// When a finished remediation ended.
pub(super) fn ended(end_time: Option<&str>, update_time: Option<&str>) -> Option<Timestamp> {
    usable(end_time).or_else(|| usable(update_time))
}

/// The rank of a finished remediation within its instance: by its end, otherwise by its creation, otherwise it is the
/// newest.
pub(super) fn place(
    end: Option<Timestamp>,
    create_time: Option<&str>,
) -> (bool, Option<Timestamp>) {
    let time = end.or_else(|| usable(create_time));
    (time.is_none(), time)
}

/// When a mark that takes effect `now` was decided on.
pub(super) fn marked_at(status: &RemediationStatus, now: MonoTime) -> Option<MonoTime> {
    decided(&status.conditions, "Synced", (now, SENT_AGAIN))
}

/// When the present state of this condition was decided on, by its recorded time: at most `ago` before it took effect
/// or was sent, because a failed write is retried for a while.
pub(super) fn decided(
    conditions: &[Condition],
    type_: &str,
    (sent, ago): (MonoTime, Duration),
) -> Option<MonoTime> {
    let condition = of_type(conditions, type_)?;
    let decided = condition
        .last_transition_time
        .0
        .duration_since(testing::now());
    let decided = MonoTime::at(Duration::try_from(decided).ok()?);
    Some(decided.clamp(sent.saturating_sub(ago), sent))
}

impl State {
    /// When the remediation of a closed mirror ended; if it is gone, when the mark was written.
    pub(super) fn end_of(&self, name: &str, status: &RemediationStatus) -> Option<Timestamp> {
        if status.state.as_deref().is_some_and(state::is_final) {
            return ended(status.end_time.as_deref(), status.update_time.as_deref());
        }
        let marked = self.judge.newer.marked.get(name).copied();
        // A restore of etcd brings back marks that were removed since.
        let marked = marked.or_else(|| marked_at(status, self.judge.newer.restored?));
        // The API server stores whole seconds of a condition.
        marked.map(|at| to_second(wall_time(at)))
    }

    /// Whether a mirror is expired.
    pub(super) fn is_expired(
        &self,
        policy: &Policy,
        name: &str,
        status: &RemediationStatus,
        now: MonoTime,
    ) -> bool {
        let end = self.end_of(name, status);
        if status.state.as_deref().is_some_and(state::is_final) {
            let slow = self.answered.slow;
            let slow = slow.is_some_and(|at| now.duration_since(at) < RECENT);
            let misjudged = if slow { FAR_MISJUDGED } else { MISJUDGED };
            return policy.expired(end, self.truth.clock(now) + misjudged);
        }
        // A remediation that is gone ended by the operator's clock, which may have been set since.
        let jumped = self.judge.newer.jumped;
        let marked = self.judge.newer.marked.get(name).copied();
        policy.ttl.is_some() && marked < jumped || policy.expired(end, wall_time(now) + MISJUDGED)
    }

    /// The finished mirrors of the same instance that are not older, by id.
    pub(super) fn newer(&self, cluster: &MemoryKubeApi, mirror: &Remediation) -> BTreeSet<String> {
        let of = |mirror: &Remediation| {
            let status = mirror.status.as_ref()?;
            let end = self.end_of(&mirror.name_any(), status);
            Some(place(end, status.create_time.as_deref()))
        };
        let than = of(mirror);
        cluster.look(|mirrors| {
            let newer = mirrors.values().filter(|other| {
                is_closed(other)
                    && other.spec.id != mirror.spec.id
                    && instance(other) == instance(mirror)
                    && of(other) >= than
            });
            newer.map(|other| other.spec.id.clone()).collect()
        })
    }

    /// Whether clocks were set, so that any of this many finished ones may rank as older than the others.
    pub(super) fn may_be_crowded(
        &self,
        cluster: &MemoryKubeApi,
        policy: &Policy,
        of: Option<&str>,
    ) -> bool {
        let mirrors = cluster.look(|mirrors| {
            let closed = |other: &&Remediation| is_closed(other) && instance(other) == of;
            mirrors.values().filter(closed).count()
        });
        let last = |entry: &Entry| entry.versions.last().cloned();
        let items = self.truth.entries.values().filter_map(last);
        let finals =
            items.filter(|item| state::is_final(&item.state) && item.instance_id.as_deref() == of);
        let all = mirrors + finals.count();
        let max = policy.max_per_instance;
        self.judge.newer.clocks_differ && max.is_some_and(|max| all >= max)
    }
}

fn is_closed(object: &Remediation) -> bool {
    let status = object.status.as_ref();
    status.is_some_and(|status| status.open == Some(false))
}
