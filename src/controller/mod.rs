//! Follows the `ClusterWatches` and tells the supervisor of them.

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
    controller::registry::{Changed, Supervisor},
    health::readiness::{Listing, Readiness},
    k8s::{api::KubeApi, error_text::words, watch},
    together::Service,
};

/// Watches the `ClusterWatches` of `namespace` (all: `None`) until `supervisor` is told to shut down; `readiness` learns when
/// all were listed.
pub async fn control<C: KubeApi, T: Service>(
    client: Client,
    namespace: Option<String>,
    supervisor: Arc<Supervisor<C, T>>,
    readiness: Readiness,
) {
    let (store, writer) = reflector::store();
    let changed = Arc::new(Changed::default());
    let shown = shown(client, namespace.as_deref(), &readiness, &changed);
    let events = reflector(writer, shown).touched_objects();
    // `Controller::new` would not tell of deletions.
    let controller = Controller::for_stream(events, store.clone());
    let reconciled = controller.graceful_shutdown_on(supervisor.shut_down()).run(
        reconcile,
        |_, _: &Infallible, _| Action::await_change(),
        changed.clone(),
    );
    let reconciling = reconciled.for_each(|result| {
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
                    "the watch on ClusterWatches failed and is tried again"
                );
            }
        }
        ready(())
    });
    let leading = async {
        supervisor.led().await;
        changed.mark_all();
        // Only the end of the watch itself ends the wait too early, and then there is nothing to look after.
        let _ = store.wait_until_ready().await;
        let watches = || {
            let mut watches = store.state();
            watches.extend(readiness.unreadable().all());
            watches
        };
        supervisor.look_out(namespace.as_deref(), watches).await;
    };
    let settling = async {
        // Before that the store is empty, which would look as if there were no ClusterWatches.
        let _ = store.wait_until_ready().await;
        let settling = supervisor.settle_changed(namespace.as_deref(), &changed, || store.state());
        settling.await;
    };
    tokio::select! {
        () = reconciling => {}
        () = leading => {}
        () = settling => {}
    }
}

/// The `ClusterWatches` of `namespace` (all: `None`) as the API server shows them, those aside that cannot be read. Each
/// complete list marks all as `changed`: no event tells of what was deleted while the watch was cut.
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

/// Marks only: a settle looks at all of its namespace, so that each of a burst would do the work of all.
async fn reconcile(watch: Arc<ClusterWatch>, changed: Arc<Changed>) -> Result<Action, Infallible> {
    changed.mark(&watch.namespace().unwrap_or_default());
    Ok(Action::await_change())
}
