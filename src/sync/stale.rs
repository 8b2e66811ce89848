//! Marks open mirrors as stale if no complete list has confirmed them for too long: they may be outdated.

use std::{sync::Arc, time::Duration};

use super::Env;
use crate::{
    k8s::api::KubeApi,
    mirror::status::Synced,
    store::Mirror,
    sync::{
        change::{MirrorChange, Write},
        observer::Observer,
        state::SyncState,
        target::MirrorTarget,
        write::{failed::FailedWrites, queue::WriteSummary, rounds::Rounds},
    },
    together::Service,
};

/// Marks all open mirrors as stale, because there was no complete list for too long.
pub async fn mark_all_stale<C: KubeApi, T: Service>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    sync_state: &mut SyncState,
) -> WriteSummary {
    let (observer, rounds) = (&sync_state.observer, &mut sync_state.stale_marks);
    mark_stale_where(env, target, (observer, rounds), |_| true).await
}

/// Marks those open mirrors as stale that no complete list has confirmed for longer than `stale`, although the last
/// list confirmed others. With `unwritten`, also those that could not be written, because they are outdated.
pub async fn mark_some_stale<C: KubeApi, T: Service>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    sync_state: &mut SyncState,
    (stale, unwritten): (Duration, bool),
) -> WriteSummary {
    let (absences, now) = (&sync_state.lists.absences, env.clock.elapsed());
    let failed_writes = &sync_state.failed_writes;
    let filter =
        |name: &str| absences.is_stale(name, now, stale) || (unwritten && failed_writes.has(name));
    let (observer, rounds) = (&sync_state.observer, &mut sync_state.stale_marks);
    mark_stale_where(env, target, (observer, rounds), filter).await
}

async fn mark_stale_where<C: KubeApi, T: Service>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    (observer, rounds): (&Observer, &mut Rounds),
    is_wanted: impl Fn(&str) -> bool,
) -> WriteSummary {
    let mut failed_writes = FailedWrites::default();
    let mut queue = env.queue(target, observer, &mut failed_writes);
    let mut open = env.open(target);
    open.retain(|(name, _)| is_wanted(name));
    let marks = rounds.begin(open).into_iter().filter_map(stale_mark);
    queue.submit(marks.collect()).await;
    let summary = queue.finish(false).await;
    rounds.ended(summary.untried.clone());
    summary
}

/// The mark of a mirror that is stale, if it needs one.
pub(super) fn stale_mark((name, mirror): (Box<str>, Arc<Mirror>)) -> Option<Write> {
    if !mirror.needs_stale_mark() {
        return None;
    }
    let change = MirrorChange::Mark(mirror, Synced::Stale);
    Some(Write { name, change })
}
