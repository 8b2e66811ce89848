//! The API key of a sync, and the key that replaced it meanwhile.

use super::{SyncContext, SyncError};
use crate::{
    clock::MonoTime,
    k8s::api::KubeApi,
    sync::{
        credentials::{AGAIN, CredentialsError, Found},
        state::SyncState,
    },
    together::ApiKey,
};

/// The API key to use: the one that another `ClusterWatch` read within half an interval, otherwise the current one in
/// the Secret. A single `ClusterWatch` reads its Secret at each sync.
///
/// An unusable Secret is read again after ten seconds at the earliest, unless a sync was requested.
pub(crate) async fn key<C: KubeApi, T>(
    ctx: SyncContext<'_, C, T>,
    sync_state: &mut SyncState,
) -> Result<ApiKey, SyncError> {
    let asked = ctx.env.clock.elapsed();
    let young = ctx.cadence.active_interval / 2;
    let requested = std::mem::take(&mut sync_state.secret.reread);
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

/// Reads an unusable Secret again.
///
/// # Errors
/// Why there still is no usable API key.
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
    // The next sync may use this result.
    note(sync_state, (found, false)).map(drop)
}

/// The current API key in the Secret, if the API just rejected `key` and the key was rotated since. `None` if there is
/// no reason for another attempt.
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

/// Whether the last result is still valid: there is no usable key, and that was read a short time ago.
fn is_fresh(found: &Found, error: &CredentialsError, asked: MonoTime) -> bool {
    match error.reason() {
        Some(_) => asked < found.began + AGAIN,
        None => answers(found, error, asked),
    }
}

/// Whether a failed read ended after the request `asked`. A read that hangs is not repeated by every `ClusterWatch`
/// that waits for it.
fn answers(found: &Found, error: &CredentialsError, asked: MonoTime) -> bool {
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
    let (found, own) = keys.find(&env.kube, &*env.clock, of, serves).await;
    if own {
        sync_state
            .observer
            .meter
            .read_secret(found.key.as_ref().err());
    }
    (found, own)
}

/// Remembers the result `found`, and whether it was read for this `ClusterWatch` alone.
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
