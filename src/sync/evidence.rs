//! The evidence of one list: each item is planned against its mirror, and what requires a complete list is kept until
//! its end.

use std::{collections::BTreeSet, sync::Arc};

use crate::{
    api::timestamp,
    mirror::{
        digest,
        end::Clocks,
        name::object_name,
        status::Synced,
        truncate::{cut_short, shown_id},
    },
    store::{Index, Mirror},
    sync::{
        change::{MirrorChange, Write},
        decide::{
            plan::{Verdict, plan, urgency},
            regression::{Regressions, ShownVersions},
            retention::{self, Candidates},
        },
        target::MirrorTarget,
        write::{skipped::LeftOut, spelling::Spelling},
    },
    together::{Malformed, Remediation, Text},
};

/// The evidence of one list and the requests by id after it.
pub struct ListEvidence<'a> {
    target: &'a MirrorTarget,
    /// A digest of the target: an edit of the spec changes what is written of an item that did not change.
    digest: u64,
    /// When the last page arrived, to compare ends with.
    pub clocks: Clocks,
    candidates: Candidates,
    /// Stale mirrors that the list confirms, by name.
    confirmed: Vec<(Box<str>, Arc<Mirror>)>,
    /// Listed versions older than their mirror, and mirrors that are current again.
    pub versions: ShownVersions,
    /// What was left out.
    pub left_out: LeftOut,
    /// Ids that were skipped although they have a mirror, which is therefore not confirmed.
    pub unconfirmed: BTreeSet<Box<str>>,
    /// Whether the listed items belong to the target at all.
    pub spelling: Spelling,
    /// Instance and id of the first item: requesting it shows whether requests by id can be trusted.
    pub lookup_probe: Option<(Option<Text>, Text)>,
}

impl<'a> ListEvidence<'a> {
    /// No evidence yet, at the time of these `clocks`.
    #[must_use]
    pub fn new(target: &'a MirrorTarget, clocks: Clocks) -> Self {
        Self {
            target,
            digest: target.digest(),
            clocks,
            candidates: Candidates::default(),
            confirmed: Vec::new(),
            versions: ShownVersions::default(),
            left_out: LeftOut::default(),
            unconfirmed: BTreeSet::new(),
            spelling: Spelling::default(),
            lookup_probe: None,
        }
    }

    /// Plans a page. Returns its writes, the urgent ones first.
    pub fn plan_page(
        &mut self,
        index: &Index,
        regressions: &Regressions,
        page: Vec<Result<Remediation, Malformed>>,
    ) -> Vec<Write> {
        let mut writes: Vec<Write> = Vec::new();
        for item in page {
            match item {
                Ok(item) => {
                    if self.lookup_probe.is_none() {
                        self.lookup_probe = Some((item.instance_id.clone(), item.id.clone()));
                    }
                    writes.extend(self.plan(index, regressions, item));
                }
                Err(malformed) => self.left_out.items.push(|| malformed.to_string()),
            }
        }
        writes.sort_by_key(urgency);
        writes
    }

    fn plan(
        &mut self,
        index: &Index,
        regressions: &Regressions,
        item: Remediation,
    ) -> Option<Write> {
        let id = item.id.clone();
        self.spelling.note(self.target, &item);
        if !item.unreadable.is_empty() {
            // It is reported at each sync, even if nothing changed.
            let fields = item.unreadable.join(", ");
            self.left_out
                .fields
                .push(|| format!("{} ({fields})", shown_id(&id)));
        }
        let name = object_name(&self.target.cluster, &id);
        let namespace = &self.target.namespace;
        let mirror = index
            .mirror(namespace, &self.target.cluster, &name)
            .or_else(|| index.get(namespace, &name));
        let inputs = inputs(self.digest, &item);
        if mirror
            .as_ref()
            .is_some_and(|mirror| mirror.confirms(inputs))
        {
            self.note_current(regressions, &name);
            return None;
        }
        let trust_older = regressions.trusted(&name, timestamp::read(item.update_time.as_deref()));
        let cut = cut_short(&item, &self.target.omit);
        let verdict = plan(
            self.target,
            &name,
            item,
            mirror.as_ref(),
            trust_older,
            self.clocks,
        );
        if matches!(verdict, Verdict::Skipped(_))
            && mirror.as_ref().is_some_and(|one| *one.subject.id == *id)
        {
            self.unconfirmed.insert(Box::from(&*id));
        }
        let mirrored = matches!(
            verdict,
            Verdict::Write(_) | Verdict::Unchanged | Verdict::Confirmed(_)
        );
        if let Some(field) = cut.filter(|_| mirrored) {
            self.left_out
                .ends
                .push(|| format!("{} ({field})", shown_id(&id)));
        } else if let (Verdict::Unchanged, Some(mirror)) = (&verdict, mirror) {
            // A truncated item is planned at each sync, because it is reported at each sync.
            index.confirm(namespace, &name, mirror, inputs);
        }
        if !matches!(verdict, Verdict::Older(_)) {
            self.note_current(regressions, &name);
        }
        self.keep(&name, &id, verdict)
    }

    fn note_current(&mut self, regressions: &Regressions, name: &str) {
        if regressions.has(name) {
            self.versions.current.push(name.into());
        }
    }

    /// Keeps what a verdict leaves for the end of the list. Returns the write that it requires now, if any.
    fn keep(&mut self, name: &str, id: &str, verdict: Verdict) -> Option<Write> {
        match verdict {
            Verdict::Write(write) => return Some(write),
            Verdict::Later(finished) => self.candidates.push(finished, &self.target.retention),
            Verdict::Confirmed(mirror) => self.confirmed.push((name.into(), mirror)),
            Verdict::Older(version) => self.versions.older.push((name.into(), version)),
            Verdict::Skipped(why) => {
                self.left_out
                    .items
                    .push(|| format!("{} ({why})", shown_id(id)));
            }
            Verdict::Unchanged | Verdict::Excluded => {}
        }
        None
    }

    /// Removes the marks of stale mirrors that were confirmed. Requires a complete list.
    pub fn confirmations(&mut self) -> Vec<Write> {
        let confirmed = self.confirmed.drain(..).map(|(name, mirror)| Write {
            name,
            change: MirrorChange::Mark(mirror, Synced::Listed),
        });
        confirmed.collect()
    }

    /// What retention creates and deletes. Requires a complete list whose changes are written. `mirrors` are those that
    /// retention may affect; `unwritten` names mirrors that may be outdated.
    pub fn retention<'n>(
        &mut self,
        index: &Index,
        mirrors: &[(Box<str>, Arc<Mirror>)],
        unwritten: impl Iterator<Item = &'n str>,
    ) -> Vec<Write> {
        let candidates = std::mem::take(&mut self.candidates);
        let (policy, clocks) = (&self.target.retention, self.clocks);
        let (namespace, cluster) = (&self.target.namespace, &self.target.cluster);
        let unwritten = unwritten.filter_map(|name| index.mirror(namespace, cluster, name));
        let unsure = unwritten
            .map(|mirror| mirror.subject.instance.clone())
            .collect();
        retention::writes(policy, mirrors, candidates, clocks, &unsure)
    }
}

/// A digest of everything that decides what happens to a mirrored `item`, besides the mirror's index entry;
/// `target_digest` is the digest of the target.
pub(super) fn inputs(target_digest: u64, item: &Remediation) -> u64 {
    digest::of(&(target_digest, item))
}
