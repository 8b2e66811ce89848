//! The writes of one sync: planned as pages arrive, carried out concurrently, counted at the end.

use std::{collections::BTreeSet, pin::pin, sync::Arc};

use k8s_openapi::jiff::Timestamp;
use tokio::task::JoinSet;

use crate::{
    api::timestamp,
    events::{EventDraft, Events},
    health::liveness::Heartbeat,
    k8s::api::{KubeApi, KubeApiError},
    mirror::{digest, end::Clocks, name::object_name, status::Synced, truncate::cut_short},
    store::{Index, Mirror},
    sync::{
        decide::{
            plan::{MirrorTarget, Verdict, plan, urgency},
            regression::Regressions,
            retention::{self, Candidates},
        },
        events::events_for,
        metrics::meter::{WatchMeter, Writing},
        write::{
            failed::Backlog,
            object::{Done, MirrorChange, Write, Writer},
            permits::WritePermits,
            skipped::LeftOut,
            spelling::Spelling,
        },
    },
    together::{Malformed, Remediation, Text},
};

/// Maximum number of writes in flight at which a creation starts. A creation is two requests in sequence, and this many
/// keep an API server busy.
const CREATES: usize = 32;
/// The same for an update, which starts only when fewer than this many writes are in flight.
const CHANGES: usize = 8;
/// After this many failed creations a sync creates no more, and after as many failed updates it updates no more: a
/// quota on creations must not block updates. The next sync plans them again.
const FAILURES: usize = 20;
/// Maximum number of characters of an id in messages.
const ID_SHOWN: usize = 64;

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
    said: Vec<EventDraft>,
}

/// The writes of one sync.
pub struct WriteQueue<'a, C> {
    /// The target of the sync.
    pub target: &'a MirrorTarget,
    /// A digest of the target.
    digest: u64,
    regressions: &'a Regressions,
    writer: Writer<C>,
    now: Timestamp,
    /// The current time, to compare ends with.
    pub clocks: Clocks,
    running: JoinSet<Ended>,
    /// Failed creations, and failed updates.
    failures: [usize; 2],
    /// Failed writes, including those of earlier syncs.
    pub backlog: Backlog,
    summary: WriteSummary,
    candidates: Candidates,
    /// Stale mirrors that the list confirms, by name.
    confirmed: Vec<(Box<str>, Arc<Mirror>)>,
    /// Listed versions older than their mirror, by name.
    pub older: Vec<(Box<str>, Timestamp)>,
    /// What was left out.
    pub left_out: LeftOut,
    /// Ids that were skipped although they have a mirror, which is therefore not confirmed.
    pub unconfirmed: BTreeSet<Box<str>>,
    /// Whether the listed items belong to the target at all.
    pub spelling: Spelling,
    /// Instance and id of a listed item.
    pub sample: Option<(Option<Text>, Text)>,
    /// Informed of every finished write and every answered request.
    pub heartbeat: Heartbeat,
    /// Counts the writes.
    pub meter: Arc<WatchMeter>,
    /// The queue of Events for the writes.
    pub events: Events,
    /// The permits, shared with other `ClusterWatches`.
    pub permits: WritePermits,
    /// Remediations that the API created after this time (by its clock) are news; `None`: all are history.
    pub news: Option<Timestamp>,
}

impl<'a, C: KubeApi> WriteQueue<'a, C> {
    /// A queue for the sync that started at `now`.
    #[must_use]
    pub fn new(
        target: &'a MirrorTarget,
        regressions: &'a Regressions,
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
            digest: target.digest(),
            regressions,
            writer,
            now,
            clocks: Clocks {
                ours: now,
                apis: Some(now),
            },
            running: JoinSet::new(),
            failures: [0; 2],
            backlog: Backlog::default(),
            summary: WriteSummary::default(),
            candidates: Candidates::default(),
            confirmed: Vec::new(),
            older: Vec::new(),
            left_out: LeftOut::default(),
            unconfirmed: BTreeSet::new(),
            spelling: Spelling::default(),
            sample: None,
            heartbeat: Heartbeat::default(),
            meter: Arc::default(),
            events: Events::default(),
            permits: WritePermits::default(),
            news: None,
        }
    }

    /// Plans a page and starts its writes, the urgent ones first. Waits only while too many are in flight.
    pub async fn take(&mut self, page: Vec<Result<Remediation, Malformed>>) {
        let mut writes: Vec<Write> = Vec::new();
        for item in page {
            match item {
                Ok(item) => {
                    if self.sample.is_none() {
                        self.sample = Some((item.instance_id.clone(), item.id.clone()));
                    }
                    writes.extend(self.plan(item));
                }
                Err(malformed) => self.left_out.items.push(|| malformed.to_string()),
            }
        }
        writes.sort_by_key(urgency);
        for write in writes {
            self.write(write).await;
        }
    }

    fn plan(&mut self, item: Remediation) -> Option<Write> {
        let id = item.id.clone();
        self.spelling.note(self.target, &item);
        if !item.unreadable.is_empty() {
            // It is reported at each sync, even if nothing changed.
            let fields = item.unreadable.join(", ");
            let id: String = id.chars().take(ID_SHOWN).collect();
            self.left_out.fields.push(|| format!("{id} ({fields})"));
        }
        let name = object_name(&self.target.cluster, &id);
        let (index, namespace) = (&self.writer.index, &self.target.namespace);
        let mirror = index
            .mirror(namespace, &self.target.cluster, &name)
            .or_else(|| index.get(namespace, &name));
        let inputs = inputs(self.digest, &item);
        if mirror
            .as_ref()
            .is_some_and(|mirror| mirror.confirms(inputs))
        {
            return None;
        }
        let trust_older = self
            .regressions
            .trusted(&name, timestamp::read(item.update_time.as_deref()));
        let cut = cut_short(&item, &self.target.omit);
        let is_mirrored = mirror.as_ref().is_some_and(|mirror| *mirror.id == *id);
        let verdict = plan(
            self.target,
            &name,
            item,
            mirror.as_ref(),
            trust_older,
            self.clocks,
        );
        if is_mirrored && matches!(verdict, Verdict::Skipped(_)) {
            self.unconfirmed.insert(Box::from(&*id));
        }
        let id: String = id.chars().take(ID_SHOWN).collect();
        let mirrored = matches!(
            verdict,
            Verdict::Write(_) | Verdict::Unchanged | Verdict::Confirmed(_)
        );
        if let Some(field) = cut.filter(|_| mirrored) {
            self.left_out.ends.push(|| format!("{id} ({field})"));
        } else if let (Verdict::Unchanged, Some(mirror)) = (&verdict, mirror) {
            // A truncated item is planned at each sync, because it is reported at each sync.
            index.confirm(namespace, &name, mirror, inputs);
        }
        match verdict {
            Verdict::Write(write) => return Some(write),
            Verdict::Later(finished) => self.candidates.push(finished, &self.target.retention),
            Verdict::Confirmed(mirror) => self.confirmed.push(((&*name).into(), mirror)),
            Verdict::Older(version) => self.older.push(((&*name).into(), version)),
            Verdict::Skipped(why) => {
                self.left_out.items.push(|| format!("{id} ({why})"));
            }
            Verdict::Unchanged | Verdict::Unwanted => {}
        }
        None
    }

    /// Starts one write once there is a permit. While it waits, it holds only what it will write.
    pub async fn write(&mut self, write: Write) {
        let is_new = matches!(write.change, MirrorChange::Create(..));
        while self.running.len() >= if is_new { CREATES } else { CHANGES } {
            self.reap().await;
        }
        let kind = usize::from(!is_new);
        if self.failures[kind] >= FAILURES {
            self.backlog.give_up();
            self.summary.failed += 1;
            return;
        }
        if let Some(error) = self.backlog.skips(&write.name) {
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
        let writing = Writing::of(&write.change, self.news);
        let said = events_for(&write.change, self.news);
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
                said,
            }
        });
    }

    /// Removes the marks of stale mirrors that were confirmed, after a complete list.
    pub async fn confirm(&mut self) {
        for (name, mirror) in std::mem::take(&mut self.confirmed) {
            let change = MirrorChange::Mark(mirror, Synced::Listed);
            self.write(Write { name, change }).await;
        }
    }

    /// Starts the changes of retention after a complete list; `mirrors` are all of the `ClusterWatch`.
    pub async fn settle(&mut self, mirrors: &[(Box<str>, Arc<Mirror>)]) {
        let candidates = std::mem::take(&mut self.candidates);
        let (policy, clocks) = (&self.target.retention, self.clocks);
        let unwritten = self.backlog.unwritten();
        let (namespace, cluster) = (&self.target.namespace, &self.target.cluster);
        let unwritten =
            unwritten.filter_map(|name| self.writer.index.mirror(namespace, cluster, name));
        let unsure = unwritten.map(|mirror| mirror.instance.clone()).collect();
        for write in retention::settle(policy, mirrors, candidates, clocks, &unsure) {
            self.write(write).await;
        }
    }

    async fn reap(&mut self) {
        let ended = self.running.join_next().await;
        self.heartbeat.touch();
        let Ended {
            name,
            kind,
            outcome,
            writing,
            said,
        } = match ended {
            None => return,
            Some(Ok(ended)) => ended,
            // The panic message may contain what was written. The log contains only its location.
            Some(Err(_)) => {
                self.meter.write_panicked();
                self.backlog.give_up();
                let error = "the operator panicked during a write. Check its log".to_owned();
                self.summary.failed(KubeApiError::Unavailable(error));
                return;
            }
        };
        self.meter.wrote(&writing, &outcome);
        match outcome {
            Ok(done) => {
                *self.summary.count(done) += 1;
                if matches!(done, Done::Created | Done::Updated) {
                    self.say(&name, said);
                }
                if done == Done::Conflict {
                    self.backlog.failed(name, KubeApiError::Conflict);
                } else {
                    self.backlog.done(&name);
                }
            }
            Err(error) => {
                self.failures[kind] += 1;
                self.summary.failed(error.clone());
                self.backlog.failed(name, error);
            }
        }
    }

    fn say(&self, name: &str, said: Vec<EventDraft>) {
        if said.is_empty() {
            return;
        }
        let (namespace, index) = (&self.target.namespace, &self.writer.index);
        if let Some(mirror) = index.mirror(namespace, &self.target.cluster, name) {
            self.events.of_mirror((namespace, name, &mirror.uid), said);
        }
    }

    /// Waits for the writes in flight.
    pub async fn drain(&mut self) {
        while !self.running.is_empty() {
            self.reap().await;
        }
    }

    /// The results of all writes.
    pub async fn finish(mut self) -> (WriteSummary, LeftOut) {
        self.drain().await;
        (self.summary, self.left_out)
    }
}

/// A digest of everything that decides what happens to a mirrored `item`, besides the mirror's index entry; `wanted` is
/// the digest of the target.
fn inputs(wanted: u64, item: &Remediation) -> u64 {
    digest::of(&(wanted, item))
}

#[cfg(test)]
mod tests;
