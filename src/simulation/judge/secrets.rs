//! What must hold where the Secret cannot be used, or could not be.

use std::time::Duration;

use kube::ResourceExt;

use crate::{
    api::{Reason, cluster_watch::ClusterWatch},
    controller::status::late_secret::told,
    simulation::{cluster::Op, world::State},
    sync::{credentials::AGAIN, schedule::HEARTBEAT},
};

/// In this time a Secret that was repaired is used.
const REPAIRED: Duration = Duration::from_secs(15);
/// No longer than this apart it is looked what is out of order.
const LOOK: Duration = Duration::from_secs(20);
/// A status that could not be written is written with the next poll.
const NEXT_POLL: Duration = Duration::from_secs(60);
/// How long a missing Secret may be on its way.
const GRACE: Duration = Duration::from_secs(120);
/// Times are told in whole seconds.
const SECOND: Duration = Duration::from_secs(1);
/// What a slow API server may take over a read and a write.
const SLOW: Duration = Duration::from_secs(150);
/// A listing that began with a key may begin anew in other words, after pages that hang.
const UNDER_WAY: Duration = Duration::from_secs(600);

impl State {
    /// Whether nothing was out of order for so long that reads and writes take no time.
    fn is_calm(&self, now: Duration) -> bool {
        now.saturating_sub(self.judge.disturbed) > REPAIRED + LOOK
    }

    /// A Secret that was repaired is used before long, whatever the interval.
    pub(super) fn judge_repaired(&mut self, watch: &ClusterWatch, now: Duration) {
        // A status that a restore of etcd put back is found out with the heartbeat.
        let restored = self.judge.newer.restored.map(|at| at + HEARTBEAT);
        let since = self.judge.newer.key_is_there;
        let since = since.map(|since| since.max(restored.unwrap_or_default()));
        let repaired = since.is_some_and(|since| now.saturating_sub(since) > REPAIRED);
        let says = watch.status.as_ref().and_then(told);
        if let Some(reason) = says
            && repaired
            && !watch.spec.suspend
            && self.is_calm(now.saturating_sub(NEXT_POLL))
        {
            let name = watch.name_any();
            self.violated(|| {
                format!("{name} says {reason}, and the Secret holds a key since {since:?}")
            });
        }
    }

    /// A report on the `ClusterWatch` landed.
    pub(super) fn judge_grace(&mut self, watch: &ClusterWatch, op: &Op, now: Duration) {
        let calm = self.is_calm(now);
        let uid = watch.uid().unwrap_or_default();
        let status = watch.status.as_ref();
        let newer = &mut self.judge.newer;
        if status.and_then(told).is_none() {
            // A word that is not about the Secret, while it is gone, must not make the operator forget since when.
            let progresses = status.is_some_and(|status| {
                let mut all = status.conditions.iter();
                all.any(|told| told.type_ == "Ready" && told.status == "Unknown")
            });
            if newer.key_is_there.is_some() || !progresses {
                newer.missed.remove(&uid);
            }
            return;
        }
        // Where reads and writes take their time, the report may land long after it was decided on.
        let at = calm.then_some(op.sent);
        let (first, since) = newer.missed.entry(uid).or_insert((at, now));
        // It was there in between, which the operator may have seen or not.
        if newer.key_is_gone.is_some_and(|gone| *since < gone) {
            *since = now;
        }
        let (first, since) = (*first, *since);
        let newer = &self.judge.newer;
        if newer.clocks_differ || newer.restored.is_some() {
            return;
        }
        let reason = status.and_then(told).map(Reason::as_str);
        let is = |type_: &str| {
            let conditions = status.map_or(&[][..], |status| &status.conditions);
            let mut all = conditions.iter();
            // One that is suspended keeps its Ready, and reconciles owners.
            all.any(|told| {
                told.type_ == type_ && told.status == "True" && Some(&*told.reason) == reason
            })
        };
        let sent = op.sent;
        let most = GRACE + if calm { SECOND * 2 } else { SLOW };
        let waited = sent.saturating_sub(since);
        let (name, waits) = (watch.name_any(), is("Reconciling") && !is("Stalled"));
        if waits && waited > most {
            self.violated(|| {
                format!(
                    "{name} waits for its Secret once more, {waited:?} after it was first missed"
                )
            });
        }
        let waited = first.map(|first| now.saturating_sub(first));
        if let Some(waited) = waited
            && is("Stalled")
            && waited + SECOND * 2 < GRACE
            && calm
        {
            self.violated(|| format!("{name} gives its Secret up {waited:?} after it was missed"));
        }
    }

    /// A listing begins.
    pub(super) fn judge_keyless_listing(&mut self, now: Duration) {
        let gone = self.judge.newer.key_is_gone;
        if gone.is_some_and(|gone| now.saturating_sub(gone) > UNDER_WAY) {
            self.violated(|| format!("a listing begins, and there is no key since {gone:?}"));
        }
    }

    /// The process reads the Secret: once in ten seconds where it cannot be used, however many name it; and once for each
    /// that is new, edited or asked to sync.
    pub(in crate::simulation) fn judge_secret_read(&mut self, slot: usize, now: Duration) {
        let newer = &mut self.judge.newer;
        newer.secret_reads.retain(|(_, at)| now < *at + AGAIN);
        newer.secret_reads.push((slot, now));
        let own = newer.secret_reads.iter().filter(|(of, _)| *of == slot);
        let starts = self.judge.starts.iter().filter(|at| now < **at + GRACE);
        let (reads, starts) = (own.count(), starts.count());
        let gone = self.judge.newer.key_is_gone;
        let long = gone.is_some_and(|gone| now.saturating_sub(gone) > REPAIRED);
        if long && reads > 1 + starts && self.is_calm(now) {
            self.violated(|| format!("process {slot} reads a Secret {reads} times in ten seconds"));
        }
    }
}
