//! The verdict on one instant: which differences between the API and the mirror nothing explains. Pure.

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::{
    bounds::{Bounds, HEARTBEAT, START},
    fields::{condition, content, is_empty, shows},
};
use crate::simulator::{FINAL_STATES, History, Version};

/// What a watch and its mirrors showed in one read, and what the API had shown by then. All times are of the
/// simulator's clock.
#[derive(Clone, Copy, Debug)]
pub struct Look<'a> {
    /// The watch.
    pub watch: &'a Value,
    /// All mirrors of its namespace.
    pub mirrors: &'a [Value],
    /// What the API has shown of the watch's cluster, taken after the read.
    pub histories: &'a BTreeMap<String, History>,
    /// When the read began.
    pub asked: Timestamp,
    /// When the read had ended.
    pub answered: Timestamp,
    /// Since when nothing has disturbed the API, the operator or the cluster; `None`: something does.
    pub calm_since: Option<Timestamp>,
    /// When the operator last restarted. What it then knows of its last sync may be five minutes old, unless the
    /// `ClusterWatch` reported a failure, so mirrors that were unconfirmed before are marked that much later.
    pub restarted: Option<Timestamp>,
    /// Since when the watch's sums have not fitted, as earlier looks found.
    pub sums_off_since: Option<Timestamp>,
    /// What machine and network may add to each time that is promised.
    pub slack: SignedDuration,
}

/// What a look came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// What nothing explains, each in one line.
    pub unexplained: Vec<String>,
    /// The watch's sums do not fit its mirrors at this instant; they follow the mirrors, so this may pass.
    pub sums_off: bool,
    /// Mirrors and remediations that differ, and why they may.
    pub explained: usize,
}

/// A look with what follows from it.
struct Judge<'a> {
    look: Look<'a>,
    bounds: Bounds,
    /// Ready is True.
    ready: bool,
    /// The `ClusterWatch` itself reports that its mirrors are no longer reliable.
    expired: bool,
    found: Found,
}

impl Look<'_> {
    /// The verdict.
    #[must_use]
    pub fn verdict(self) -> Found {
        let open = self
            .mirrors
            .iter()
            .any(|mirror| mirror["status"]["open"] == true);
        let stale_after = self.watch["status"]["staleAfter"].as_str();
        let stale_after = stale_after.and_then(|time| time.parse::<Timestamp>().ok());
        let mut judge = Judge {
            look: self,
            bounds: Bounds::of(&self.watch["spec"], open, self.slack),
            ready: condition(self.watch, "Ready", "status") == "True",
            expired: stale_after.is_some_and(|time| self.answered >= time),
            found: Found::default(),
        };
        let mut mirrored = BTreeSet::new();
        for mirror in self.mirrors {
            let id = mirror["spec"]["id"].as_str().unwrap_or_default();
            if mirror["spec"]["clusterId"] != self.watch["spec"]["clusterId"] {
                continue;
            }
            if !mirrored.insert(id) {
                judge.unexplained(id, "it has two mirrors");
            }
            if condition(mirror, "Synced", "reason") == "Pending" {
                mirrored.remove(id);
            } else {
                judge.mirror(id, mirror);
            }
        }
        judge.missing(&mirrored);
        judge.watch();
        judge.found
    }
}

impl Judge<'_> {
    fn unexplained(&mut self, whose: &str, what: &str) {
        self.found.unexplained.push(format!("{whose}: {what}"));
    }

    /// Whether a difference that arose at `since` has lasted longer than the contract lets it; `calm`: how long it may
    /// where all has been well.
    fn overdue(&self, since: Timestamp, calm: SignedDuration) -> bool {
        let late = match self.look.restarted {
            Some(at) if self.age(at) < START => return false,
            Some(at) if at >= since && !self.failing_at(at) => HEARTBEAT,
            _ => SignedDuration::ZERO,
        };
        self.age(since) > self.bounds.stale.max(calm) + late || self.calm_for(since) > calm
    }

    /// Whether the `ClusterWatch` has been failing since before `time`: then the time of its last sync is known exactly.
    fn failing_at(&self, time: Timestamp) -> bool {
        let ready = |field| condition(self.look.watch, "Ready", field);
        let since = ready("lastTransitionTime").as_str();
        let since = since.and_then(|since| since.parse::<Timestamp>().ok());
        ready("status") == "False"
            && ready("reason") != "WriteFailed"
            && since.is_some_and(|since| since < time)
    }

    fn age(&self, since: Timestamp) -> SignedDuration {
        self.look.asked.duration_since(since)
    }

    /// How long it has lasted with nothing in the way.
    fn calm_for(&self, since: Timestamp) -> SignedDuration {
        let calm = self.look.calm_since.filter(|_| self.ready);
        calm.map_or(SignedDuration::ZERO, |calm| self.age(since.max(calm)))
    }

    fn mirror(&mut self, id: &str, mirror: &Value) {
        let Some(history) = self.look.histories.get(id) else {
            return self.unexplained(id, "the API has never shown it");
        };
        let state = mirror["status"]["state"].as_str().unwrap_or_default();
        let ended = FINAL_STATES.contains(&state);
        let reason = condition(mirror, "Synced", "reason")
            .as_str()
            .unwrap_or_default();
        let gone = ["NotFound", "NotListed"].contains(&reason);
        let open = !ended && !gone;
        if mirror["status"]["open"] != open {
            self.unexplained(
                id,
                &format!("open is not {open}, with {state} and Synced {reason}"),
            );
        }
        let status = condition(mirror, "Synced", "status");
        let fits = match reason {
            "Final" => ended && status == "True",
            "Listed" => !ended && status == "True",
            "Stale" => !ended && status == "Unknown",
            "NotFound" | "NotListed" => !ended && status == "False",
            "Forbidden" => status == "False",
            _ => false,
        };
        if !fits {
            self.unexplained(id, &format!("Synced is {status}, {reason}, with {state}"));
        }
        if gone && is_empty(mirror) {
            return self.gone(id, reason, history);
        }
        let Some(shown) = latest(history, mirror, gone) else {
            return self.unexplained(id, "it shows what the API has never shown");
        };
        match reason {
            "Final" => self.kept(id, shown),
            "Listed" => self.listed(id, state, history, shown),
            "NotFound" | "NotListed" => self.gone(id, reason, history),
            _ => self.marked(id, reason, history),
        }
    }

    /// Finished: true for ever, and kept no longer than retention allows.
    fn kept(&mut self, id: &str, shown: &Version) {
        let (Some(kept), Some(ended)) = (self.bounds.kept, ended_at(shown)) else {
            return;
        };
        let due = ended.saturating_add(kept).unwrap_or(Timestamp::MAX);
        if due < self.look.asked && self.calm_for(due) > self.bounds.fresh {
            self.unexplained(id, &format!("retention should have taken it at {due}"));
        }
    }

    /// The mirror claims to be up to date.
    fn listed(&mut self, id: &str, state: &str, history: &History, shown: &Version) {
        let Some(left) = shown.until else { return };
        // That it is gone needs proof, which takes polls; and of those that have ended, which the list of open ones lacks, a
        // poll asks for so many by id: the others wait for a full listing, or are stale by then.
        let calm = match history.present() {
            Some(present) if !present.shown.is_final() => self.bounds.fresh,
            _ => self.bounds.stale,
        };
        if self.overdue(left, calm) && !(self.expired && self.look.calm_since.is_none()) {
            let now = history
                .present()
                .map_or("gone", |present| &present.shown.state);
            self.unexplained(id, &format!("it says {state}, Synced True, which the API left at {left}; there it is {now} at {}", self.look.asked));
        } else {
            self.found.explained += 1;
        }
    }

    fn gone(&mut self, id: &str, reason: &str, history: &History) {
        let Some(back) = history.unbroken_since() else {
            return;
        };
        let never_left = history
            .versions
            .first()
            .is_some_and(|first| first.since == back);
        if never_left {
            self.unexplained(id, &format!("it says {reason}, but the API never lost it"));
        } else if self.overdue(back, self.bounds.fresh) {
            self.unexplained(
                id,
                &format!("it says {reason}, but it is back since {back}"),
            );
        } else {
            self.found.explained += 1;
        }
    }

    /// The mirror is marked as unconfirmed: that is true, but it must not last.
    fn marked(&mut self, id: &str, reason: &str, history: &History) {
        let begun = history.versions.first().map(|first| first.since);
        let lost = history.versions.last().and_then(|last| last.until);
        let since = lost.or(begun).unwrap_or(self.look.asked);
        let calm = lost.map_or(self.bounds.fresh, |_| self.bounds.stale);
        if self.calm_for(since) > calm {
            self.unexplained(id, &format!("it says {reason} though all is well"));
        } else {
            self.found.explained += 1;
        }
    }

    fn missing(&mut self, mirrored: &BTreeSet<&str>) {
        let spec = &self.look.watch["spec"];
        let silent = !self.ready || self.expired && self.look.calm_since.is_none();
        if silent || spec["suspend"] == true {
            return;
        }
        let mut left_out = left_out_count(self.note());
        for (id, history) in self.look.histories {
            let (Some(present), Some(served)) = (history.present(), history.served) else {
                continue;
            };
            let since = history
                .unbroken_since()
                .map_or(served, |begun| begun.max(served));
            if mirrored.contains(&**id) || !self.should_have_mirror(present) {
                continue;
            }
            let calm = if present.shown.is_final() {
                self.bounds.full
            } else {
                self.bounds.fresh
            };
            if !self.overdue(since, calm) {
                self.found.explained += 1;
            } else if left_out > 0 {
                left_out -= 1;
                self.found.explained += 1;
            } else {
                let state = &present.shown.state;
                self.unexplained(id, &format!("no mirror; the API shows it since {since}, it is {state}, and the watch is ready at {}", self.look.asked));
            }
        }
    }

    /// Whether the `ClusterWatch` should have a mirror of it.
    fn should_have_mirror(&self, present: &Version) -> bool {
        let spec = &self.look.watch["spec"];
        let states = spec["states"].as_array();
        let state =
            states.is_none_or(|states| states.iter().any(|state| *state == *present.shown.state));
        let instance = spec["instanceId"].as_str().unwrap_or("-");
        let expires = self.bounds.kept.and_then(|kept| {
            ended_at(present)?
                .saturating_add(kept)
                .ok()?
                .saturating_sub(self.bounds.fresh)
                .ok()
        });
        state
            && (instance == "-" || instance == present.shown.instance_id)
            && expires.is_none_or(|expires| self.look.asked < expires)
    }

    /// The message of Ready.
    fn note(&self) -> &str {
        let message = condition(self.look.watch, "Ready", "message");
        message.as_str().unwrap_or_default()
    }

    fn watch(&mut self) {
        let sums = sums(self.look.mirrors);
        let shown = &self.look.watch["status"]["remediations"];
        let fits = |name: &str, sum: usize| shown[name].as_u64().unwrap_or(0) == sum as u64;
        let states = shown["byState"].as_object().map_or(0, serde_json::Map::len);
        self.found.sums_off = !(fits("total", sums.total)
            && fits("open", sums.open)
            && states == sums.by_state.len()
            && sums
                .by_state
                .iter()
                .all(|(state, sum)| shown["byState"][state].as_u64() == Some(*sum)));
        let off = self
            .look
            .sums_off_since
            .filter(|_| self.found.sums_off && self.ready);
        let silent = self.expired && self.look.calm_since.is_none();
        if off.is_some_and(|off| self.overdue(off, self.bounds.fresh)) && !silent {
            self.unexplained(
                "ClusterWatch",
                &format!("it counts {shown}, its mirrors make {sums:?}"),
            );
        }
        let Some(calm) = self.look.calm_since else {
            return;
        };
        if !self.ready && self.age(calm) > self.bounds.recovery {
            let note = self.note().to_owned();
            self.unexplained(
                "ClusterWatch",
                &format!("not Ready though all is well since {calm}: {note}"),
            );
        }
        if self.expired && self.age(calm) > self.bounds.heartbeat {
            self.unexplained(
                "ClusterWatch",
                "its staleAfter has passed though all is well",
            );
        }
    }
}

/// What the mirrors add up to.
#[derive(Debug, Default)]
struct Sums {
    total: usize,
    open: usize,
    by_state: BTreeMap<String, u64>,
}

fn sums(mirrors: &[Value]) -> Sums {
    let mut sums = Sums {
        total: mirrors.len(),
        ..Sums::default()
    };
    for mirror in mirrors {
        // One that is not filled yet may be open.
        sums.open += usize::from(mirror["status"]["open"] != false);
        let reason = condition(mirror, "Synced", "reason");
        let gone = reason == "NotFound" || reason == "NotListed";
        if let Some(state) = mirror["status"]["state"].as_str().filter(|_| !gone) {
            *sums.by_state.entry(state.to_owned()).or_default() += 1;
        }
    }
    sums
}

/// The latest version, true or not, that the mirror shows; of one marked gone, `open` is ignored.
fn latest<'a>(history: &'a History, mirror: &Value, gone: bool) -> Option<&'a Version> {
    let content = content(mirror);
    history
        .versions
        .iter()
        .chain(&history.lies)
        .filter(|version| shows(&content, &version.shown, gone))
        .max_by_key(|version| version.until.unwrap_or(Timestamp::MAX))
}

/// A time up to 1970 stands for none.
fn ended_at(version: &Version) -> Option<Timestamp> {
    let shown = &version.shown;
    let times = [&shown.end_time, &shown.update_time].into_iter().flatten();
    let mut times = times.filter_map(|time| time.parse().ok());
    let end = times.find(|time| *time > Timestamp::UNIX_EPOCH);
    end.filter(|_| shown.is_final())
}

/// How many the `ClusterWatch` reports as left out.
fn left_out_count(note: &str) -> usize {
    let number = note
        .split("Left out ")
        .nth(1)
        .and_then(|rest| rest.split(':').next());
    number
        .and_then(|number| number.parse().ok())
        .unwrap_or_default()
}
