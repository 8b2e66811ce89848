//! The key of a poll, and the one that replaced it meanwhile.

use std::time::Duration;

use super::{ClusterWatchSpec, PollError, Tools};
use crate::{
    controller::status::late_secret::{self, AGAIN},
    k8s::api::Cluster,
    sync::{
        credentials::{CredentialsError, Found},
        decide::plan::Scope,
        schedule::Cadence,
        state::Memory,
    },
    together::ApiKey,
};

/// The key to use: the one that another `ClusterWatch` has read, where that was no longer ago than half of the time between two
/// polls, else the one that the Secret holds now. By itself each `ClusterWatch` reads its Secret at each poll.
///
/// A Secret that cannot be used is read again no sooner than ten seconds later, unless somebody asks for this poll.
pub(crate) async fn key<C: Cluster, T>(
    tools: &Tools<C, T>,
    spec: &ClusterWatchSpec,
    scope: &Scope,
    cadence: &Cadence,
    memory: &mut Memory,
) -> Result<ApiKey, PollError> {
    let asked = tools.clock.elapsed();
    let young = cadence.active_interval / 2;
    let requested = std::mem::take(&mut memory.secret.wanted);
    let known: &Memory = memory;
    let serves = |found: &Found| match &found.key {
        Ok(key) => {
            found.began >= asked
                || asked < found.began + young
                    && known.secret.own != Some(found.began)
                    && known.heed_refusal(key, asked).is_ok()
        }
        Err(error) if requested => found.began >= asked || answers(found, error, asked),
        Err(error) => is_fresh(found, error, asked),
    };
    let key = find(tools, spec, scope, memory, serves).await;
    let key = note(memory, key)?;
    memory.heed_refusal(&key, asked)?;
    Ok(key)
}

/// Reads the Secret once more that could not be used.
///
/// # Errors
/// Why there still is no key.
pub async fn look_for_key<C: Cluster, T>(
    tools: &Tools<C, T>,
    spec: &ClusterWatchSpec,
    scope: &Scope,
    memory: &mut Memory,
) -> Result<(), CredentialsError> {
    let asked = tools.clock.elapsed();
    let serves = |found: &Found| match &found.key {
        Ok(_) => asked < found.began + AGAIN,
        Err(error) => is_fresh(found, error, asked),
    };
    let (found, _) = find(tools, spec, scope, memory, serves).await;
    // The poll that follows may take what was found here.
    note(memory, (found, false)).map(drop)
}

/// The key that the Secret holds now, where the API has just refused `key` and it is another one: the key was rotated since
/// it was read. `None`: nothing speaks for another try.
pub(crate) async fn replaced<C: Cluster, T>(
    tools: &Tools<C, T>,
    spec: &ClusterWatchSpec,
    scope: &Scope,
    memory: &mut Memory,
    key: &ApiKey,
) -> Option<ApiKey> {
    let asked = tools.clock.elapsed();
    let newer = find(tools, spec, scope, memory, |found| found.began > asked).await;
    let newer = note(memory, newer).ok()?;
    (newer.fingerprint() != key.fingerprint()).then_some(newer)
}

/// Whether what was found last need not be looked for again: there is no key, and that was read a short time ago.
fn is_fresh(found: &Found, error: &CredentialsError, asked: Duration) -> bool {
    match late_secret::reason(error) {
        Some(_) => asked < found.began + AGAIN,
        None => answers(found, error, asked),
    }
}

/// Whether a read that got no answer ended only after somebody `asked`: one that hangs is not repeated by all who wait for it.
fn answers(found: &Found, error: &CredentialsError, asked: Duration) -> bool {
    late_secret::reason(error).is_none() && found.ended >= asked
}

async fn find<C: Cluster, T>(
    tools: &Tools<C, T>,
    spec: &ClusterWatchSpec,
    scope: &Scope,
    memory: &Memory,
    serves: impl Fn(&Found) -> bool + Send,
) -> (Found, bool) {
    let (keys, of) = (&tools.keys, (&*scope.namespace, &spec.api_key_secret_ref));
    let (found, own) = keys.find(&tools.cluster, &*tools.clock, of, serves).await;
    if own {
        memory.meter.read_secret(found.key.as_ref().err());
    }
    (found, own)
}

/// Remembers what was `found`, and whether it was read for this `ClusterWatch` alone.
fn note(memory: &mut Memory, (found, own): (Found, bool)) -> Result<ApiKey, CredentialsError> {
    match &found.key {
        Ok(_) if own => memory.secret.own = Some(found.began),
        Ok(_) => {}
        Err(error) => {
            let last = match late_secret::reason(error) {
                Some(_) => found.began,
                None => found.ended,
            };
            memory.secret.again = last + AGAIN;
        }
    }
    found.key
}
