//! One poll, from the key to the last write.

pub mod credentials;
pub mod decide;
pub mod edit_throttle;
pub mod events;
pub mod filter_check;
mod key;
pub mod lookup;
pub mod metrics;
pub mod outcome;
pub mod owners;
pub(crate) mod query;
pub mod schedule;
pub mod stale;
pub mod state;
pub mod write;

use std::{sync::Arc, time::Duration};

pub use self::key::look_for_key;
use crate::{
    api::{Reason, cluster_watch::ClusterWatchSpec},
    clock::Clock,
    events::Events,
    k8s::api::KubeApi,
    mirror::end::Clocks,
    store::{Index, Mirror},
    sync::{
        credentials::{CredentialsError, Keys},
        decide::{plan::MirrorTarget, regression::Regressions, retention::Policy},
        outcome::SyncOutcome,
        schedule::{Cadence, most_questions},
        stale::mark_stale,
        state::{FullListing, SyncState, only_final},
        write::{
            permits::WritePermits,
            queue::{WriteQueue, WriteSummary},
            skipped::LeftOut,
        },
    },
    together::{
        Api, ApiKey, Client, CompleteListing, Error, ListRequest, Listing, Service,
        listing::timed::Timed,
    },
};

/// What polls of one watch work with.
pub struct Env<C, T = Client> {
    /// The cluster.
    pub cluster: C,
    /// The API.
    pub together: T,
    /// What is known of the mirrors.
    pub index: Index,
    /// The clocks.
    pub clock: Arc<dyn Clock>,
    /// Where Events are said.
    pub events: Events,
    /// Where writes to mirrors wait.
    pub permits: WritePermits,
    /// The keys that were just read.
    pub keys: Keys,
}

impl<C: KubeApi, T> Env<C, T> {
    /// A round of writes that begins now, and counts for the `ClusterWatch` of `sync_state`.
    pub(crate) fn queue<'a>(
        &self,
        target: &'a MirrorTarget,
        regressions: &'a Regressions,
        sync_state: &SyncState,
    ) -> WriteQueue<'a, C> {
        let (cluster, index) = (self.cluster.clone(), self.index.clone());
        let mut queue = WriteQueue::new(target, regressions, cluster, index, self.clock.now());
        queue.events = self.events.clone();
        queue.permits = self.permits.clone();
        queue.heartbeat = sync_state.heartbeat.clone();
        queue.meter = sync_state.meter.clone();
        queue
    }
}

impl<C, T: Service> Env<C, T> {
    /// The present, by both clocks.
    fn clocks(&self) -> Clocks {
        let (ours, elapsed) = (self.clock.now(), self.clock.elapsed());
        let apis = self.together.clock().time(ours, elapsed);
        Clocks { ours, apis }
    }
}

/// Why a poll brought nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SyncError {
    /// There is no key to use.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The API's answer, or that there was none.
    #[error(transparent)]
    Api(#[from] Error),
}

/// Polls once: credentials, listing, plan, write. Where the API refuses the key, and the Secret holds another one by then,
/// once more with that.
///
/// # Errors
/// Why nothing was listed to the end. What came before that is mirrored all the same; nothing is marked absent.
pub async fn poll<C: KubeApi, T: Service>(
    env: &Env<C, T>,
    spec: &ClusterWatchSpec,
    target: &MirrorTarget,
    cadence: &Cadence,
    sync_state: &mut SyncState,
) -> Result<SyncOutcome, SyncError> {
    let key = key::key(env, spec, target, cadence, sync_state).await?;
    sync_state.polls(env.clock.elapsed());
    match poll_with(&key, env, spec, target, cadence, sync_state).await {
        Err(SyncError::Api(error)) if !error.retryable() => {
            match key::replaced(env, spec, target, sync_state, &key).await {
                // Once: a key that changes without end is no reason for calls without end.
                Some(newer) => poll_with(&newer, env, spec, target, cadence, sync_state).await,
                None => Err(error.into()),
            }
        }
        outcome => outcome,
    }
}

/// Polls once with this key.
async fn poll_with<C: KubeApi, T: Service>(
    key: &ApiKey,
    env: &Env<C, T>,
    spec: &ClusterWatchSpec,
    target: &MirrorTarget,
    cadence: &Cadence,
    sync_state: &mut SyncState,
) -> Result<SyncOutcome, SyncError> {
    // List: pages are planned and their writes begin while the next one loads.
    let api = env.together.with_key(key);
    let began = env.clock.elapsed();
    let began_at_api = env.together.clock().told(began);
    sync_state.forget_states(began);
    let states = sync_state.states_to_list(target, cadence, &env.together, began);
    let request = query::request(spec, target, states);
    sync_state.begin(request.states.is_empty(), began);
    let regressions = std::mem::take(&mut sync_state.regressions);
    let mut queue = env.queue(target, &regressions, sync_state);
    queue.news = sync_state.news;
    queue.backlog = std::mem::take(&mut sync_state.backlog);
    let timed = Timed::new(api.clone(), env.clock.clone());
    let listed = list(timed.clone(), request.clone(), env, sync_state, &mut queue).await;
    let listed = listed.and_then(|complete| {
        let whole = complete.states().is_empty() || only_final(target).is_some();
        queue.spelling.check(whole).map(|()| Arc::new(complete))
    });
    let ended = env.clock.elapsed();
    let complete = match listed {
        Ok(complete) => complete,
        Err(error) => {
            let _ = write_out(queue, sync_state, false).await;
            sync_state.regressions = regressions;
            sync_state.refused(key, &error, cadence, ended);
            return Err(error.into());
        }
    };
    sync_state.accepted(complete.pages());
    (sync_state.short).listed(request, &complete, began_at_api, env.together.dialects());
    let Clocks { ours, apis } = queue.clocks;
    sync_state.news.get_or_insert(apis.unwrap_or(ours));

    // Settle what only a complete listing proves. New mirrors count in it only once they are written.
    queue.drain().await;
    let vanished = settle_absences(
        &api, env, target, cadence, sync_state, &mut queue, &complete,
    )
    .await;
    queue.confirm().await;
    prune_finished(env, target, &mut queue).await;

    // Remember.
    let full = complete.states().is_empty();
    let (lasted, taken) = (ended.saturating_sub(began), timed.taken());
    if full {
        sync_state.last_full = Some(FullListing {
            ended,
            lasted,
            taken,
        });
    }
    let older = std::mem::take(&mut queue.older);
    let all = full || only_final(target).is_some();
    let (summary, left_out) = write_out(queue, sync_state, all).await;
    sync_state.regressions = regressions;
    let answered = env.clock.elapsed();
    sync_state.regressions.observe(older, full, ended..answered);
    let counts = (complete.items(), left_out.skipped());
    sync_state.meter.listed(full, lasted, counts);
    Ok(SyncOutcome {
        full,
        lasted,
        taken,
        pages: complete.pages(),
        items: complete.items(),
        summary,
        vanished,
        notes: notes(env, target, sync_state, full, left_out.message()),
    })
}

/// Prunes what `spec.retention` lets go.
async fn prune_finished<C: KubeApi, T: Service>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    queue: &mut WriteQueue<'_, C>,
) {
    if target.retention == Policy::default() {
        return;
    }
    // What the questions showed counts once it is written; and they may have taken long.
    queue.drain().await;
    queue.clocks = env.clocks();
    let (policy, clocks) = (&target.retention, queue.clocks);
    let concerned = mirrors(env, target, |mirror| policy.concerns(mirror, clocks));
    queue.settle(&concerned).await;
}

/// Ends the writes and remembers those that failed, where the listing held `all` or a part.
async fn write_out<C: KubeApi>(
    mut queue: WriteQueue<'_, C>,
    sync_state: &mut SyncState,
    all: bool,
) -> (WriteSummary, LeftOut) {
    queue.drain().await;
    sync_state.backlog = std::mem::take(&mut queue.backlog);
    sync_state.backlog.end(all);
    queue.finish().await
}

/// What the status says besides: what was left out, and what was asked in another way.
fn notes<C, T: Service>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    sync_state: &mut SyncState,
    full: bool,
    left_out: Option<String>,
) -> Vec<(Reason, String)> {
    let wanted = only_final(target).map_or_else(|| sync_state.open_states(), <[_]>::to_vec);
    if full {
        sync_state.left_out.clone_from(&left_out);
    }
    // A short listing does not show what the last full one had to leave out.
    let left_out = sync_state.left_out.clone().or(left_out);
    let left_out = left_out.map(|told| (Reason::ItemsLeftOut, told));
    let dialect = env.together.dialects().note(&wanted);
    let dialect = dialect.map(|told| (Reason::DialectFallback, told));
    left_out.into_iter().chain(dialect).collect()
}

/// Lists page by page; each page is planned and its writes started while the next one is fetched.
async fn list<A: Api, C: KubeApi, T: Service>(
    api: A,
    request: ListRequest,
    env: &Env<C, T>,
    sync_state: &mut SyncState,
    queue: &mut WriteQueue<'_, C>,
) -> Result<CompleteListing, Error> {
    let everything = request.states.is_empty();
    let mut listing = Listing::start(api, request, env.together.dialects())
        .first_page_once(sync_state.first_page_once());
    let pages = async {
        loop {
            tokio::select! {
                biased;
                page = listing.next_page() => match page? {
                    Some(page) => {
                        sync_state.heartbeat.touch();
                        let now = env.clock.elapsed();
                        for item in page.iter().flatten() {
                            sync_state.met(&item.state, now);
                            if everything {
                                sync_state.short.seen(item);
                            }
                            sync_state.absences.shown(&queue.target.cluster, &item.id);
                        }
                        queue.clocks = env.clocks();
                        queue.take(page).await;
                    }
                    None => return Ok(()),
                },
                () = due(env, sync_state.stale_at) => {}
            }
            let now = env.clock.elapsed();
            if sync_state.stale_at.take_if(|due| now >= *due).is_some() {
                tracing::warn!(cluster = %queue.target.cluster, "the listing takes so long that the mirror gets stale");
                for (name, mirror) in open(env, queue.target) {
                    mark_stale(queue, name, mirror).await;
                }
            }
        }
    };
    let ended: Result<(), Error> = pages.await;
    (sync_state.calls, sync_state.retries) = (listing.calls(), listing.retries());
    ended?;
    listing.finish()
}

/// Ends at `when` (monotonic), if ever.
async fn due<C, T>(env: &Env<C, T>, when: Option<Duration>) {
    match when {
        Some(when) => env.clock.deadline(when).await,
        None => std::future::pending().await,
    }
}

/// What to do about open mirrors that the listing lacked: ask, mark what is proven gone, mark what is stale. Returns how many
/// vanished at once, where those are many.
async fn settle_absences<A: Api, C: KubeApi, T: Service>(
    api: &A,
    env: &Env<C, T>,
    target: &MirrorTarget,
    cadence: &Cadence,
    sync_state: &mut SyncState,
    queue: &mut WriteQueue<'_, C>,
    complete: &CompleteListing,
) -> usize {
    let now = env.clock.elapsed();
    let vanished = {
        let (open, left_out) = (open(env, target), &queue.unconfirmed);
        sync_state.absences.observe(&open, complete, left_out, now)
    };
    sync_state.meter.vanished(vanished);
    // Repeated calls and questions by id have one allowance, so that a poll's calls are bounded whatever fails.
    let budget = most_questions(complete.pages()).saturating_sub(sync_state.retries);
    let asked = lookup::ask(
        api,
        target,
        &env.index,
        &mut sync_state.absences,
        queue,
        budget,
    )
    .await;
    lookup::mark(target, &env.index, &sync_state.absences, queue).await;
    for item in &asked.shown {
        sync_state.met(&item.state, now);
        sync_state.short.seen(item);
    }
    sync_state.short.tell(env.together.dialects());
    sync_state.full_wanted = sync_state.absences.want_full_listing(asked.times);
    let lasted = sync_state.last_full.unwrap_or_default().lasted;
    let stale = cadence.stale_after(true, lasted, sync_state.rest);
    for name in sync_state.absences.names() {
        if sync_state.absences.overdue(name, now, stale)
            && sync_state.absences.verdict(name).is_none()
            && let Some(mirror) = env.index.mirror(&target.namespace, &target.cluster, name)
        {
            mark_stale(queue, name.into(), mirror).await;
        }
    }
    vanished
}

/// Those mirrors of the watch that are `wanted`.
pub(crate) fn mirrors<C, T>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    wanted: impl Fn(&Mirror) -> bool,
) -> Vec<(Box<str>, Arc<Mirror>)> {
    let instance = target.instance.as_deref();
    env.index
        .mirrors(&target.namespace, &target.cluster, instance, wanted)
}

/// The open ones of them.
fn open<C, T>(env: &Env<C, T>, target: &MirrorTarget) -> Vec<(Box<str>, Arc<Mirror>)> {
    env.index.open(
        &target.namespace,
        &target.cluster,
        target.instance.as_deref(),
    )
}

#[cfg(test)]
mod tests;
