//! The writes of one sync: submitted as pages arrive, carried out side by side, counted at the end.

use std::pin::pin;

use k8s_openapi::jiff::Timestamp;
use tokio::task::JoinSet;

use crate::{
    events::{EventDraft, Events},
    k8s::api::{KubeApi, KubeApiError},
    store::Index,
    sync::{
        decide::plan::MirrorTarget,
        events::events_for,
        metrics::meter::Writing,
        observer::Observer,
        write::{
            failed::FailedWrites,
            object::{Done, MirrorChange, Write, Writer},
            permits::WritePermits,
        },
    },
};

/// Writes under way at a time when a new mirror comes, which is two calls one after the other: what keeps a server busy.
const CREATES: usize = 32;
/// The same when a change comes: so few that it is not among many others, but waits until they are done.
const CHANGES: usize = 8;
/// Failed creates after which a poll creates no more, and failed changes after which it changes no more: what the cluster
/// refuses to create must not keep it from what is there. The next poll plans them again.
const FAILURES: usize = 20;
/// What the writes of a poll came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WriteSummary {
    /// Mirrors created.
    pub created: usize,
    /// Mirrors changed.
    pub updated: usize,
    /// Mirrors deleted by retention.
    pub pruned: usize,
    /// Writes that met a newer version; the next poll plans them again.
    pub conflicts: usize,
    /// Writes that failed or were not tried after too many failed.
    pub failed: usize,
    /// The first failure.
    pub error: Option<KubeApiError>,
}

impl WriteSummary {
    fn failed(&mut self, error: KubeApiError) {
        self.failed += 1;
        self.error.get_or_insert(error);
    }

    fn count(&mut self, done: Done) -> &mut usize {
        match done {
            Done::Created => &mut self.created,
            Done::Updated => &mut self.updated,
            Done::Pruned => &mut self.pruned,
            Done::Conflict => &mut self.conflicts,
        }
    }
}

/// How one write ended.
struct Ended {
    name: Box<str>,
    /// Its place in [`WriteQueue::failures`].
    kind: usize,
    outcome: Result<Done, KubeApiError>,
    writing: Writing,
    /// The Events to publish once it is done.
    drafts: Vec<EventDraft>,
}

/// The writes of one sync.
pub struct WriteQueue<'a, C> {
    target: &'a MirrorTarget,
    writer: Writer<C>,
    now: Timestamp,
    running: JoinSet<Ended>,
    /// Failed creates, and failed changes.
    failures: [usize; 2],
    /// What could not be written, by earlier syncs too.
    failed_writes: &'a mut FailedWrites,
    summary: WriteSummary,
    /// What sees each write.
    pub observer: Observer,
    /// Where Events of what is written are published.
    pub events: Events,
    /// Where writes wait, with those of other `ClusterWatches`.
    pub permits: WritePermits,
}

impl<'a, C: KubeApi> WriteQueue<'a, C> {
    /// A queue that begins at `now`.
    #[must_use]
    pub fn new(
        target: &'a MirrorTarget,
        failed_writes: &'a mut FailedWrites,
        cluster: C,
        index: Index,
        now: Timestamp,
    ) -> Self {
        let writer = Writer {
            cluster,
            index,
            namespace: target.namespace.clone(),
            labels: target.labels.clone(),
            owners: target.owners.clone(),
        };
        Self {
            target,
            writer,
            now,
            running: JoinSet::new(),
            failures: [0; 2],
            failed_writes,
            summary: WriteSummary::default(),
            observer: Observer::default(),
            events: Events::default(),
            permits: WritePermits::default(),
        }
    }

    /// Starts these writes, one after the other; waits only while too many are under way.
    pub async fn submit(&mut self, writes: Vec<Write>) {
        for write in writes {
            self.write(write).await;
        }
    }

    /// Starts one write, as soon as there is room: what waits holds nothing but what it would write.
    pub async fn write(&mut self, write: Write) {
        let is_new = matches!(write.change, MirrorChange::Create(..));
        while self.running.len() >= if is_new { CREATES } else { CHANGES } {
            self.reap().await;
        }
        let kind = usize::from(!is_new);
        if self.failures[kind] >= FAILURES {
            self.failed_writes.give_up();
            self.summary.failed += 1;
            return;
        }
        if let Some(error) = self.failed_writes.skips(&write.name) {
            self.summary.failed(error);
            return;
        }
        let mut permits = pin!(self.permits.clone().enter());
        let place = loop {
            tokio::select! {
                biased;
                place = &mut permits => break place,
                () = self.reap(), if !self.running.is_empty() => {}
            }
        };
        let (writer, now) = (self.writer.clone(), self.now);
        let writing = Writing::of(&write.change, self.observer.event_cutoff);
        let drafts = events_for(&write.change, self.observer.event_cutoff);
        let sending = self.permits.sent.begin(self.target, &write.change);
        self.running.spawn(async move {
            let name = write.name.clone();
            let outcome = writer.write(write, now).await;
            sending.ended(&outcome);
            drop(place);
            Ended {
                name,
                kind,
                outcome,
                writing,
                drafts,
            }
        });
    }

    /// The names whose write failed in this sync or was passed over: their mirrors may show what is no longer so.
    pub fn unwritten(&self) -> impl Iterator<Item = &str> {
        self.failed_writes.unwritten()
    }

    async fn reap(&mut self) {
        let ended = self.running.join_next().await;
        self.observer.heartbeat.touch();
        let Ended {
            name,
            kind,
            outcome,
            writing,
            drafts,
        } = match ended {
            None => return,
            Some(Ok(ended)) => ended,
            // The error may hold what the write was about: the log has its place.
            Some(Err(_)) => {
                self.observer.meter.write_panicked();
                self.failed_writes.give_up();
                let error = "a write panicked: see the log".to_owned();
                self.summary.failed(KubeApiError::Unavailable(error));
                return;
            }
        };
        self.observer.meter.wrote(&writing, &outcome);
        match outcome {
            Ok(done) => {
                *self.summary.count(done) += 1;
                if matches!(done, Done::Created | Done::Updated) {
                    self.publish(&name, drafts);
                }
                if done == Done::Conflict {
                    self.failed_writes.failed(name, KubeApiError::Conflict);
                } else {
                    self.failed_writes.done(&name);
                }
            }
            Err(error) => {
                self.failures[kind] += 1;
                self.summary.failed(error.clone());
                self.failed_writes.failed(name, error);
            }
        }
    }

    fn publish(&self, name: &str, drafts: Vec<EventDraft>) {
        if drafts.is_empty() {
            return;
        }
        let (namespace, index) = (&self.target.namespace, &self.writer.index);
        if let Some(mirror) = index.mirror(namespace, &self.target.cluster, name) {
            self.events
                .of_mirror((namespace, name, &mirror.uid), drafts);
        }
    }

    /// Waits for the writes under way.
    pub async fn drain(&mut self) {
        while !self.running.is_empty() {
            self.reap().await;
        }
    }

    /// Waits for the writes under way. What all of them came to; those that failed are remembered. `full`: the sync listed all
    /// that is mirrored.
    pub async fn finish(mut self, full: bool) -> WriteSummary {
        self.drain().await;
        self.failed_writes.end(full);
        self.summary
    }
}

#[cfg(test)]
mod tests;
