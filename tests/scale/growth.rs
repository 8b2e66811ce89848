//! How the work of a poll grows with the number of remediations, and the work of a burst of events with the number of
//! `ClusterWatches`:
//! `cargo bench --bench growth`.
#![allow(clippy::unwrap_used, missing_docs)]

mod cast;

use std::{sync::Arc, time::Duration};

use divan::{Bencher, black_box, counter::ItemsCount};
use k8s_openapi::jiff::Timestamp;
use together_remediation_operator::{
    api::cluster_watch::{ClusterWatch, ClusterWatchSpec},
    clock::{Clock, SystemClock},
    controller::{
        metrics::Watches,
        registry::{WorkerFactory, WorkerRegistry},
        shard::Shard,
    },
    events::Events,
    health::liveness::Watchdog,
    k8s::api::KubeClient,
    mirror::{digest, end::Clocks, name::object_name, status},
    store::Index,
    sync::{
        Env, credentials::Keys, decide::plan::plan, schedule::PollDefaults, target::MirrorTarget,
        write::permits::WritePermits,
    },
    together::{BaseUrl, Client, Limits, Remediation, decode_page},
};
use tokio_util::sync::CancellationToken;

const COUNTS: [u32; 4] = [100, 1_000, 10_000, 100_000];

fn main() {
    divan::main();
}

fn items(count: u32) -> Vec<Remediation> {
    let page = decode_page(&cast::page(count).into()).unwrap();
    page.items.into_iter().map(Result::unwrap).collect()
}

fn filled(target: &MirrorTarget, items: &[Remediation]) -> Index {
    let index = Index::new(0);
    for item in items {
        index.show(None, cast::shown(&cast::stored(target, item)));
    }
    index
}

/// From the body of a page to remediations.
#[divan::bench(args = COUNTS)]
fn decode(bencher: Bencher<'_, '_>, count: u32) {
    let body = cast::page(count).into();
    bencher
        .counter(ItemsCount::new(count))
        .bench(|| decode_page(black_box(&body)).unwrap());
}

/// What a mirror should contain, and its digest.
#[divan::bench(args = COUNTS)]
fn status_and_digest(bencher: Bencher<'_, '_>, count: u32) {
    let items = items(count);
    bencher.counter(ItemsCount::new(count)).bench(|| {
        items
            .iter()
            .map(|item| digest::digest(&status::from_api(black_box(item), &[], 1)))
            .fold(0, |all, one| all ^ one)
    });
}

/// The plan for remediations that have their mirror and were not compared with it yet.
#[divan::bench(args = COUNTS)]
fn plan_unchanged(bencher: Bencher<'_, '_>, count: u32) {
    let target = cast::target();
    let items = items(count);
    let index = filled(&target, &items);
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(|| items.clone())
        .bench_local_values(|items| {
            for item in items {
                let id = item.id.clone();
                let name = object_name(&target.cluster, &id);
                let mirror = index.mirror(&target.namespace, &target.cluster, &name);
                let clocks = Clocks {
                    ours: Timestamp::UNIX_EPOCH,
                    apis: Some(Timestamp::UNIX_EPOCH),
                };
                black_box(plan(&target, &name, item, mirror.as_ref(), false, clocks));
            }
        });
}

/// A round over remediations that were found to be right before.
#[divan::bench(args = COUNTS)]
fn round_confirmed(bencher: Bencher<'_, '_>, count: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let target = cast::target();
    let items = items(count);
    let index = filled(&target, &items);
    let poll = |page: Vec<_>| runtime.block_on(cast::sync(&target, &index, page));
    let page = || items.iter().cloned().map(Ok).collect();
    poll(page());
    bencher
        .counter(ItemsCount::new(count))
        .with_inputs(page)
        .bench_local_values(poll);
}

/// From what the API server writes to the facts in the index, as when the operator starts.
#[divan::bench(args = COUNTS)]
fn index(bencher: Bencher<'_, '_>, count: u32) {
    let target = cast::target();
    let stored: Vec<_> = items(count)
        .iter()
        .map(|item| cast::stored(&target, item))
        .collect();
    bencher.counter(ItemsCount::new(count)).bench_local(|| {
        let index = Index::new(0);
        for object in &stored {
            index.show(None, cast::shown(black_box(object)));
        }
        index
    });
}

/// A registry that leads. Its tasks get no further than their runtime is driven.
fn registry() -> WorkerRegistry<KubeClient> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock::default());
    let base = BaseUrl::parse("http://127.0.0.1:1", true).unwrap();
    let env = Env {
        kube: cast::cluster(),
        together: Client::new(base, Limits::default(), None).unwrap(),
        index: Index::new(1),
        clock: clock.clone(),
        events: Events::default(),
        permits: WritePermits::default(),
        keys: Keys::default(),
    };
    let second = Duration::from_secs(1);
    let poll_defaults = PollDefaults {
        default_interval: second,
        default_active_interval: second,
        min_interval: second,
    };
    let watchdog = Watchdog::new(clock.clone(), second);
    let (meters, shutdown) = (Watches::new(clock), CancellationToken::new());
    let factory = WorkerFactory::new(Arc::new(env), poll_defaults, watchdog, meters);
    let registry = WorkerRegistry::new(factory, Shard::default(), shutdown);
    registry.lead();
    registry
}

/// What each burst of events costs: `ClusterWatches` of one namespace and cluster, each of one node, whose tasks run.
#[divan::bench(args = [100, 1_000, 10_000])]
fn event_burst(bencher: Bencher<'_, '_>, count: u32) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let _entered = runtime.enter();
    let watches: Vec<_> = (0..count)
        .map(|number| {
            let spec = ClusterWatchSpec {
                cluster_id: cast::CLUSTER.to_owned(),
                instance_id: Some(format!("instance-{number}")),
                ..ClusterWatchSpec::default()
            };
            let mut watch = ClusterWatch::new(&format!("node-{number}"), spec);
            watch.metadata.namespace = Some(cast::NAMESPACE.to_owned());
            Arc::new(watch)
        })
        .collect();
    let registry = registry();
    registry.reconcile_all(None, &watches);
    bencher
        .counter(ItemsCount::new(count))
        .bench_local(|| registry.reconcile_all(None, black_box(&watches)));
}
