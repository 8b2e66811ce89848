//! Looks now and then whether the API server's storage went backwards.
//!
//! A watch does not tell: the API server takes one up at a version that is still to come, and says nothing until it has come
//! there. Where little is written, that is never, and mirrors that a restore of etcd took back would stay as they are.

use std::time::Duration;

use kube::{
    Api, Client,
    api::{ListParams, PartialObjectMeta},
};

use super::index::Index;
use crate::api::remediation::Remediation;

/// Between two looks: each is a list of one object.
const CHECK: Duration = Duration::from_secs(15);
/// How long one look may take.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Looks again and again, until it is dropped, and tells `index` of each way back. It asks for the mirrors of one of
/// `namespaces` (all: `None`) at a time, as long as that one is answered; versions are those of the whole cluster.
pub async fn watch_for_restores(client: Client, namespaces: &[Option<String>], index: &Index) {
    let mut last = 0;
    for namespace in namespaces.iter().cycle().map(Option::as_deref) {
        loop {
            tokio::time::sleep(CHECK).await;
            // What comes in while the list is under way may be newer than the list.
            let known = index.newest().max(last);
            let look = version(&client, namespace);
            let Ok(Some(found)) = tokio::time::timeout(TIMEOUT, look).await else {
                break;
            };
            if found < known {
                index.rewound(Some(namespace.unwrap_or_default()));
            }
            last = found;
        }
    }
}

/// The version of the storage. A list that names none is a consistent read: it is none of an earlier time.
async fn version(client: &Client, namespace: Option<&str>) -> Option<u64> {
    let api: Api<PartialObjectMeta<Remediation>> = match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    };
    let list = api.list_metadata(&ListParams::default().limit(1)).await;
    list.ok()?.metadata.resource_version?.parse().ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
