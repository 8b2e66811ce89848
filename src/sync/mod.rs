//! One poll, from the key to the last write.

pub mod credentials;
pub mod decide;
pub mod events;
pub mod filter_check;
mod key;
pub mod lookup;
pub mod metrics;
pub mod outcome;
pub mod owners;
mod query;
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
    k8s::api::Cluster,
    mirror::end::Clocks,
    store::{Index, Mirror},
    sync::{
        credentials::{CredentialsError, Keys},
        decide::{plan::Scope, regression::Regressions, retention::Policy},
        outcome::Polled,
        schedule::{Cadence, most_questions},
        stale::mark_stale,
        state::{FullListing, Memory, only_final},
        write::{permits::Room, queue::Round},
    },
    together::{
        Api, ApiKey, Client, CompleteListing, Error, ListRequest, Listing, Service,
        listing::timed::Timed,
    },
};

/// What polls of one watch work with.
pub struct Tools<C, T = Client> {
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
    pub room: Room,
    /// The keys that were just read.
    pub keys: Keys,
}

impl<C: Cluster, T> Tools<C, T> {
    /// A round of writes that begins now, and counts for the `ClusterWatch` of `memory`.
    pub(crate) fn round<'a>(
        &self,
        scope: &'a Scope,
        regressions: &'a Regressions,
        memory: &Memory,
    ) -> Round<'a, C> {
        let (cluster, index) = (self.cluster.clone(), self.index.clone());
        let mut round = Round::new(scope, regressions, cluster, index, self.clock.now());
        round.events = self.events.clone();
        round.room = self.room.clone();
        round.pulse = memory.pulse.clone();
        round.meter = memory.meter.clone();
        round
    }
}

impl<C, T: Service> Tools<C, T> {
    /// The present, by both clocks.
    fn clocks(&self) -> Clocks {
        let (ours, elapsed) = (self.clock.now(), self.clock.elapsed());
        let apis = self.together.clock().time(ours, elapsed);
        Clocks { ours, apis }
    }
}

/// Why a poll brought nothing.
#[derive(Clone, Debug, thiserror::Error)]
pub enum PollError {
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
pub async fn poll<C: Cluster, T: Service>(
    tools: &Tools<C, T>,
    spec: &ClusterWatchSpec,
    scope: &Scope,
    cadence: &Cadence,
    memory: &mut Memory,
) -> Result<Polled, PollError> {
    let key = key::key(tools, spec, scope, cadence, memory).await?;
    memory.polls(tools.clock.elapsed());
    match poll_with(&key, tools, spec, scope, cadence, memory).await {
        Err(PollError::Api(error)) if !error.retryable() => {
            match key::replaced(tools, spec, scope, memory, &key).await {
                // Once: a key that changes without end is no reason for calls without end.
                Some(newer) => poll_with(&newer, tools, spec, scope, cadence, memory).await,
                None => Err(error.into()),
            }
        }
        polled => polled,
    }
}

/// Polls once with this key.
async fn poll_with<C: Cluster, T: Service>(
    key: &ApiKey,
    tools: &Tools<C, T>,
    spec: &ClusterWatchSpec,
    scope: &Scope,
    cadence: &Cadence,
    memory: &mut Memory,
) -> Result<Polled, PollError> {
    let api = tools.together.with_key(key);

    let began = tools.clock.elapsed();
    let began_at_api = tools.together.clock().told(began);
    memory.forget_states(began);
    let request = query::request(
        spec,
        scope,
        memory.states_to_list(scope, cadence, &tools.together, began),
    );
    memory.begin(request.states.is_empty(), began);
    let regressions = std::mem::take(&mut memory.regressions);
    let mut round = tools.round(scope, &regressions, memory);
    round.news = memory.news;
    round.backlog = std::mem::take(&mut memory.backlog);
    let timed = Timed::new(api.clone(), tools.clock.clone());
    let listed = list(timed.clone(), request.clone(), tools, memory, &mut round).await;
    let listed = listed.and_then(|complete| {
        let whole = complete.states().is_empty() || only_final(scope).is_some();
        round.spelling.check(whole).map(|()| Arc::new(complete))
    });
    let ended = tools.clock.elapsed();
    let complete = match listed {
        Ok(complete) => complete,
        Err(error) => {
            round.drain().await;
            memory.backlog = std::mem::take(&mut round.backlog);
            memory.backlog.end(false);
            memory.regressions = regressions;
            memory.refused(key, &error, cadence, ended);
            return Err(error.into());
        }
    };
    memory.accepted(complete.pages());
    let dialects = tools.together.dialects();
    (memory.short).listed(request, &complete, began_at_api, dialects);
    let Clocks { ours, apis } = round.clocks;
    memory.news.get_or_insert(apis.unwrap_or(ours));

    // New mirrors count in what follows only once they are written.
    round.drain().await;
    let vanished =
        settle_absences(&api, tools, scope, cadence, memory, &mut round, &complete).await;
    round.confirm().await;
    if scope.retention != Policy::default() {
        // What the questions showed counts once it is written; and they may have taken long.
        round.drain().await;
        round.clocks = tools.clocks();
        let (policy, clocks) = (&scope.retention, round.clocks);
        let concerned = mirrors(tools, scope, |mirror| policy.concerns(mirror, clocks));
        round.settle(&concerned).await;
    }

    let full = complete.states().is_empty();
    let (lasted, taken) = (ended.saturating_sub(began), timed.taken());
    if full {
        memory.last_full = Some(FullListing {
            ended,
            lasted,
            taken,
        });
    }
    let older = std::mem::take(&mut round.older);
    round.drain().await;
    memory.backlog = std::mem::take(&mut round.backlog);
    memory.backlog.end(full || only_final(scope).is_some());
    let (tally, left_out) = round.finish().await;
    memory.regressions = regressions;
    let answered = tools.clock.elapsed();
    memory.regressions.observe(older, full, ended..answered);
    let wanted = only_final(scope).map_or_else(|| memory.open_states(), <[_]>::to_vec);
    let counts = (complete.items(), left_out.skipped());
    memory.meter.listed(full, lasted, counts);
    let left_out = left_out.message();
    if full {
        memory.left_out.clone_from(&left_out);
    }
    // A short listing does not show what the last full one had to leave out.
    let left_out = memory.left_out.clone().or(left_out);
    let left_out = left_out.map(|told| (Reason::ItemsLeftOut, told));
    let dialect = dialects
        .note(&wanted)
        .map(|told| (Reason::DialectFallback, told));
    let notes = left_out.into_iter().chain(dialect).collect();
    Ok(Polled {
        full,
        lasted,
        taken,
        pages: complete.pages(),
        items: complete.items(),
        tally,
        vanished,
        notes,
    })
}

/// Lists page by page; each page is planned and its writes started while the next one is fetched.
async fn list<A: Api, C: Cluster, T: Service>(
    api: A,
    request: ListRequest,
    tools: &Tools<C, T>,
    memory: &mut Memory,
    round: &mut Round<'_, C>,
) -> Result<CompleteListing, Error> {
    let everything = request.states.is_empty();
    let mut listing = Listing::start(api, request, tools.together.dialects())
        .first_page_once(memory.first_page_once());
    let pages = async {
        loop {
            tokio::select! {
                biased;
                page = listing.next_page() => match page? {
                    Some(page) => {
                        memory.pulse.beat();
                        let now = tools.clock.elapsed();
                        for item in page.iter().flatten() {
                            memory.met(&item.state, now);
                            if everything {
                                memory.short.seen(item);
                            }
                            memory.absences.shown(&round.scope.cluster, &item.id);
                        }
                        round.clocks = tools.clocks();
                        round.take(page).await;
                    }
                    None => return Ok(()),
                },
                () = due(tools, memory.stale_at) => {}
            }
            let now = tools.clock.elapsed();
            if memory.stale_at.take_if(|due| now >= *due).is_some() {
                tracing::warn!(cluster = %round.scope.cluster, "the listing takes so long that the mirror gets stale");
                for (name, mirror) in open(tools, round.scope) {
                    mark_stale(round, name, mirror).await;
                }
            }
        }
    };
    let ended: Result<(), Error> = pages.await;
    (memory.calls, memory.retries) = (listing.calls(), listing.retries());
    ended?;
    listing.finish()
}

/// Ends at `when` (monotonic), if ever.
async fn due<C, T>(tools: &Tools<C, T>, when: Option<Duration>) {
    match when {
        Some(when) => tools.clock.deadline(when).await,
        None => std::future::pending().await,
    }
}

/// What to do about open mirrors that the listing lacked: ask, mark what is proven gone, mark what is stale. Returns how many
/// vanished at once, where those are many.
async fn settle_absences<A: Api, C: Cluster, T: Service>(
    api: &A,
    tools: &Tools<C, T>,
    scope: &Scope,
    cadence: &Cadence,
    memory: &mut Memory,
    round: &mut Round<'_, C>,
    complete: &CompleteListing,
) -> usize {
    let now = tools.clock.elapsed();
    let vanished = {
        let (open, left_out) = (open(tools, scope), &round.unconfirmed);
        memory.absences.observe(&open, complete, left_out, now)
    };
    memory.meter.vanished(vanished);
    // Repeated calls and questions by id have one allowance, so that a poll's calls are bounded whatever fails.
    let budget = most_questions(complete.pages()).saturating_sub(memory.retries);
    let asked = lookup::ask(
        api,
        scope,
        &tools.index,
        &mut memory.absences,
        round,
        budget,
    )
    .await;
    lookup::mark(scope, &tools.index, &memory.absences, round).await;
    for item in &asked.shown {
        memory.met(&item.state, now);
        memory.short.seen(item);
    }
    memory.short.tell(tools.together.dialects());
    memory.full_wanted = memory.absences.want_full_listing(asked.times);
    let lasted = memory.last_full.unwrap_or_default().lasted;
    let stale = cadence.stale_after(true, lasted, memory.rest);
    for name in memory.absences.names() {
        if memory.absences.overdue(name, now, stale)
            && memory.absences.verdict(name).is_none()
            && let Some(mirror) = tools.index.mirror(&scope.namespace, &scope.cluster, name)
        {
            mark_stale(round, name.into(), mirror).await;
        }
    }
    vanished
}

/// Those mirrors of the watch that are `wanted`.
pub(crate) fn mirrors<C, T>(
    tools: &Tools<C, T>,
    scope: &Scope,
    wanted: impl Fn(&Mirror) -> bool,
) -> Vec<(Box<str>, Arc<Mirror>)> {
    let instance = scope.instance.as_deref();
    tools
        .index
        .mirrors(&scope.namespace, &scope.cluster, instance, wanted)
}

/// The open ones of them.
fn open<C, T>(tools: &Tools<C, T>, scope: &Scope) -> Vec<(Box<str>, Arc<Mirror>)> {
    tools
        .index
        .open(&scope.namespace, &scope.cluster, scope.instance.as_deref())
}

#[cfg(test)]
mod tests;
