//! Handles open mirrors that a complete list lacks: requests them by id, marks those that are proven gone, and marks
//! stale ones.

use super::{
    SyncContext, evidence::ListEvidence, lookup, schedule::most_questions, stale::stale_mark,
    state::Lists, write::queue::WriteQueue,
};
use crate::{
    k8s::api::KubeApi,
    together::{Api, CompleteListing, Service},
};

/// Handles missing mirrors. Returns how many vanished at once, if those are many.
pub(super) async fn look_up_and_mark<A: Api, C: KubeApi, T: Service>(
    ctx: SyncContext<'_, C, T>,
    api: &A,
    complete: &CompleteListing,
    lists: &mut Lists,
    evidence: &mut ListEvidence<'_>,
    queue: &mut WriteQueue<'_, C>,
) -> usize {
    let SyncContext { env, target, .. } = ctx;
    let now = env.clock.elapsed();
    let open = env.open(target);
    let vanished = (lists.absences).observe(&open, complete, &evidence.unconfirmed, now);
    queue.observer.meter.vanished(vanished);
    // Retries and requests by id share one allowance, so that the requests of a sync are bounded whatever fails.
    let repeated = lists.history.calls.repeated;
    let budget = most_questions(complete.pages()).saturating_sub(repeated);
    let asked = lookup::ask(ctx, api, lists, evidence, queue, budget).await;
    // Retention counts from the mark, which must not look old once the clock of the node is set right.
    queue.date_from(env.together.clock().time_at(now));
    queue
        .submit(lookup::proven_gone(ctx, &lists.absences))
        .await;
    for item in &asked.shown {
        lists.looked_up(item, now);
    }
    lists.filter_check.report(env.together.dialects());
    lists.history.full_wanted = lists.absences.want_full_listing(asked.times);
    let lasted = lists.history.last_full.unwrap_or_default().lasted;
    let stale_after = (ctx.cadence).stale_after(true, lasted, lists.history.rest);
    let absences = &lists.absences;
    let stale = absences
        .names()
        .filter(|name| absences.is_stale(name, now, stale_after));
    let marks = stale.filter_map(|name| {
        let mirror = env.index.mirror(&target.namespace, &target.cluster, name)?;
        stale_mark((name.into(), mirror))
    });
    let marks = marks.collect();
    queue.submit(marks).await;
    vanished
}
