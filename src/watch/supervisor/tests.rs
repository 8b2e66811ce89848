use std::time::Duration;

use super::*;
use crate::{
    api::cluster_watch::ClusterWatchSpec,
    clock::Clock,
    events::Events,
    mirror::index::Index,
    testing::{clock::TestClock, cluster::MemoryCluster},
    together::{BaseUrl, Client, Limits},
    watch::{credentials::Keys, room::Room},
};

fn watch(namespace: &str, name: &str) -> Arc<ClusterWatch> {
    let mut watch = ClusterWatch::new(name, ClusterWatchSpec::default());
    watch.metadata.namespace = Some(namespace.to_owned());
    Arc::new(watch)
}

#[tokio::test]
async fn the_end_of_a_listing_ends_the_tasks_of_watches_that_it_lacks() {
    let base = BaseUrl::parse("http://127.0.0.1:1", true).unwrap();
    let clock: Arc<dyn Clock> = Arc::new(TestClock::default());
    let tools = Tools {
        cluster: MemoryCluster::default(),
        together: Client::new(base, Limits::default()).unwrap(),
        index: Index::new(0),
        clock: clock.clone(),
        events: Events::default(),
        room: Room::default(),
        keys: Keys::default(),
    };
    let speeds = Speeds {
        default_interval: Duration::from_secs(60),
        min_interval: Duration::from_secs(10),
    };
    let watchdog = Watchdog::new(clock.clone(), Duration::from_secs(300));
    let meters = Watches::new(clock);
    let shutdown = CancellationToken::new();
    let tools = Arc::new(tools);
    let shard = Shard::new("ns/lease", None);
    let supervisor = Supervisor::new(tools, shard, speeds, watchdog, meters, shutdown);
    supervisor.lead();
    let tasks = || {
        let running = supervisor.running.lock().unwrap();
        let names = running.keys().map(|(_, name)| name.clone());
        names.collect::<BTreeSet<_>>()
    };
    let watches = [watch("a", "one"), watch("b", "two")];
    supervisor.settle_all(None, &watches);
    assert_eq!(tasks(), ["one".to_owned(), "two".to_owned()].into());
    supervisor.settle_all(None, &watches[..1]);
    assert_eq!(
        tasks(),
        ["one".to_owned()].into(),
        "its namespace has no watch left"
    );
    supervisor.settle_all(Some("b"), &[]);
    assert_eq!(
        tasks(),
        ["one".to_owned()].into(),
        "of another namespace it says nothing"
    );
    supervisor.settle_all(Some("a"), &[]);
    assert!(tasks().is_empty());
}
