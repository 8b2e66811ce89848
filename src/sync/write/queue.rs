//! The writes of one sync: submitted as pages arrive, carried out concurrently, counted at the end.

use std::pin::pin;

use k8s_openapi::jiff::Timestamp;
use tokio::task::JoinSet;
use tracing::Instrument;

use crate::{
    events::{EventDraft, Events},
    k8s::{api::KubeApi, error::KubeApiError},
    store::Index,
    sync::{
        change::{Done, MirrorChange, Write},
        events::events_for,
        metrics::meter::Writing,
        observer::Observer,
        target::MirrorTarget,
        write::{failed::FailedWrites, object::Writer, permits::WritePermits},
    },
};

/// Maximum number of writes in flight at which a creation starts. A creation is two requests in sequence, and this many
/// keep an API server busy.
const CREATES: usize = 32;
/// The same for an update, which starts only when fewer than this many writes are in flight: what a person waits for,
/// such as a new FAILED, must not share the API server with thirty others.
const CHANGES: usize = 8;
/// After this many failed creations a sync creates no more, and after as many failed updates it updates no more: a
/// quota on creations must not block updates. The next sync plans them again. So a full quota costs twenty requests a
/// sync, not ten thousand.
const FAILURES: usize = 20;

/// The results of the writes of a sync.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct WriteSummary {
    /// Mirrors created.
    pub created: usize,
    /// Mirrors changed.
    pub updated: usize,
    /// Mirrors deleted by retention.
    pub pruned: usize,
    /// Writes that met a newer version. The next sync plans them again.
    pub conflicts: usize,
    /// Writes that failed, or were not tried after too many failures.
    pub failed: usize,
    /// The first failure.
    pub error: Option<KubeApiError>,
    /// The mirror of the first write that was not tried, because too many failed.
    pub untried: Option<Box<str>>,
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
    /// Its index in [`WriteQueue::failures`].
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
    /// Failed creations, and failed updates.
    failures: [usize; 2],
    /// Failed writes, including those of earlier syncs.
    failed_writes: &'a mut FailedWrites,
    summary: WriteSummary,
    /// Informed of each write.
    pub observer: Observer,
    /// The queue of Events for the writes.
    pub events: Events,
    /// The permits, shared with other `ClusterWatches`.
    pub permits: WritePermits,
}

/// What the writes of a sync go through.
pub struct Ports<C> {
    /// The API server.
    pub kube: C,
    /// The mirrors that are known.
    pub index: Index,
    /// See [`WriteQueue::observer`].
    pub observer: Observer,
    /// See [`WriteQueue::events`].
    pub events: Events,
    /// See [`WriteQueue::permits`].
    pub permits: WritePermits,
}

impl<'a, C: KubeApi> WriteQueue<'a, C> {
    /// A queue that starts at `now`. Failed writes are added to `failed_writes`.
    #[must_use]
    pub fn new(
        target: &'a MirrorTarget,
        failed_writes: &'a mut FailedWrites,
        ports: Ports<C>,
        now: Timestamp,
    ) -> Self {
        let writer = Writer {
            kube: ports.kube,
            index: ports.index,
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
            observer: ports.observer,
            events: ports.events,
            permits: ports.permits,
        }
    }

    /// Dates what follows by `time`, if the clock of the node is behind it.
    pub fn date_from(&mut self, time: Option<Timestamp>) {
        self.now = time.map_or(self.now, |time| self.now.max(time));
    }

    /// Starts these writes in order. Waits only while too many are in flight.
    pub async fn submit(&mut self, writes: Vec<Write>) {
        for write in writes {
            self.write(write).await;
        }
    }

    /// Starts one write once there is a permit. While it waits, it holds only what it will write.
    pub async fn write(&mut self, write: Write) {
        let is_new = matches!(write.change, MirrorChange::Create(..));
        while self.running.len() >= if is_new { CREATES } else { CHANGES } {
            self.reap().await;
        }
        let kind = usize::from(!is_new);
        if self.failures[kind] >= FAILURES {
            self.failed_writes.give_up();
            self.summary.failed += 1;
            self.summary.untried.get_or_insert(write.name);
            return;
        }
        if let Some(error) = self.failed_writes.skips(&write.name) {
            self.summary.failed(error);
            return;
        }
        let mut permits = pin!(self.permits.clone().acquire());
        let place = loop {
            tokio::select! {
                biased;
                place = &mut permits => break place,
                () = self.reap(), if !self.running.is_empty() => {}
            }
        };
        let (writer, now) = (self.writer.clone(), self.now);
        let event_cutoff = self.observer.event_cutoff.since();
        let writing = Writing::of(&write.change, event_cutoff);
        let drafts = events_for(&write.change, event_cutoff);
        let sending = self.permits.sent.begin(self.target, &write.change);
        let work = async move {
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
        };
        self.running.spawn(work.in_current_span());
    }

    /// The names whose write failed or was skipped in this sync: their mirrors may be outdated.
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
            // The panic message may contain what was written. The log contains only its location.
            Some(Err(_)) => {
                self.observer.meter.write_panicked();
                self.failed_writes.give_up();
                let error = "the operator panicked during a write. Check its log".to_owned();
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
                .of_mirror((namespace, name, &mirror.object.uid), drafts);
        }
    }

    /// Waits for the writes in flight.
    pub async fn drain(&mut self) {
        while !self.running.is_empty() {
            self.reap().await;
        }
    }

    /// Waits for the writes in flight. Returns their results and remembers those that failed. `full` means that the
    /// sync listed everything.
    pub async fn finish(mut self, full: bool) -> WriteSummary {
        self.drain().await;
        self.failed_writes.end(full);
        self.summary
    }
}

#[cfg(test)]
mod tests;
