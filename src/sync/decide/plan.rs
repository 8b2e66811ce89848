//! What to do for each remediation that the API returns: pure.

use std::sync::Arc;

use k8s_openapi::jiff::Timestamp;

use crate::{
    api::{
        limits,
        remediation::{RemediationSpec, RemediationStatus},
        timestamp,
    },
    mirror::{
        end::{Clocks, End},
        status::{self, Synced},
    },
    store::Mirror,
    sync::{
        change::{MirrorChange, Write},
        target::MirrorTarget,
    },
    together::{Remediation, Text, wire::state},
};

/// What to do for one remediation that the API returned.
#[derive(Clone, Debug)]
pub enum Verdict {
    /// Nothing: the mirror matches.
    Unchanged,
    /// The mirror matches but is marked stale. The mark is removed if the list is complete.
    Confirmed(Arc<Mirror>),
    /// This write.
    Write(Write),
    /// It is finished and has no mirror. Retention decides after the list.
    Later(Finished),
    /// Not for this `ClusterWatch`: its state is not selected, or it is expired.
    Excluded,
    /// Older than the mirror.
    Older(Timestamp),
    /// It cannot be mirrored, for this human-readable reason.
    Skipped(&'static str),
}

/// A finished remediation that may get a mirror.
#[derive(Clone, Debug)]
pub struct Finished {
    /// The mirror's name.
    pub name: Box<str>,
    /// When it ended, if the API gives a valid time.
    pub finished: Option<Timestamp>,
    /// When it was created, if the API gives a valid time.
    pub created: Option<Timestamp>,
    /// Its mirror.
    pub status: Box<RemediationStatus>,
    /// Its cluster and id.
    pub spec: RemediationSpec,
}

impl Finished {
    /// When it ended, if known.
    #[must_use]
    pub fn end(&self) -> Option<End> {
        self.finished.map(End::ByApi)
    }

    /// The write that creates its mirror.
    #[must_use]
    pub fn into_write(self) -> Write {
        Write {
            name: self.name,
            change: MirrorChange::Create(self.status, self.spec),
        }
    }
}

/// Decides for `item`, whose mirror has the `name`; `mirror` is the index entry of the object with that name.
///
/// A version older than the mirror is not written, unless `trust_older`.
#[must_use]
pub fn plan(
    target: &MirrorTarget,
    name: &str,
    mut item: Remediation,
    mirror: Option<&Arc<Mirror>>,
    trust_older: bool,
    clocks: Clocks,
) -> Verdict {
    if item.id.chars().count() > limits::ID as usize {
        return Verdict::Skipped("its id is longer than 1024 characters");
    }
    if item
        .cluster_id
        .as_deref()
        .is_some_and(|cluster| cluster != &*target.cluster)
    {
        return Verdict::Skipped("it belongs to another cluster");
    }
    if let Some(instance) = &target.instance
        && item
            .instance_id
            .get_or_insert_with(|| Text::from(&**instance))
            != &**instance
    {
        return Verdict::Skipped("it belongs to another instance");
    }
    match mirror {
        Some(mirror) if !mirror.subject.is(&target.cluster, &item.id) => {
            Verdict::Skipped("another object has the mirror's name. Delete that object")
        }
        Some(mirror) => change(target, name, &item, mirror, trust_older),
        None => create(target, name, &item, clocks),
    }
}

fn change(
    target: &MirrorTarget,
    name: &str,
    item: &Remediation,
    mirror: &Arc<Mirror>,
    trust_older: bool,
) -> Verdict {
    let theirs = timestamp::read(item.update_time.as_deref());
    if let (Some(theirs), Some(ours)) = (theirs, mirror.times.updated)
        && theirs < ours
        && !trust_older
    {
        return Verdict::Older(theirs);
    }
    let generation = mirror.object.generation;
    let status = status::from_api(item, &target.omit, generation);
    let metadata = target.metadata(status.instance_id.as_deref()) != mirror.digests.metadata;
    let status = (!mirror.digests.has_content(&status)).then(|| Box::new(status));
    if status.is_none() && !metadata {
        return Verdict::Unchanged;
    }
    if let (Synced::Stale, false, Some(status)) = (mirror.lifecycle.synced, metadata, &status) {
        let mut marked = status.clone();
        status::mark(&mut marked, Synced::Stale, &item.id, generation);
        if mirror.digests.has_content(&marked) {
            return Verdict::Confirmed(mirror.clone());
        }
    }
    Verdict::Write(Write {
        name: name.into(),
        change: MirrorChange::Update {
            mirror: mirror.clone(),
            status,
            metadata,
        },
    })
}

fn create(target: &MirrorTarget, name: &str, item: &Remediation, clocks: Clocks) -> Verdict {
    if target
        .states
        .as_ref()
        .is_some_and(|states| states.iter().all(|state| item.state != *state))
    {
        return Verdict::Excluded;
    }
    let finished = timestamp::ended(item.end_time.as_deref(), item.update_time.as_deref());
    let ended = state::is_final(&item.state);
    if ended && target.retention.is_over(finished.map(End::ByApi), clocks) {
        return Verdict::Excluded;
    }
    let created = Finished {
        name: name.into(),
        finished,
        created: timestamp::read(item.create_time.as_deref()),
        status: Box::new(status::from_api(item, &target.omit, 1)),
        spec: RemediationSpec {
            cluster_id: target.cluster.to_string(),
            id: item.id.to_string(),
        },
    };
    if ended && target.retention.max_per_instance.is_some() {
        return Verdict::Later(created);
    }
    Verdict::Write(created.into_write())
}

/// The order of writes within a page: new and open remediations first, because people wait for them.
#[must_use]
pub fn urgency(write: &Write) -> u8 {
    let open = |status: &RemediationStatus| status.open == Some(true);
    match &write.change {
        MirrorChange::Create(status, _) if open(status) => 0,
        MirrorChange::Update {
            status: Some(_), ..
        }
        | MirrorChange::Mark(..) => 1,
        MirrorChange::Create(..) => 2,
        MirrorChange::Update { .. } => 3,
        MirrorChange::Prune(_) => 4,
    }
}

#[cfg(test)]
mod tests;
