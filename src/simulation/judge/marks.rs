//! What a reader sees at any instant: the truth, or a mark that it may be outdated.

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;

use super::{cadence, covers, holders, is_foreign};
use crate::{
    api::{
        cluster_watch::ClusterWatch,
        conditions::of_type,
        remediation::{Remediation, RemediationStatus},
    },
    clock::MonoTime,
    simulation::world::State,
    sync::schedule::HEARTBEAT,
    testing::{clock::wall_time, cluster::MemoryKubeApi},
    together::wire::state,
};

/// Status and reason of Synced.
pub(in crate::simulation) fn synced(status: &RemediationStatus) -> (&str, &str) {
    let synced = of_type(&status.conditions, "Synced");
    synced.map_or(("", ""), |synced| (&synced.status, &synced.reason))
}

/// The time for syncs, their requests and the writes of marks, in addition to the stale time.
const SLACK: Duration = Duration::from_secs(240);

/// The reported state of a `ClusterWatch`.
#[derive(Debug)]
pub(super) struct ReadyState {
    pub(super) ready: bool,
    /// It reports that something was left out.
    pub(super) note: bool,
    pub(super) stale_after: Option<Timestamp>,
}

pub(super) fn standing(watch: &ClusterWatch) -> ReadyState {
    let status = watch.status.as_ref();
    let conditions = status.map_or(&[][..], |status| &status.conditions);
    let ready = of_type(conditions, "Ready");
    let observed = status.and_then(|status| status.observed_generation);
    let current = observed == watch.metadata.generation;
    ReadyState {
        ready: current && ready.is_some_and(|ready| ready.status == "True"),
        note: ready.is_some_and(|ready| ready.message.contains("Left out")),
        stale_after: status.and_then(|status| status.stale_after.as_ref()?.parse().ok()),
    }
}

/// What a reader sees of a `ClusterWatch`.
struct Seen {
    /// Since when nothing but the API had a fault.
    quiet: Duration,
    /// Within this time, mirrors are right or marked. A list counts as long as it lasted.
    bound: Duration,
    /// Whether responses were slow.
    slow: bool,
    /// Whether its `staleAfter` has passed.
    broken: bool,
    standing: ReadyState,
}

/// Whether every list of the `ClusterWatch` requests only final states.
pub(super) fn only_final(watch: &ClusterWatch) -> bool {
    let states = watch.spec.states.as_deref();
    states.is_some_and(|states| states.iter().all(|name| state::is_final(name)))
}

impl State {
    /// Checks everything that a reader can see.
    pub(in crate::simulation) fn judge_marks(&mut self, cluster: &MemoryKubeApi, now: MonoTime) {
        cluster.look_at_all(|watches, mirrors| {
            let watches: Vec<_> = watches.values().collect();
            for watch in holders(&watches) {
                self.judge_seen(watch, mirrors, now);
                self.judge_newer(watch, mirrors, now);
            }
            self.judge_orphans(&watches, mirrors, now);
        });
    }

    fn judge_seen(
        &mut self,
        watch: &ClusterWatch,
        mirrors: &BTreeMap<String, Remediation>,
        now: MonoTime,
    ) {
        let cadence = cadence(watch);
        let quiet = now.duration_since(self.judge.last.disturbed);
        let stale = cadence.stale_after(false, Duration::ZERO, Duration::ZERO);
        let bound = stale + cadence.interval + SLACK;
        let standing = standing(watch);
        let recently =
            |at: Option<MonoTime>| at.is_some_and(|at| now.duration_since(at) < bound * 4);
        let slow = recently(self.answered.slow);
        let is_over = |ahead: SignedDuration| {
            let now = wall_time(now) + ahead;
            standing.stale_after.is_none_or(|time| time < now)
        };
        let newer = &self.judge.newer;
        let overdue = is_over(newer.ahead);
        // A `staleAfter` follows the clock of the process that wrote it, which may be another one.
        let promise = standing.stale_after.map(|time| (watch.name_any(), time));
        let gave = promise.and_then(|promise| newer.promises.get(&promise).copied());
        let broken = is_over(gave.unwrap_or(newer.ahead));
        let suspended = watch.spec.suspend;
        if quiet > bound + HEARTBEAT && !slow && suspended != standing.stale_after.is_none() {
            self.violated(|| {
                format!(
                    "{}: suspended {suspended}, and staleAfter {standing:?}",
                    watch.name_any()
                )
            });
        }
        if quiet > bound + HEARTBEAT && !slow && !suspended && overdue {
            self.violated(|| {
                format!(
                    "{}: somebody lives, and staleAfter has passed: {standing:?}",
                    watch.name_any()
                )
            });
        }
        let late = cadence.stale_after(false, self.answered.hung(watch), Duration::ZERO);
        let seen = Seen {
            quiet,
            bound: bound + late.saturating_sub(stale),
            slow,
            broken,
            standing,
        };
        for (name, mirror) in mirrors {
            self.judge_mirror(watch, &seen, (name, mirror), now);
        }
        self.judge_missing(mirrors, watch, bound, now);
    }

    fn judge_mirror(
        &mut self,
        watch: &ClusterWatch,
        seen: &Seen,
        (name, mirror): (&str, &Remediation),
        now: MonoTime,
    ) {
        let &Seen {
            quiet,
            bound,
            slow,
            broken,
            ref standing,
        } = seen;
        let suspended = watch.spec.suspend;
        let Some(status) = mirror.status.as_ref().filter(|_| !is_foreign(mirror)) else {
            return;
        };
        let of_watch = covers(watch, status.instance_id.as_deref());
        let excused =
            self.judge.mirrors.edited.contains(name) || self.judge.newer.excuses(name, now);
        if synced(status).0 != "True" || excused || !of_watch {
            return;
        }
        let Some((since, known)) = self.untrue(&mirror.spec.id, status, now) else {
            return;
        };
        if !known {
            self.violated(|| {
                format!(
                    "{name} shows what never was: {:?} {:?}",
                    status.state, status.update_time
                )
            });
        }
        let ended = self.answered.ended(watch);
        let recently =
            |at: Option<MonoTime>| at.is_some_and(|at| now.duration_since(at) < bound * 4);
        let unread = now.duration_since(ended) > bound || suspended;
        if status.open == Some(true)
            && unread
            && now.duration_since(since) > bound
            && quiet > bound
            && !self.rests(now)
        {
            self.violated(|| {
                format!("{name} is open, unconfirmed since {ended:?}, and bears no mark")
            });
        }
        // Finished remediations are confirmed only by lists, and are not marked if none comes. The list that last
        // showed it ends a little later.
        let confirmed = self.answered.confirmed.get(&mirror.spec.id).copied();
        let shown_last = confirmed <= Some(since + Duration::from_secs(1));
        let never_asked = status.open == Some(false) && (unread || shown_last)
            || status.open == Some(false)
                && (only_final(watch) || !self.truth.entries[&mirror.spec.id].listed);
        if never_asked || suspended || slow || recently(self.answered.malformed) || standing.note {
            return;
        }
        let age = now.duration_since(since);
        if age > bound && quiet > bound {
            self.violated(|| {
                format!(
                    "{name} shows {:?}, untrue since {since:?}, and bears no mark",
                    status.state
                )
            });
        }
        // A new leader must see twice that it is gone.
        let led = self
            .judge
            .leader
            .map(|(_, since)| now.duration_since(since));
        // So must an operator that just got its permissions back.
        let allowed = self.judge.newer.allowed;
        let allowed = allowed.is_none_or(|at| now.duration_since(at) > bound);
        let had_time = allowed && led.is_some_and(|led| led > bound);
        if age > HEARTBEAT + bound * 2 && had_time && standing.ready && !broken {
            self.violated(|| {
                format!(
                    "{name} shows {:?}, untrue since {since:?}, and its ClusterWatch is Ready",
                    status.state
                )
            });
        }
    }

    /// Since when the mirror has been untrue, and whether it was ever true; `None` if it is true, or if that is
    /// unknown.
    fn untrue(
        &self,
        id: &str,
        status: &RemediationStatus,
        now: MonoTime,
    ) -> Option<(MonoTime, bool)> {
        let entry = self.truth.entries.get(id)?;
        // An older version that is current again is accepted late, and only after two lists showed it.
        if entry.restored.is_some() || status.open == Some(false) && entry.current().is_none() {
            return None;
        }
        // An API that returns what was true before makes it true for its readers.
        let shown = self.answered.shown.get(id).zip(status.update_time.as_ref());
        let shown = shown.and_then(|(versions, version)| versions.get(version));
        let shown = shown.map_or(MonoTime::ZERO, |(_, last)| *last);
        match entry.last_true(status, now) {
            // What a restore of etcd brought back was true before the restore.
            Some(until) => {
                let restored = self.judge.newer.restored.unwrap_or_default();
                Some((until.max(shown).max(restored), true))
            }
            None => Some((now, false)),
        }
    }

    /// Open remediations that are listed for long must have a mirror.
    fn judge_missing(
        &mut self,
        mirrors: &BTreeMap<String, Remediation>,
        watch: &ClusterWatch,
        bound: Duration,
        now: MonoTime,
    ) {
        let quiet = now.duration_since(self.judge.last.disturbed);
        let standing = standing(watch);
        let slow = self
            .answered
            .slow
            .is_some_and(|at| now.duration_since(at) < bound * 4);
        if quiet <= bound
            || watch.spec.suspend
            || !standing.ready
            || standing.note
            || slow
            || only_final(watch)
        {
            return;
        }
        let is_selected = |name: &str| {
            watch
                .spec
                .states
                .as_ref()
                .is_none_or(|states| states.iter().any(|state| state == name))
        };
        // Lists may have shown an older version for long, which needs no mirror.
        let shown_for_long = |id: &String, version: Option<&str>| {
            let shown = self.answered.shown.get(id);
            let (first, _) = shown?.get(version?)?;
            Some(now.duration_since(*first) > bound)
        };
        let known_deaf = self.is_known_deaf(watch, bound, now);
        let lacking = self.truth.entries.iter().find(|(id, entry)| {
            entry.listed
                && (known_deaf
                    || self.answered.confirmed.get(*id).is_some_and(|at| {
                        // If lists are wrong, the truth is unknown.
                        *at > entry.since() && *at == self.answered.ended(watch)
                    }))
                && now.duration_since(entry.since()) > bound
                && entry.current().is_some_and(|item| {
                    !state::is_final(&item.state)
                        && is_selected(&item.state)
                        && (known_deaf
                            || shown_for_long(id, item.update_time.as_deref()) == Some(true))
                        && !entry.is_anothers()
                        && covers(watch, item.instance_id.as_deref())
                        && !self.judge.newer.excuses(id, now)
                })
                && !mirrors.contains_key(*id)
        });
        if let Some(id) = lacking.map(|(id, _)| id.clone()) {
            self.violated(|| {
                format!("{id} is listed for long and has no mirror, and its ClusterWatch is Ready")
            });
        }
    }
}
