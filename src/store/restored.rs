//! Checks every few seconds whether etcd was restored from a backup: its version is then older than before.
//!
//! A watch does not show that. The API server accepts a watch from a version that it does not have yet and sends no events until
//! it gets there. In a quiet cluster that takes for ever, and mirrors that the restore took back would stay as they are.

use std::time::Duration;

use kube::{
    Client,
    api::{ListParams, PartialObjectMeta},
};

use crate::{api::remediation::Remediation, k8s::watch::objects_in, store::Index};

/// Between two checks: each is a list of one object.
const CHECK: Duration = Duration::from_secs(15);
/// How long one check may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks until it is dropped, and tells `index` whenever the version went backwards. Versions are those of the whole cluster,
/// so one of the `namespaces` (all: `None`) is enough; the next one is asked when a request fails.
pub async fn watch_for_restores(client: Client, namespaces: &[Option<String>], index: &Index) {
    let mut last = 0;
    for namespace in namespaces.iter().cycle().map(Option::as_deref) {
        loop {
            tokio::time::sleep(CHECK).await;
            // Before the request: events that arrive during it may be newer than its answer.
            let known = index.newest().max(last);
            let check = version(&client, namespace);
            let Ok(Some(found)) = tokio::time::timeout(TIMEOUT, check).await else {
                break;
            };
            if found < known {
                index.rewound(Some(namespace.unwrap_or_default()));
            }
            last = found;
        }
    }
}

/// The version of etcd now. A list that asks for no version is a consistent read: its answer is not an older one.
async fn version(client: &Client, namespace: Option<&str>) -> Option<u64> {
    let api = objects_in::<PartialObjectMeta<Remediation>>(client.clone(), namespace);
    let list = api.list_metadata(&ListParams::default().limit(1)).await;
    list.ok()?.metadata.resource_version?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
