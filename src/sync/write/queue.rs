//! The writes of one poll: planned as pages arrive, carried out side by side, counted at the end.

use std::{collections::BTreeSet, pin::pin, sync::Arc};

use k8s_openapi::jiff::Timestamp;
use tokio::task::JoinSet;

use crate::{
    api::timestamp,
    events::{Events, Said},
    health::liveness::Pulse,
    k8s::api::{Cluster, ClusterError},
    mirror::{digest, end::Clocks, name::object_name, status::Synced, truncate::cut_short},
    store::{Index, Mirror},
    sync::{
        decide::{
            plan::{Scope, Verdict, plan, urgency},
            regression::Regressions,
            retention::{self, Candidates},
        },
        events::of_deed,
        metrics::meter::{WatchMeter, Writing},
        write::{
            failed::Backlog,
            object::{Deed, Done, Write, Writer},
            permits::Room,
            skipped::LeftOut,
            spelling::Spelling,
        },
    },
    together::{Malformed, Remediation, Text},
};

/// Writes under way at a time when a new mirror comes, which is two calls one after the other: what keeps a server busy.
const CREATES: usize = 32;
/// The same when a change comes: so few that it is not among many others, but waits until they are done.
const CHANGES: usize = 8;
/// Failed creates after which a poll creates no more, and failed changes after which it changes no more: what the cluster
/// refuses to create must not keep it from what is there. The next poll plans them again.
const FAILURES: usize = 20;
/// Characters of an id that are told.
const ID_SHOWN: usize = 64;

/// What the writes of a poll came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Tally {
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
    pub error: Option<ClusterError>,
}

impl Tally {
    fn failed(&mut self, error: ClusterError) {
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
    /// Its place in [`Round::failures`].
    kind: usize,
    outcome: Result<Done, ClusterError>,
    writing: Writing,
    /// What there is to say once it is done.
    said: Vec<Said>,
}

/// One poll's writes.
pub struct Round<'a, C> {
    /// What is mirrored.
    pub scope: &'a Scope,
    /// Of the scope.
    digest: u64,
    regressions: &'a Regressions,
    writer: Writer<C>,
    now: Timestamp,
    /// The present, to judge ends by.
    pub clocks: Clocks,
    running: JoinSet<Ended>,
    /// Failed creates, and failed changes.
    failures: [usize; 2],
    /// What could not be written, by earlier polls too.
    pub backlog: Backlog,
    tally: Tally,
    candidates: Candidates,
    /// Stale mirrors that the listing shows as they are, by name.
    confirmed: Vec<(Box<str>, Arc<Mirror>)>,
    /// Versions older than their mirror, by name.
    pub older: Vec<(Box<str>, Timestamp)>,
    /// What was left out.
    pub left_out: LeftOut,
    /// Ids that were left out although they have a mirror: nothing confirms it.
    pub unconfirmed: BTreeSet<Box<str>>,
    /// Whether what is listed belongs to the scope at all.
    pub spelling: Spelling,
    /// Instance and id of one that was listed.
    pub sample: Option<(Option<Text>, Text)>,
    /// Told of every finished write and answered question.
    pub pulse: Pulse,
    /// Counts what is written.
    pub meter: Arc<WatchMeter>,
    /// Where Events of what is written are said.
    pub events: Events,
    /// Where writes wait, with those of other watches.
    pub room: Room,
    /// A new mirror of what the API created since (by its clock) is news; `None`: all are history.
    pub news: Option<Timestamp>,
}

impl<'a, C: Cluster> Round<'a, C> {
    /// A round that began at `now`.
    #[must_use]
    pub fn new(
        scope: &'a Scope,
        regressions: &'a Regressions,
        cluster: C,
        index: Index,
        now: Timestamp,
    ) -> Self {
        let writer = Writer {
            cluster,
            index,
            namespace: scope.namespace.clone(),
            labels: scope.labels.clone(),
            owners: scope.owners.clone(),
        };
        Self {
            scope,
            digest: scope.digest(),
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
            tally: Tally::default(),
            candidates: Candidates::default(),
            confirmed: Vec::new(),
            older: Vec::new(),
            left_out: LeftOut::default(),
            unconfirmed: BTreeSet::new(),
            spelling: Spelling::default(),
            sample: None,
            pulse: Pulse::default(),
            meter: Arc::default(),
            events: Events::default(),
            room: Room::default(),
            news: None,
        }
    }

    /// Plans a page and starts its writes, the urgent ones first; waits only while too many are under way.
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
        self.spelling.note(self.scope, &item);
        if !item.unreadable.is_empty() {
            // It is told each time, also where nothing has changed.
            let fields = item.unreadable.join(", ");
            let id: String = id.chars().take(ID_SHOWN).collect();
            self.left_out.fields.push(|| format!("{id} ({fields})"));
        }
        let name = object_name(&self.scope.cluster, &id);
        let (index, namespace) = (&self.writer.index, &self.scope.namespace);
        let mirror = index
            .mirror(namespace, &self.scope.cluster, &name)
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
        let cut = cut_short(&item, &self.scope.omit);
        let is_mirrored = mirror.as_ref().is_some_and(|mirror| *mirror.id == *id);
        let verdict = plan(
            self.scope,
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
            // What is cut short is planned each time, for it is told each time.
            index.confirm(namespace, &name, mirror, inputs);
        }
        match verdict {
            Verdict::Write(write) => return Some(write),
            Verdict::Later(finished) => self.candidates.push(finished, &self.scope.retention),
            Verdict::Confirmed(mirror) => self.confirmed.push(((&*name).into(), mirror)),
            Verdict::Older(version) => self.older.push(((&*name).into(), version)),
            Verdict::Skipped(why) => {
                self.left_out.items.push(|| format!("{id} ({why})"));
            }
            Verdict::Unchanged | Verdict::Unwanted => {}
        }
        None
    }

    /// Starts one write, as soon as there is room: what waits holds nothing but what it would write.
    pub async fn write(&mut self, write: Write) {
        let is_new = matches!(write.deed, Deed::Create(..));
        while self.running.len() >= if is_new { CREATES } else { CHANGES } {
            self.reap().await;
        }
        let kind = usize::from(!is_new);
        if self.failures[kind] >= FAILURES {
            self.backlog.give_up();
            self.tally.failed += 1;
            return;
        }
        if let Some(error) = self.backlog.skips(&write.name) {
            self.tally.failed(error);
            return;
        }
        let mut room = pin!(self.room.clone().enter());
        let place = loop {
            tokio::select! {
                biased;
                place = &mut room => break place,
                () = self.reap(), if !self.running.is_empty() => {}
            }
        };
        let (writer, now) = (self.writer.clone(), self.now);
        let writing = Writing::of(&write.deed, self.news);
        let said = of_deed(&write.deed, self.news);
        let sending = self.room.sent.begin(self.scope, &write.deed);
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

    /// Ends the marks of stale mirrors that were confirmed, now that a complete listing has ended.
    pub async fn confirm(&mut self) {
        for (name, mirror) in std::mem::take(&mut self.confirmed) {
            let deed = Deed::Mark(mirror, Synced::Listed);
            self.write(Write { name, deed }).await;
        }
    }

    /// Starts what retention wants, now that a complete listing has ended; `mirrors`: all of the watch.
    pub async fn settle(&mut self, mirrors: &[(Box<str>, Arc<Mirror>)]) {
        let candidates = std::mem::take(&mut self.candidates);
        let (policy, clocks) = (&self.scope.retention, self.clocks);
        let unwritten = self.backlog.unwritten();
        let (namespace, cluster) = (&self.scope.namespace, &self.scope.cluster);
        let unwritten =
            unwritten.filter_map(|name| self.writer.index.mirror(namespace, cluster, name));
        let unsure = unwritten.map(|mirror| mirror.instance.clone()).collect();
        for write in retention::settle(policy, mirrors, candidates, clocks, &unsure) {
            self.write(write).await;
        }
    }

    async fn reap(&mut self) {
        let ended = self.running.join_next().await;
        self.pulse.beat();
        let Ended {
            name,
            kind,
            outcome,
            writing,
            said,
        } = match ended {
            None => return,
            Some(Ok(ended)) => ended,
            // The error may hold what the write was about: the log has its place.
            Some(Err(_)) => {
                self.meter.write_panicked();
                self.backlog.give_up();
                let error = "a write panicked: see the log".to_owned();
                self.tally.failed(ClusterError::Unavailable(error));
                return;
            }
        };
        self.meter.wrote(&writing, &outcome);
        match outcome {
            Ok(done) => {
                *self.tally.count(done) += 1;
                if matches!(done, Done::Created | Done::Updated) {
                    self.say(&name, said);
                }
                if done == Done::Conflict {
                    self.backlog.failed(name, ClusterError::Conflict);
                } else {
                    self.backlog.done(&name);
                }
            }
            Err(error) => {
                self.failures[kind] += 1;
                self.tally.failed(error.clone());
                self.backlog.failed(name, error);
            }
        }
    }

    fn say(&self, name: &str, said: Vec<Said>) {
        if said.is_empty() {
            return;
        }
        let (namespace, index) = (&self.scope.namespace, &self.writer.index);
        if let Some(mirror) = index.mirror(namespace, &self.scope.cluster, name) {
            self.events.of_mirror((namespace, name, &mirror.uid), said);
        }
    }

    /// Waits for the writes under way.
    pub async fn drain(&mut self) {
        while !self.running.is_empty() {
            self.reap().await;
        }
    }

    /// What all writes came to.
    pub async fn finish(mut self) -> (Tally, LeftOut) {
        self.drain().await;
        (self.tally, self.left_out)
    }
}

/// A digest of all that the fate of a mirrored `item` depends on, beside the facts of its mirror; `wanted`: that of the scope.
fn inputs(wanted: u64, item: &Remediation) -> u64 {
    digest::of(&(wanted, item))
}

#[cfg(test)]
mod tests;
