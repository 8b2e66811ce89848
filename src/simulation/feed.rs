//! What a process's watches show: events that are late, a list after a lost connection, or a list older than the
//! responses to writes.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use futures::{Stream, channel::mpsc};
use kube::{ResourceExt, core::Status};
use kube_runtime::watcher;
use tokio::time::sleep;

use super::{life::Life, signal::Signal, world::World};
use crate::{
    api::{cluster_watch::ClusterWatch, remediation::Remediation},
    k8s::partial::Shown,
    testing::cluster::Change,
};

/// Delay of an event.
const LATENCY: Duration = Duration::from_millis(30);

/// The state of a process's watches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lag {
    /// Events are this many seconds late.
    pub(super) seconds: u64,
    /// Incremented when the connection of the mirrors' watch is lost, so that everything is listed again.
    pub(super) cuts: u64,
    /// The new list takes this many times as long as an event, and shows the server as it was when the list started.
    pub(super) behind: usize,
}

pub(super) type Lags = Arc<Signal<Lag>>;

fn latency(lags: &Lags) -> Duration {
    LATENCY + Duration::from_secs(lags.get().seconds)
}

/// Waits for the delay of events; a lost connection ends the wait.
async fn delay(lags: &Lags) {
    let delay = latency(lags);
    let known = lags.get();
    tokio::select! {
        biased;
        () = sleep(delay) => {}
        () = lags.wait_for(|lag| lag != known) => {}
    }
}

type Event = watcher::Result<watcher::Event<Shown>>;

/// The watch on the mirrors: its events, and the future that produces them while it is polled.
pub(super) fn mirrors(
    world: Arc<World>,
    life: Arc<Life>,
    lags: Lags,
) -> (impl Stream<Item = Event>, impl Future<Output = ()>) {
    let (sender, events) = mpsc::unbounded();
    let feed = async move {
        let refuse = || sender.unbounded_send(Err(forbidden())).unwrap();
        let send = |event| sender.unbounded_send(Ok(event)).unwrap();
        let changed = &world.mirror_changes;
        let cut = || Some((lags.get().cuts, world.cluster.restores()));
        let mut at = 0;
        let mut cuts = None;
        loop {
            if cuts != cut() {
                cuts = cut();
                send(watcher::Event::Init);
                sleep(LATENCY).await;
                life.runs().await;
                if world.refused.get() {
                    refuse();
                    world.refused.wait_for(|refused| !refused).await;
                    cuts = None;
                    continue;
                }
                let lag = lags.get();
                let changes = world.cluster.changes(0);
                at = changes.len();
                for _ in 0..lag.behind {
                    sleep(LATENCY).await;
                    life.runs().await;
                }
                for object in snapshot(&changes).into_values() {
                    send(watcher::Event::InitApply(world.cluster.shown(object)));
                }
                send(watcher::Event::InitDone);
                continue;
            }
            let heard = changed.get();
            let changes = world.cluster.changes(at);
            if changes.is_empty() {
                tokio::select! {
                    biased;
                    () = changed.wait_for(|now| now != heard) => {}
                    () = lags.wait_for(|_| cut() != cuts) => {}
                }
                continue;
            }
            delay(&lags).await;
            life.runs().await;
            world.refused.wait_for(|refused| !refused).await;
            if cuts != cut() {
                continue;
            }
            at += changes.len();
            for change in changes {
                send(match change {
                    Change::Put(object) => watcher::Event::Apply(world.cluster.shown(object)),
                    Change::Gone(object) => watcher::Event::Delete(object.into()),
                });
            }
        }
    };
    (events, feed)
}

/// The response to a list without permissions in the namespace.
fn forbidden() -> watcher::Error {
    let status = Status::failure("it is forbidden", "Forbidden").with_code(403);
    watcher::Error::InitialListFailed(kube::Error::Api(status.boxed()))
}

/// The objects after these changes.
fn snapshot(changes: &[Change]) -> BTreeMap<String, Remediation> {
    let mut objects = BTreeMap::new();
    for change in changes {
        match change {
            Change::Put(object) => objects.insert(object.name_any(), object.clone()),
            Change::Gone(object) => objects.remove(&object.name_any()),
        };
    }
    objects
}

/// Publishes the `ClusterWatches`: first the current ones, then after every change.
pub(super) async fn watches(
    world: Arc<World>,
    life: Arc<Life>,
    lags: Lags,
    mut publish: impl FnMut(Vec<Arc<ClusterWatch>>),
) {
    loop {
        let heard = world.watch_changes.get();
        let watches = world.cluster.watches().into_iter().map(Arc::new).collect();
        delay(&lags).await;
        life.runs().await;
        world.refused.wait_for(|refused| !refused).await;
        publish(watches);
        world.watch_changes.wait_for(|now| now != heard).await;
    }
}
