//! Open mirrors that no complete listing has confirmed for too long are marked stale: they may not show what the API says.

use std::{sync::Arc, time::Duration};

use super::{Tools, open};
use crate::{
    k8s::api::Cluster,
    mirror::status::Synced,
    store::Mirror,
    sync::{
        decide::{plan::Scope, regression::Regressions},
        state::Memory,
        write::{
            object::{Deed, Write},
            queue::{Round, Tally},
        },
    },
    together::Service,
};

/// Marks all open mirrors stale: no complete listing has come for too long.
pub async fn mark_all_stale<C: Cluster, T: Service>(
    tools: &Tools<C, T>,
    scope: &Scope,
    memory: &Memory,
) -> Tally {
    mark_stale_where(tools, scope, memory, |_| true).await
}

/// Marks the open mirrors stale that no complete listing has confirmed for longer than `stale`, though the last one confirmed
/// others; and where `unwritten`, those that could not be written: they do not show what the API says.
pub async fn mark_some_stale<C: Cluster, T: Service>(
    tools: &Tools<C, T>,
    scope: &Scope,
    memory: &Memory,
    (stale, unwritten): (Duration, bool),
) -> Tally {
    let (absences, now) = (&memory.absences, tools.clock.elapsed());
    let missing =
        |name: &str| absences.overdue(name, now, stale) && absences.verdict(name).is_none();
    let wanted = |name: &str| missing(name) || (unwritten && memory.backlog.has(name));
    mark_stale_where(tools, scope, memory, wanted).await
}

async fn mark_stale_where<C: Cluster, T: Service>(
    tools: &Tools<C, T>,
    scope: &Scope,
    memory: &Memory,
    wanted: impl Fn(&str) -> bool,
) -> Tally {
    let regressions = Regressions::default();
    let mut round = tools.round(scope, &regressions, memory);
    for (name, mirror) in open(tools, scope) {
        if wanted(&name) {
            mark_stale(&mut round, name, mirror).await;
        }
    }
    round.finish().await.0
}

pub(super) async fn mark_stale<C: Cluster>(
    round: &mut Round<'_, C>,
    name: Box<str>,
    mirror: Arc<Mirror>,
) {
    if mirror.may_mislead() {
        round
            .write(Write {
                name,
                deed: Deed::Mark(mirror, Synced::Stale),
            })
            .await;
    }
}
