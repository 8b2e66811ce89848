//! What must hold while the Secret is unusable, and after that.

use std::time::Duration;

use kube::ResourceExt;

use super::{cadence, ends::decided};
use crate::{
    api::{Reason, cluster_watch::ClusterWatch, conditions::of_type},
    clock::MonoTime,
    controller::status::late_secret::reported,
    simulation::{cluster::Op, world::State},
    sync::{credentials::AGAIN, schedule::HEARTBEAT},
};

/// Within this time, a fixed Secret is used.
const REPAIRED: Duration = Duration::from_secs(15);
/// Maximum time between checks for faults.
const LOOK: Duration = Duration::from_secs(20);
/// A status that could not be written is written at the next sync, or at the heartbeat if that comes first.
const NEXT_POLL: Duration = Duration::from_secs(60);
/// The grace period of a missing Secret.
const GRACE: Duration = Duration::from_secs(120);
/// Times are stored in whole seconds.
const SECOND: Duration = Duration::from_secs(1);
/// How long a slow API server may take for a read and a write.
const SLOW: Duration = Duration::from_secs(150);
/// A list that started with a key may start over in another query format, after pages that hang.
const UNDER_WAY: Duration = Duration::from_secs(600);

impl State {
    /// Whether there was no fault for so long that reads and writes take no time.
    fn is_calm(&self, now: MonoTime) -> bool {
        now.duration_since(self.judge.last.disturbed) > REPAIRED + LOOK
    }

    /// A fixed Secret is used soon, whatever the interval.
    pub(super) fn judge_repaired(&mut self, watch: &ClusterWatch, now: MonoTime) {
        // A status that was reverted by a restore of etcd is noticed at the heartbeat.
        let restored = self.judge.newer.restored.map(|at| at + HEARTBEAT);
        let since = self.judge.newer.key_is_there;
        let since = since.map(|since| since.max(restored.unwrap_or_default()));
        let repaired = since.is_some_and(|since| now.duration_since(since) > REPAIRED);
        // The next sync waits for requests that hang.
        let hung = self.answered.hung.last();
        let next = if hung.is_some_and(|at| now.duration_since(*at) <= HEARTBEAT) {
            HEARTBEAT
        } else {
            cadence(watch).interval.clamp(NEXT_POLL, HEARTBEAT)
        };
        let reason = watch.status.as_ref().and_then(reported);
        if let Some(reason) = reason
            && repaired
            && !watch.spec.suspend
            && self.is_calm(now.saturating_sub(next))
        {
            let name = watch.name_any();
            self.violated(|| {
                format!("{name} reports {reason}, and the Secret holds a key since {since:?}")
            });
        }
    }

    /// A report on the `ClusterWatch` took effect.
    pub(super) fn judge_grace(&mut self, watch: &ClusterWatch, op: &Op, now: MonoTime) {
        let calm = self.is_calm(now);
        let uid = watch.uid().unwrap_or_default();
        let status = watch.status.as_ref();
        let newer = &mut self.judge.newer;
        if status.and_then(reported).is_none() {
            // Another reason, while the Secret is missing, would make the operator lose the start of the grace period.
            let progresses = status.is_some_and(|status| {
                let ready = of_type(&status.conditions, "Ready");
                ready.is_some_and(|ready| ready.status == "Unknown")
            });
            if newer.key_is_there.is_some() || !progresses {
                newer.missed.remove(&uid);
            }
            return;
        }
        // If reads and writes are slow, the report may take effect long after it was decided. A write that waits for a
        // Retry-After is sent again with the time of the decision.
        let at = calm.then(|| {
            let conditions = status.map_or(&[][..], |status| &status.conditions);
            decided(conditions, "Ready", (op.sent, SLOW)).unwrap_or(op.sent)
        });
        let (first, since) = newer.missed.entry(uid).or_insert((at, now));
        // The Secret existed in between, which the operator may or may not have seen.
        if newer.key_is_gone.is_some_and(|gone| *since < gone) {
            *since = now;
        }
        let (first, since) = (*first, *since);
        let newer = &self.judge.newer;
        if newer.clocks_differ || newer.restored.is_some() {
            return;
        }
        let reason = status.and_then(reported).map(Reason::as_str);
        let is = |type_: &str| {
            let conditions = status.map_or(&[][..], |status| &status.conditions);
            let mut all = conditions.iter();
            // A suspended `ClusterWatch` keeps its Ready, and updates owner references.
            all.any(|condition| {
                condition.type_ == type_
                    && condition.status == "True"
                    && Some(&*condition.reason) == reason
            })
        };
        let sent = op.sent;
        let most = GRACE + if calm { SECOND * 2 } else { SLOW };
        let waited = sent.duration_since(since);
        let (name, waits) = (watch.name_any(), is("Reconciling") && !is("Stalled"));
        if waits && waited > most {
            self.violated(|| {
                format!(
                    "{name} waits for its Secret once more, {waited:?} after it was first missed"
                )
            });
        }
        let waited = first.map(|first| now.duration_since(first));
        if let Some(waited) = waited
            && is("Stalled")
            && waited + SECOND * 2 < GRACE
            && calm
        {
            self.violated(|| format!("{name} gives its Secret up {waited:?} after it was missed"));
        }
    }

    /// A list starts.
    pub(super) fn judge_keyless_listing(&mut self, now: MonoTime) {
        let gone = self.judge.newer.key_is_gone;
        if gone.is_some_and(|gone| now.duration_since(gone) > UNDER_WAY) {
            self.violated(|| format!("a listing begins, and there is no key since {gone:?}"));
        }
    }

    /// The process reads the Secret: once in ten seconds while it is unusable, however many `ClusterWatches` reference
    /// it, and once for each that is new, edited or asked to sync. After a slow list a requested sync waits, so that its
    /// read can come at any time.
    pub(in crate::simulation) fn judge_secret_read(&mut self, slot: usize, now: MonoTime) {
        let newer = &mut self.judge.newer;
        newer.secret_reads.retain(|(_, at)| now < *at + AGAIN);
        newer.secret_reads.push((slot, now));
        let own = newer.secret_reads.iter().filter(|(of, _)| *of == slot);
        let starts = self
            .judge
            .rate
            .starts
            .iter()
            .filter(|at| now < **at + GRACE);
        let (reads, starts) = (own.count(), starts.count());
        let gone = self.judge.newer.key_is_gone;
        let long = gone.is_some_and(|gone| now.duration_since(gone) > REPAIRED);
        if long && reads > 1 + starts && self.is_calm(now) && !self.rests(now) {
            self.violated(|| format!("process {slot} reads a Secret {reads} times in ten seconds"));
        }
    }
}
