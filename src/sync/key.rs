//! The key of a poll, and the one that replaced it meanwhile.

use std::time::Duration;

use super::{SyncContext, SyncError};
use crate::{
    k8s::api::KubeApi,
    sync::{
        credentials::{AGAIN, CredentialsError, Found},
        state::SyncState,
    },
    together::ApiKey,
};

/// The key to use: the one that another `ClusterWatch` has read, where that was no longer ago than half of the time between two
/// polls, else the one that the Secret holds now. By itself each `ClusterWatch` reads its Secret at each poll.
///
/// A Secret that cannot be used is read again no sooner than ten seconds later, unless somebody asks for this poll.
pub(crate) async fn key<C: KubeApi, T>(
    ctx: SyncContext<'_, C, T>,
    sync_state: &mut SyncState,
) -> Result<ApiKey, SyncError> {
    let asked = ctx.env.clock.elapsed();
    let young = ctx.cadence.active_interval / 2;
    let requested = std::mem::take(&mut sync_state.secret.wanted);
    let known: &SyncState = sync_state;
    let serves = |found: &Found| match &found.key {
        Ok(key) => {
            found.began >= asked
                || asked < found.began + young
                    && known.secret.own != Some(found.began)
                    && known.key_backoff.check(key, asked).is_ok()
        }
        Err(error) if requested => found.began >= asked || answers(found, error, asked),
        Err(error) => is_fresh(found, error, asked),
    };
    let key = find(ctx, sync_state, serves).await;
    let key = note(sync_state, key)?;
    sync_state.key_backoff.check(&key, asked)?;
    Ok(key)
}

/// Reads the Secret once more that could not be used.
///
/// # Errors
/// Why there still is no key.
pub async fn look_for_key<C: KubeApi, T>(
    ctx: SyncContext<'_, C, T>,
    sync_state: &mut SyncState,
) -> Result<(), CredentialsError> {
    let asked = ctx.env.clock.elapsed();
    let serves = |found: &Found| match &found.key {
        Ok(_) => asked < found.began + AGAIN,
        Err(error) => is_fresh(found, error, asked),
    };
    let (found, _) = find(ctx, sync_state, serves).await;
    // The poll that follows may take what was found here.
    note(sync_state, (found, false)).map(drop)
}

/// The key that the Secret holds now, where the API has just refused `key` and it is another one: the key was rotated since
/// it was read. `None`: nothing speaks for another try.
pub(crate) async fn replaced<C: KubeApi, T>(
    ctx: SyncContext<'_, C, T>,
    sync_state: &mut SyncState,
    key: &ApiKey,
) -> Option<ApiKey> {
    let asked = ctx.env.clock.elapsed();
    let newer = find(ctx, sync_state, |found| found.began > asked).await;
    let newer = note(sync_state, newer).ok()?;
    (newer.fingerprint() != key.fingerprint()).then_some(newer)
}

/// Whether what was found last need not be looked for again: there is no key, and that was read a short time ago.
fn is_fresh(found: &Found, error: &CredentialsError, asked: Duration) -> bool {
    match error.reason() {
        Some(_) => asked < found.began + AGAIN,
        None => answers(found, error, asked),
    }
}

/// Whether a read that got no answer ended only after somebody `asked`: one that hangs is not repeated by all who wait for it.
fn answers(found: &Found, error: &CredentialsError, asked: Duration) -> bool {
    error.reason().is_none() && found.ended >= asked
}

async fn find<C: KubeApi, T>(
    ctx: SyncContext<'_, C, T>,
    sync_state: &SyncState,
    serves: impl Fn(&Found) -> bool + Send,
) -> (Found, bool) {
    let SyncContext {
        env, spec, target, ..
    } = ctx;
    let (keys, of) = (&env.keys, (&*target.namespace, &spec.api_key_secret_ref));
    let (found, own) = keys.find(&env.cluster, &*env.clock, of, serves).await;
    if own {
        sync_state
            .observer
            .meter
            .read_secret(found.key.as_ref().err());
    }
    (found, own)
}

/// Remembers what was `found`, and whether it was read for this `ClusterWatch` alone.
fn note(
    sync_state: &mut SyncState,
    (found, own): (Found, bool),
) -> Result<ApiKey, CredentialsError> {
    match &found.key {
        Ok(_) if own => sync_state.secret.own = Some(found.began),
        Ok(_) => {}
        Err(error) => {
            let last = match error.reason() {
                Some(_) => found.began,
                None => found.ended,
            };
            sync_state.secret.again = last + AGAIN;
        }
    }
    found.key
}
