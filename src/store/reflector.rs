//! Fills the index from a paged watch and keeps it current.

use futures::{Stream, StreamExt};
use kube::{Client, ResourceExt};
use kube_runtime::watcher;

use crate::{
    api::remediation::Remediation,
    k8s::{error_text::words, partial::Shown, watch},
    store::Index,
};

/// Watches the mirrors of `namespace` (`None`: all) and updates `index` until it is dropped. Lost connections and
/// errors are retried; `on_error` receives each error.
pub async fn follow(client: Client, namespace: Option<String>, index: Index, on_error: impl Fn()) {
    let api = watch::objects_in::<Shown>(client, namespace.as_deref());
    let rewinds = index.rewinds();
    let again = || {
        let rewinds = rewinds.clone();
        async move { rewinds.next().await }
    };
    let events = watch::events_listed_again(api, again);
    apply_events(events, namespace.clone(), &index, on_error).await;
}

/// Logs the object if its spec is unreadable.
fn object_of(shown: impl Into<Shown>) -> Remediation {
    let shown = shown.into();
    if shown.is_unreadable() {
        tracing::warn!(
            namespace = shown.0.namespace(),
            remediation = shown.0.name_any(),
            "cannot read the spec of a Remediation, so it is ignored and its name stays in use. Delete the object, or upgrade the operator"
        );
    }
    shown.0
}

/// Passes the events of a watch on the mirrors of `namespace` to `index`, and its errors to `on_error`, until it ends.
pub async fn apply_events<S: Into<Shown>>(
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
                    "failed to watch Remediations; retrying"
                );
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
