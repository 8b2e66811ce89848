//! After a calm period the mirrors must match the truth.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt;

use super::{
    ends::{ended, place},
    holders,
    marks::{only_final, standing, synced},
    writes::instance,
};
use crate::{
    api::{cluster_watch::ClusterWatch, timestamp},
    clock::MonoTime,
    simulation::{
        truth::{Entry, shows, updated},
        world::State,
    },
    sync::retention_policy::Policy,
    testing::cluster::MemoryKubeApi,
    together::{Remediation, wire::state},
};

/// No slow list takes a tenth of this.
const REST: Duration = Duration::from_secs(3600);

impl State {
    /// The first mismatch after a long time without faults.
    pub(in crate::simulation) fn mismatch(
        &self,
        cluster: &MemoryKubeApi,
        now: MonoTime,
    ) -> Option<String> {
        let watches = cluster.watches();
        let holders = holders(&watches);
        if holders.is_empty() {
            return Some("calm without a watch".to_owned());
        }
        let mut each = holders.into_iter();
        each.find_map(|watch| self.mismatch_of(cluster, watch, now))
    }

    fn mismatch_of(
        &self,
        cluster: &MemoryKubeApi,
        watch: &ClusterWatch,
        now: MonoTime,
    ) -> Option<String> {
        let wall = self.truth.clock(now);
        let standing = standing(watch);
        // What a full sync left out is reported until the next one.
        if !standing.ready || standing.note && !self.rests(now) {
            let status = watch.status.as_ref();
            return Some(format!(
                "no fault is active, and {} is not Ready: {standing:?} {:?}",
                watch.name_any(),
                status.map(|status| &status.conditions)
            ));
        }
        let of_watch = |item: &Remediation| {
            watch.spec.instance().is_none() || item.instance_id.as_deref() == watch.spec.instance()
        };
        let of_it = |id: &str, entry: &Entry| {
            // If another `ClusterWatch` covers it now, its earlier state does not matter.
            entry.is_of(watch.spec.instance()) || cluster.mirror(id).is_some()
        };
        let entries = self.truth.entries.iter();
        let mut entries = entries.filter(|(id, entry)| of_it(id, entry));
        entries.find_map(|(id, entry)| {
            let mirror = cluster.mirror(id);
            let item = entry.current().filter(|item| of_watch(item));
            let problem = match (item, &mirror) {
                (None, None) => None,
                (None, Some(mirror)) => unlike_gone(watch, mirror, self.rests(now)),
                // Only full syncs list finished remediations.
                (Some(item), None) if state::is_final(&item.state) && self.rests(now) => None,
                (Some(item), None) => (entry.listed && !self.may_lack(cluster, watch, item, wall))
                    .then_some("has no mirror"),
                // A mirror that lost its instance, and that no list contains, belongs to no `ClusterWatch`.
                (Some(_), Some(mirror))
                    if !entry.listed
                        && watch.spec.instance().is_some()
                        && instance(mirror).is_none() =>
                {
                    None
                }
                (Some(item), Some(mirror)) => unlike(watch, mirror, item, entry.listed, wall),
            };
            problem.map(|problem| {
                format!(
                    "{id} {problem}: truth {:?}, mirror {:?}",
                    item.map(|item| (&item.state, &item.update_time)),
                    mirror.and_then(|mirror| mirror.status)
                )
            })
        })
    }

    /// After a slow list, the API is not called for ten times as long.
    pub(super) fn rests(&self, now: MonoTime) -> bool {
        let slow = self.answered.slow;
        slow.is_some_and(|at| now.duration_since(at) < REST)
    }

    /// What went wrong since `begun`, six minutes without any change.
    pub(in crate::simulation) fn unquiet(
        &self,
        cluster: &MemoryKubeApi,
        begun: MonoTime,
    ) -> Option<String> {
        let (tried, reports) = (self.judge.counts.tried, self.judge.counts.reports);
        // One heartbeat every five minutes, and one more report if retention deleted something.
        let most = 3 * cluster.watches().len();
        let rests = self.rests(begun);
        if tried > 0 {
            Some(format!(
                "{tried} writes of mirrors, and nothing has changed"
            ))
        } else if reports > most {
            Some(format!(
                "{reports} reports in six minutes, and nothing has changed"
            ))
        } else if rests {
            None
        } else if reports == 0 {
            Some("no report in six minutes".to_owned())
        } else if holders(&cluster.watches())
            .into_iter()
            .any(|watch| self.answered.ended(watch) < begun)
        {
            Some("no listing in six minutes".to_owned())
        } else {
            None
        }
    }
}

/// How a mirror differs from its remediation, which the API has.
fn unlike(
    watch: &ClusterWatch,
    mirror: &crate::api::remediation::Remediation,
    item: &Remediation,
    listed: bool,
    wall: Timestamp,
) -> Option<&'static str> {
    let status = mirror.status.clone().unwrap_or_default();
    // A finished remediation that no list contains is not requested by id.
    let never_asked = status.open == Some(false) && (!listed || only_final(watch));
    // By requests by id alone, or by lists of final states, an older version proves nothing in time.
    let older = timestamp::read(status.update_time.as_deref()) > updated(item);
    if never_asked || older && (!listed || only_final(watch)) {
        return None;
    }
    let finished = ended(status.end_time.as_deref(), status.update_time.as_deref());
    let policy = Policy::of(watch.spec.retention.as_ref());
    let long_ago = wall - Duration::from_secs(120);
    if status.open == Some(false) && policy.expired(finished, long_ago) {
        return Some("has expired");
    }
    if !shows(&status, item) {
        return Some("differs");
    }
    let fits = if state::is_final(&item.state) {
        "Final"
    } else {
        "Listed"
    };
    (synced(&status).1 != fits).then_some("is marked otherwise")
}

/// Why a mirror is wrong whose remediation the API no longer has. With `rests`, no full sync comes that could prove the
/// absence.
fn unlike_gone(
    watch: &ClusterWatch,
    mirror: &crate::api::remediation::Remediation,
    rests: bool,
) -> Option<&'static str> {
    let status = mirror.status.clone().unwrap_or_default();
    let of_watch =
        watch.spec.instance().is_none() || status.instance_id.as_deref() == watch.spec.instance();
    let marked = match synced(&status).1 {
        "NotFound" | "NotListed" | "Final" => true,
        // A mirror that was never filled shows that itself.
        "Stale" | "Forbidden" if rests => true,
        "Stale" | "Forbidden" | "Pending" => only_final(watch),
        _ => false,
    };
    (of_watch && !marked).then_some("is gone and not marked")
}

impl State {
    /// Whether the `ClusterWatch` does not select it, or retention leaves no room for its mirror.
    fn may_lack(
        &self,
        cluster: &MemoryKubeApi,
        watch: &ClusterWatch,
        item: &Remediation,
        wall: Timestamp,
    ) -> bool {
        let states = watch.spec.states.as_ref();
        let selected = states.is_none_or(|states| states.iter().any(|state| *state == *item.state));
        if !selected || !state::is_final(&item.state) {
            return !selected;
        }
        let policy = Policy::of(watch.spec.retention.as_ref());
        let finished = ended(item.end_time.as_deref(), item.update_time.as_deref());
        let than = place(finished, item.create_time.as_deref());
        let expires = wall + Duration::from_secs(60);
        let newer = cluster.look(|mirrors| {
            let newer = mirrors.iter().filter(|(name, mirror)| {
                let status = mirror.status.as_ref();
                status.is_some_and(|other| {
                    let end = self.end_of(name, other);
                    // Its rank among finished ones is unknown, because a clock was set since it was marked, or it was
                    // edited by hand.
                    let set = self.judge.newer.clocks_differ || !self.truth.ahead.is_zero();
                    let moved = self.judge.mirrors.edited.contains(*name)
                        || set && !other.state.as_deref().is_some_and(state::is_final);
                    other.open == Some(false)
                        && instance(mirror) == item.instance_id.as_deref()
                        && (moved || place(end, other.create_time.as_deref()) >= than)
                })
            });
            newer.count()
        });
        policy.expired(finished, expires) || policy.max_per_instance.is_some_and(|max| newer >= max)
    }
}
