//! The key of a poll, and the one that replaced it meanwhile.

use super::{ClusterWatchSpec, PollError, Tools};
use crate::{
    cluster::Cluster,
    together::ApiKey,
    watch::{credentials, memory::Memory, plan::Scope, schedule::Cadence},
};

/// The key to use: the one that another `ClusterWatch` has read, where that was no longer ago than half of the time between two
/// polls, else the one that the Secret holds now. By itself each `ClusterWatch` reads its Secret at each poll.
pub(super) async fn key<C: Cluster, T>(
    tools: &Tools<C, T>,
    spec: &ClusterWatchSpec,
    scope: &Scope,
    cadence: &Cadence,
    memory: &mut Memory,
) -> Result<ApiKey, PollError> {
    let (namespace, wanted) = (&scope.namespace, &spec.api_key_secret_ref);
    let now = tools.clock.elapsed();
    let young = cadence.active_interval / 2;
    if let Some((read, key)) = tools.keys.get(namespace, wanted, now, young)
        && memory.key_read != Some(read)
        && memory.heed_refusal(&key, now).is_ok()
    {
        return Ok(key);
    }
    let key = read(tools, spec, scope, memory).await?;
    memory.heed_refusal(&key, now)?;
    Ok(key)
}

/// The key that the Secret holds now, where the API has just refused `key` and it is another one: the key was rotated since
/// it was read. `None`: nothing speaks for another try.
pub(super) async fn replaced<C: Cluster, T>(
    tools: &Tools<C, T>,
    spec: &ClusterWatchSpec,
    scope: &Scope,
    memory: &mut Memory,
    key: &ApiKey,
) -> Option<ApiKey> {
    let newer = read(tools, spec, scope, memory).await.ok()?;
    (newer.fingerprint() != key.fingerprint()).then_some(newer)
}

async fn read<C: Cluster, T>(
    tools: &Tools<C, T>,
    spec: &ClusterWatchSpec,
    scope: &Scope,
    memory: &mut Memory,
) -> Result<ApiKey, PollError> {
    let (namespace, wanted) = (&scope.namespace, &spec.api_key_secret_ref);
    let now = tools.clock.elapsed();
    let key = credentials::read(&tools.cluster, namespace, wanted).await?;
    tools.keys.put(namespace, wanted, now, &key);
    memory.key_read = Some(now);
    Ok(key)
}
