//! Fills the index from a paged watch and keeps it up to date.

use futures::{Stream, StreamExt, stream};
use kube::{Api, Client, runtime::watcher};

use crate::{api::remediation::Remediation, cluster::watching, readiness::Readiness};

/// Follows the mirrors of `namespace` (all: `None`) until it is dropped. Cuts and errors are waited out and resumed;
/// `readiness` holds the index and hears of errors.
pub async fn follow(client: Client, namespace: Option<String>, readiness: Readiness) {
    let api: Api<Remediation> = match &namespace {
        Some(namespace) => Api::namespaced(client, namespace),
        None => Api::all(client),
    };
    let index = readiness.index().clone();
    index.may_list(namespace.as_deref()).await;
    // A shard that comes to want what it dropped lists anew.
    let events = stream::repeat(())
        .flat_map(|()| watching::events(api.clone()).take_until(index.lacks(namespace.as_deref())));
    heed(events, namespace.clone(), readiness).await;
}

/// Tells the index of `readiness` what a watch on the mirrors of `namespace` says, until it ends.
pub async fn heed(
    events: impl Stream<Item = watcher::Result<watcher::Event<Remediation>>>,
    namespace: Option<String>,
    readiness: Readiness,
) {
    let index = readiness.index();
    let mut events = std::pin::pin!(events);
    let mut epoch = 0;
    let mut first = true;
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => epoch = index.begin(namespace.as_deref()),
            Ok(watcher::Event::InitApply(object) | watcher::Event::Apply(object)) => {
                index.show(namespace.as_deref(), object);
            }
            Ok(watcher::Event::InitDone) => {
                index.end(epoch, namespace.as_deref(), first);
                first = false;
            }
            Ok(watcher::Event::Delete(object)) => index.hide(namespace.as_deref(), &object),
            Err(error) => {
                readiness.doubt();
                tracing::warn!(%error, "the watch on Remediations failed and is tried again");
            }
        }
    }
}
