//! The list of a sync: each page is planned, and its writes start while the next page loads.

use super::{
    Env, SyncContext, evidence::ListEvidence, history::Calls, stale::stale_mark, state::Lists,
    write::queue::WriteQueue,
};
use crate::{
    clock::MonoTime,
    k8s::api::KubeApi,
    together::{Api, CompleteListing, Error, ListRequest, Listing, Service},
};

/// Lists page by page. The pages of a list that fails still count as evidence.
///
/// # Errors
/// Why the list is incomplete.
pub(super) async fn list<A: Api, C: KubeApi, T: Service>(
    ctx: SyncContext<'_, C, T>,
    api: A,
    request: ListRequest,
    lists: &mut Lists,
    evidence: &mut ListEvidence<'_>,
    queue: &mut WriteQueue<'_, C>,
) -> Result<CompleteListing, Error> {
    let env = ctx.env;
    let everything = request.states.is_empty();
    let mut listing = Listing::start(api, request, env.together.dialects())
        .first_page_once(lists.history.first_page_once());
    let pages = async {
        loop {
            tokio::select! {
                biased;
                page = listing.next_page() => match page? {
                    Some(page) => {
                        queue.observer.heartbeat.touch();
                        lists.saw_page(&page, ctx.target, everything, env.clock.elapsed());
                        evidence.clocks = env.clocks();
                        queue.observer.event_cutoff = queue.observer.event_cutoff.by_api(env.together.clock());
                        let writes = evidence.plan_page(&env.index, &lists.regressions, page);
                        queue.submit(writes).await;
                    }
                    None => return Ok(()),
                },
                () = due(env, lists.stale_at) => {}
            }
            let now = env.clock.elapsed();
            if lists.stale_at.take_if(|due| now >= *due).is_some() {
                tracing::warn!(cluster = %ctx.target.cluster, "the sync takes so long that mirrors become stale");
                let open = env.open(ctx.target).into_iter();
                queue.submit(open.filter_map(stale_mark).collect()).await;
            }
        }
    };
    let ended: Result<(), Error> = pages.await;
    lists.history.calls = Calls {
        made: listing.calls(),
        repeated: listing.retries(),
    };
    ended?;
    listing.finish()
}

/// Resolves at `when`, or never.
async fn due<C, T>(env: &Env<C, T>, when: Option<MonoTime>) {
    match when {
        Some(when) => env.clock.deadline(when).await,
        None => std::future::pending().await,
    }
}
