//! One sync of one `ClusterWatch`: read the API key, list, write the changes, decide what requires a complete list,
//! remember.

pub mod change;
mod context;
pub mod credentials;
pub mod decide;
pub mod edit_throttle;
pub(crate) mod event_cutoff;
pub mod events;
pub mod evidence;
mod filter_check;
mod history;
mod key;
mod key_backoff;
mod list;
mod lookup;
pub mod metrics;
mod missing;
pub mod observer;
pub(crate) mod open_states;
pub mod outcome;
pub mod owners;
mod prune;
pub(crate) mod query;
pub mod retention_policy;
pub mod schedule;
pub mod stale;
pub mod state;
pub mod target;
pub mod write;

use std::sync::Arc;

pub use self::{
    context::{Env, SyncContext},
    key::look_for_key,
};
use crate::{
    api::Reason,
    k8s::api::KubeApi,
    sync::{
        credentials::CredentialsError,
        evidence::ListEvidence,
        outcome::{ListTime, SyncOutcome},
        state::{Lists, SyncState, only_final},
    },
    together::{ApiKey, Error, Moment, Service, listing::timed::Timed},
};

/// Why a sync failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SyncError {
    /// There is no usable API key.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The Together API failed or rejected the request.
    #[error(transparent)]
    Api(#[from] Error),
}

/// Syncs once. If the API rejects the key and the Secret contains another one by then, it is repeated once with that
/// key.
///
/// # Errors
/// Why the list is incomplete. What was listed before the failure is mirrored, but nothing is marked as gone.
pub async fn sync<C: KubeApi, T: Service>(
    ctx: SyncContext<'_, C, T>,
    state: &mut SyncState,
) -> Result<SyncOutcome, SyncError> {
    let key = key::key(ctx, state).await?;
    state.polls(ctx.env.clock.elapsed());
    match sync_with(&key, ctx, state).await {
        Err(SyncError::Api(error)) if !error.retryable() => {
            match key::replaced(ctx, state, &key).await {
                // Only once, so that a key that keeps changing cannot cause endless requests.
                Some(newer) => sync_with(&newer, ctx, state).await,
                None => Err(error.into()),
            }
        }
        outcome => outcome,
    }
}

/// Syncs once with this key.
async fn sync_with<C: KubeApi, T: Service>(
    key: &ApiKey,
    ctx: SyncContext<'_, C, T>,
    state: &mut SyncState,
) -> Result<SyncOutcome, SyncError> {
    let SyncContext { env, target, .. } = ctx;
    let began = Moment::of(&*env.clock);
    // Times in the list are compared with this one, so it is by the clock that made them.
    let began_at_api = env.together.clock().time_at(began.elapsed);
    let request = query::request(ctx.spec, target, state.begin_listing(ctx, began.elapsed));
    // A list of everything, or of all that this target mirrors: only these show what is left to write.
    let (full, all) = (request.states.is_empty(), only_final(target).is_some());
    let mut queue = env.queue(target, &state.observer, &mut state.failed_writes);
    let mut evidence = ListEvidence::new(target, env.clocks());

    // List: each page is planned, and its writes start while the next page loads.
    let api = env.together.with_key(key);
    // The API's own time, without the waits for writes, decides how far apart full syncs are.
    let timed = Timed::new(api.clone(), env.clock.clone());
    let (lists, asked) = (&mut state.lists, request.clone());
    let listed = list::list(ctx, timed.clone(), asked, lists, &mut evidence, &mut queue).await;
    let ended = env.clock.elapsed();
    let complete = match listed.and_then(|it| evidence.spelling.check(full || all).map(|()| it)) {
        Ok(complete) => Arc::new(complete),
        Err(error) => {
            queue.finish(false).await;
            return Err(state.list_failed(key, error, ctx.cadence, ended));
        }
    };
    state.key_backoff.clear();
    lists.completed(request, &complete, began_at_api, env.together.dialects());
    state.observer.event_cutoff = queue.observer.event_cutoff.after_list(began);

    // Settle what requires a complete list. New mirrors count only once they are written.
    queue.drain().await;
    let vanished =
        missing::look_up_and_mark(ctx, &api, &complete, lists, &mut evidence, &mut queue).await;
    queue.submit(evidence.confirmations()).await;
    prune::finished(ctx, &mut evidence, &mut queue).await;

    // Remember.
    let list = ListTime::of(began.elapsed, ended, timed.taken());
    let summary = queue.finish(full || all).await;
    let settled = ended..env.clock.elapsed();
    lists.settled(full.then_some(list), (evidence.versions, settled));
    let counts = (complete.items(), evidence.left_out.skipped());
    state.observer.meter.listed(full, list.lasted, counts);
    let outcome = SyncOutcome {
        full,
        list,
        pages: complete.pages(),
        items: complete.items(),
        summary,
        vanished,
        notes: notes(ctx, lists, full, evidence.left_out.message()),
    };
    state.rest_after(ctx, &outcome);
    Ok(outcome)
}

/// Notes for the status: what was left out, and which other query format is in use.
fn notes<C, T: Service>(
    ctx: SyncContext<'_, C, T>,
    lists: &mut Lists,
    full: bool,
    left_out: Option<String>,
) -> Vec<(Reason, String)> {
    let states = only_final(ctx.target).map_or_else(|| lists.open_states.names(), <[_]>::to_vec);
    if full {
        lists.left_out.clone_from(&left_out);
    }
    // An active sync does not show what the last full sync left out.
    let left_out = lists.left_out.clone().or(left_out);
    let left_out = left_out.map(|note| (Reason::ItemsLeftOut, note));
    let dialect = ctx.env.together.dialects().note(&states);
    let dialect = dialect.map(|note| (Reason::DialectFallback, note));
    left_out.into_iter().chain(dialect).collect()
}

#[cfg(test)]
mod tests;
