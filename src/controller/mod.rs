//! Watches the `ClusterWatches` and passes changes to the registry.

pub mod events;
pub mod metrics;
pub mod orphans;
pub mod overlap;
pub mod registry;
pub mod shard;
pub mod spread;
pub mod status;
pub mod worker;

use std::{convert::Infallible, future::ready, sync::Arc};

use futures::{Stream, StreamExt, TryStreamExt};
use kube::{Client, ResourceExt, core::DeserializeGuard};
use kube_runtime::{
    WatchStreamExt,
    controller::{Action, Controller, Error as ControllerError},
    reflector::{self, reflector},
    watcher,
};

use crate::{
    api::cluster_watch::ClusterWatch,
    controller::registry::{Changed, WorkerRegistry},
    health::readiness::{Listing, Readiness},
    k8s::{api::KubeApi, error_text::words, watch},
    together::Service,
};

/// Watches the `ClusterWatches` of `namespace` (`None`: all) until `registry` shuts down. Tells `readiness` when the
/// first list is complete.
pub async fn control<C: KubeApi, T: Service>(
    client: Client,
    namespace: Option<String>,
    registry: Arc<WorkerRegistry<C, T>>,
    readiness: Readiness,
) {
    let (store, writer) = reflector::store();
    let changed = Arc::new(Changed::default());
    let shown = shown(client, namespace.as_deref(), &readiness, &changed);
    let events = reflector(writer, shown).touched_objects();
    // `Controller::new` does not report deletions.
    let controller = Controller::for_stream(events, store.clone());
    let marked = controller
        .graceful_shutdown_on(registry.until_shutdown())
        .run(
            mark_changed,
            |_, _: &Infallible, _| Action::await_change(),
            changed.clone(),
        );
    let marking = marked.for_each(|result| {
        match result {
            Ok(_) => {}
            Err(ControllerError::ObjectNotFound(gone)) => {
                changed.mark(gone.namespace.as_deref().unwrap_or_default());
            }
            Err(error) => {
                readiness.report_watch_error();
                tracing::warn!(
                    namespace,
                    error = words(&error),
                    "failed to watch ClusterWatches; retrying"
                );
            }
        }
        ready(())
    });
    let leading = async {
        registry.until_leading().await;
        changed.mark_all();
        // The wait fails only if the watch itself ended. Then there is nothing to do.
        let _ = store.wait_until_ready().await;
        let watches = || [store.state(), readiness.unreadable().all()].concat();
        registry.mark_orphans(namespace.as_deref(), watches).await;
    };
    let reconciling = async {
        // Until then the store is empty, which looks as if there were no ClusterWatches.
        let _ = store.wait_until_ready().await;
        registry
            .reconcile_changed(namespace.as_deref(), &changed, || store.state())
            .await;
    };
    tokio::select! {
        () = marking => {}
        () = leading => {}
        () = reconciling => {}
    }
}

/// The readable `ClusterWatches` of `namespace` (`None`: all), as the API server shows them. Each complete list marks
/// all as `changed`, because there is no event for a deletion during a lost connection.
fn shown(
    client: Client,
    namespace: Option<&str>,
    readiness: &Readiness,
    changed: &Arc<Changed>,
) -> impl Stream<Item = watcher::Result<watcher::Event<ClusterWatch>>> + Send + 'static {
    let api = watch::objects_in::<DeserializeGuard<ClusterWatch>>(client, namespace);
    let listing = readiness.watch_begins(namespace);
    let mut sorter = readiness.unreadable().sorter(namespace);
    let (refused, changed) = (listing.clone(), changed.clone());
    let rewinds = readiness.index().rewinds();
    let again = move || {
        let rewinds = rewinds.clone();
        async move { rewinds.next().await }
    };
    watch::events_listed_again(api, again)
        .filter_map(move |event| {
            ready(match event {
                Ok(event) => sorter.sort(event).map(Ok),
                Err(error) => Some(Err(error)),
            })
        })
        .inspect_ok(move |event| {
            if matches!(event, watcher::Event::InitDone) {
                listing.set(Listing::Listed);
                changed.mark_all();
            }
        })
        .inspect_err(move |error| {
            if watch::is_refused(error) {
                refused.set(Listing::Refused);
            }
        })
}

/// Only marks the namespace: the registry reconciles the whole namespace, once for a burst of events.
async fn mark_changed(
    watch: Arc<ClusterWatch>,
    changed: Arc<Changed>,
) -> Result<Action, Infallible> {
    changed.mark(&watch.namespace().unwrap_or_default());
    Ok(Action::await_change())
}
