//! Fills the index from a paged watch and keeps it up to date.

use futures::{Stream, StreamExt};
use kube::{Client, ResourceExt};
use kube_runtime::watcher;

use crate::{
    api::remediation::Remediation,
    k8s::{error_text::words, partial::Shown, watch},
    store::Index,
};

/// Follows the mirrors of `namespace` (all: `None`) into `index` until it is dropped. Cuts and errors are waited out and
/// resumed; `on_error` hears of each error.
pub async fn follow(client: Client, namespace: Option<String>, index: Index, on_error: impl Fn()) {
    let api = watch::objects_in::<Shown>(client, namespace.as_deref());
    let rewinds = index.rewinds();
    let again = || {
        let rewinds = rewinds.clone();
        async move { rewinds.next().await }
    };
    let events = watch::events_listed_again(api, again);
    heed(events, namespace.clone(), &index, on_error).await;
}

/// The object, named where it cannot be read.
fn object_of(shown: impl Into<Shown>) -> Remediation {
    let shown = shown.into();
    if shown.is_unreadable() {
        tracing::warn!(
            namespace = shown.0.namespace(),
            remediation = shown.0.name_any(),
            "the spec of a Remediation cannot be read: the object is left alone, and its name stays taken. Delete it, or upgrade this program"
        );
    }
    shown.0
}

/// Tells `index` what a watch on the mirrors of `namespace` says, and `on_error` of its errors, until it ends.
pub async fn heed<S: Into<Shown>>(
    events: impl Stream<Item = watcher::Result<watcher::Event<S>>>,
    namespace: Option<String>,
    index: &Index,
    on_error: impl Fn(),
) {
    let mut events = std::pin::pin!(events);
    let mut epoch = 0;
    while let Some(event) = events.next().await {
        match event {
            Ok(watcher::Event::Init) => epoch = index.begin(namespace.as_deref()),
            Ok(watcher::Event::InitApply(object)) => {
                index.list(namespace.as_deref(), epoch, object_of(object));
            }
            Ok(watcher::Event::InitDone) => index.end(epoch, namespace.as_deref()),
            Ok(watcher::Event::Apply(object)) => {
                index.show(namespace.as_deref(), object_of(object));
            }
            Ok(watcher::Event::Delete(object)) => {
                index.hide(namespace.as_deref(), &object.into().0);
            }
            Err(error) => {
                if watch::is_refused(&error) {
                    index.refuse(namespace.as_deref());
                }
                on_error();
                tracing::warn!(
                    namespace,
                    error = words(&error),
                    "the watch on Remediations failed and is tried again"
                );
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
