//! Marks open mirrors as stale if no complete list has confirmed them for too long: they may be outdated.

use std::{sync::Arc, time::Duration};

use super::{Env, open};
use crate::{
    k8s::api::KubeApi,
    mirror::status::Synced,
    store::Mirror,
    sync::{
        decide::{plan::MirrorTarget, regression::Regressions},
        state::SyncState,
        write::{
            object::{MirrorChange, Write},
            queue::{WriteQueue, WriteSummary},
        },
    },
    together::Service,
};

/// Marks all open mirrors as stale, because there was no complete list for too long.
pub async fn mark_all_stale<C: KubeApi, T: Service>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    sync_state: &SyncState,
) -> WriteSummary {
    mark_stale_where(env, target, sync_state, |_| true).await
}

/// Marks those open mirrors as stale that no complete list has confirmed for longer than `stale`, although the last
/// list confirmed others. With `unwritten`, also those that could not be written, because they are outdated.
pub async fn mark_some_stale<C: KubeApi, T: Service>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    sync_state: &SyncState,
    (stale, unwritten): (Duration, bool),
) -> WriteSummary {
    let (absences, now) = (&sync_state.absences, env.clock.elapsed());
    let missing =
        |name: &str| absences.overdue(name, now, stale) && absences.verdict(name).is_none();
    let wanted = |name: &str| missing(name) || (unwritten && sync_state.backlog.has(name));
    mark_stale_where(env, target, sync_state, wanted).await
}

async fn mark_stale_where<C: KubeApi, T: Service>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    sync_state: &SyncState,
    wanted: impl Fn(&str) -> bool,
) -> WriteSummary {
    let regressions = Regressions::default();
    let mut queue = env.queue(target, &regressions, sync_state);
    for (name, mirror) in open(env, target) {
        if wanted(&name) {
            mark_stale(&mut queue, name, mirror).await;
        }
    }
    queue.finish().await.0
}

pub(super) async fn mark_stale<C: KubeApi>(
    queue: &mut WriteQueue<'_, C>,
    name: Box<str>,
    mirror: Arc<Mirror>,
) {
    if mirror.needs_stale_mark() {
        queue
            .write(Write {
                name,
                change: MirrorChange::Mark(mirror, Synced::Stale),
            })
            .await;
    }
}
