//! Detects a restore of etcd every few seconds: the current resourceVersion is then older than before.
//!
//! A watch does not show a restore. The API server accepts a watch from a version that it does not have yet and sends
//! no events until it gets there. In a quiet cluster that takes forever, and mirrors that the restore reverted would
//! stay wrong.

use std::time::Duration;

use kube::{
    Client,
    api::{ListParams, PartialObjectMeta},
};

use crate::{api::remediation::Remediation, k8s::watch::objects_in, store::Index};

/// Time between two checks. Each is a list of one object.
const CHECK: Duration = Duration::from_secs(15);
/// Timeout of one check.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Checks until it is dropped, and tells `index` whenever the version went backwards. The version belongs to the whole
/// cluster, so one of the `namespaces` (`None`: all) is enough; after a failed request the next one is used.
pub async fn watch_for_restores(client: Client, namespaces: &[Option<String>], index: &Index) {
    let mut last = 0;
    for namespace in namespaces.iter().cycle().map(Option::as_deref) {
        loop {
            tokio::time::sleep(CHECK).await;
            // Read before the request, because events that arrive during it may be newer than its response.
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

/// The current version of etcd. A list without a version is a consistent read, so its response is not older.
async fn version(client: &Client, namespace: Option<&str>) -> Option<u64> {
    let api = objects_in::<PartialObjectMeta<Remediation>>(client.clone(), namespace);
    let list = api.list_metadata(&ListParams::default().limit(1)).await;
    list.ok()?.metadata.resource_version?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
