//! How the first calls of the API are spread where many begin together: 100 `ClusterWatches` on 100 keys.

use std::sync::Mutex;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use super::*;
use crate::{k8s::error::KubeApiError, together::Error};

const MANY: usize = 100;

/// Which key called the API, and how long after the start.
type Calls = Arc<Mutex<Vec<([u8; 32], Duration)>>>;

/// A world of so many `ClusterWatches` with a key each, which nothing has reconciled yet; those with an even number
/// have synced.
fn world(many: usize) -> (World, Calls) {
    let world = World::new();
    world.cluster.give_each_a_key();
    for number in 0..many {
        put(&world, number);
    }
    let (calls, start) = (Calls::default(), Instant::now());
    let log = calls.clone();
    let note = move |key| -> Option<Error> {
        log.lock().unwrap().push((key, start.elapsed()));
        None
    };
    world.api.inner.state().faults.key = Some(Box::new(note));
    (world, calls)
}

fn put(world: &World, number: usize) {
    let spec = ClusterWatchSpec {
        cluster_id: format!("cluster-{number}"),
        interval: Some("60s".to_owned()),
        api_key_secret_ref: SecretKeyRef {
            name: format!("key-{number}"),
            ..SecretKeyRef::default()
        },
        ..ClusterWatchSpec::default()
    };
    let mut watch = ClusterWatch::new(&format!("w-{number:03}"), spec);
    watch.metadata.namespace = Some(NAMESPACE.to_owned());
    if number.is_multiple_of(2) {
        watch.status = Some(ClusterWatchStatus {
            last_sync_time: Some("2026-11-23T09:00:00Z".to_owned()),
            ..ClusterWatchStatus::default()
        });
    }
    world.cluster.put_watch(watch);
}

fn taken(calls: &Calls) -> Vec<([u8; 32], Duration)> {
    std::mem::take(&mut calls.lock().unwrap())
}

/// All have called the API, at no time since `from` more than three times as often as on average.
fn are_even(calls: &[([u8; 32], Duration)], from: u64) {
    assert!(calls.len() >= MANY, "{}", calls.len());
    assert!(most(calls, Duration::from_secs(from)) * 60 <= 3 * MANY);
}

/// The most calls in any second of the minute (and a bit) from `from` on.
fn most(calls: &[([u8; 32], Duration)], from: Duration) -> usize {
    let mut seconds = [0; 70];
    for (_, at) in calls {
        let second = at.saturating_sub(from).as_secs();
        seconds[usize::try_from(second).unwrap().min(69)] += 1;
    }
    seconds.into_iter().max().unwrap()
}

#[tokio::test(start_paused = true)]
async fn the_first_calls_of_a_hundred_are_even_and_those_that_never_synced_come_first() {
    let (world, calls) = world(MANY);
    world.pass(61).await;
    let calls = taken(&calls);
    assert!(calls.len() >= MANY, "{}", calls.len());
    let first = &calls[..MANY];
    assert!(most(first, Duration::ZERO) * 60 <= 3 * MANY);
    let early: BTreeSet<_> = first[..MANY / 2].iter().map(|(key, _)| *key).collect();
    for number in 0..MANY {
        let key: [u8; 32] = Sha256::digest(format!("key-{number}")).into();
        let never_synced = !number.is_multiple_of(2);
        assert_eq!(early.contains(&key), never_synced, "{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn when_all_begin_again_they_are_even_too() {
    let (world, calls) = world(MANY);
    world.pass(90).await;
    taken(&calls);
    // As when the CRDs were away; so it is where another replica comes to lead.
    world.registry.pause().await;
    world.pass(62).await;
    are_even(&taken(&calls), 90);
}

#[tokio::test(start_paused = true)]
async fn after_a_restore_of_etcd_they_are_even_too() {
    let (world, calls) = world(MANY);
    world.pass(120).await;
    taken(&calls);
    let index = &world.registry.factory.env().index;
    let lists = || index.end(index.begin(None), None);
    lists();
    index.rewound(None);
    lists();
    assert_eq!(index.restores(), 1);
    world.pass(62).await;
    are_even(&taken(&calls), 120);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_outage_of_kubernetes_gathers_no_calls() {
    let (world, calls) = world(MANY);
    world.pass(61).await;
    let down = KubeApiError::Unavailable("down".to_owned());
    world.cluster.fail_secrets(Some(down));
    world.pass(120).await;
    world.cluster.fail_secrets(None);
    taken(&calls);
    world.pass(60).await;
    let calls = taken(&calls);
    assert!(calls.len() > MANY / 2, "{}", calls.len());
    assert!(most(&calls, Duration::from_secs(181)) * 60 <= 3 * MANY);
}

#[tokio::test(start_paused = true)]
async fn a_single_one_syncs_at_once_and_so_does_one_that_comes_later() {
    let (world, calls) = world(1);
    world.pass(1).await;
    let at_once = |calls: &[([u8; 32], Duration)], second| {
        let seconds: Vec<_> = calls.iter().map(|(_, at)| at.as_secs()).collect();
        assert_eq!(seconds, [second]);
    };
    // The first reconcile is after a second.
    world.pass(1).await;
    at_once(&taken(&calls), 1);
    put(&world, 1);
    world.pass(2).await;
    at_once(&taken(&calls), 3);
}

#[tokio::test(start_paused = true)]
async fn a_request_does_not_wait_for_the_turn() {
    let (world, calls) = world(MANY);
    world.reconcile();
    let mut watch = world.cluster.watches().pop().unwrap();
    let last: [u8; 32] = Sha256::digest(&watch.spec.api_key_secret_ref.name).into();
    let request = [(REQUESTED_AT.to_owned(), "now".to_owned())];
    watch.metadata.annotations = Some(request.into());
    world.cluster.put_watch(watch);
    world.pass(2).await;
    let calls = taken(&calls);
    assert!(calls.iter().any(|(key, _)| *key == last), "{}", calls.len());
}
