//! A thousand `ClusterWatches` of one node each in one namespace: the operator keeps its Lease, polls all of them, and
//! answers its probes. The longest block of its thread is measured, for it is what the Lease and the probes wait for.

use std::{
    collections::BTreeSet,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use futures::{StreamExt, stream};
use k8s_openapi::api::coordination::v1::LeaseSpec;
use kube::{ResourceExt, api::PostParams};
use kube_runtime::{WatchStreamExt, watcher};
use rustix::process::Signal;
use testbed::simulator::Remediation as Truth;
use together_remediation_operator::api::cluster_watch::ClusterWatch;
use tokio::{task::JoinHandle, time::timeout};

use crate::{
    conditions::condition_status,
    fixture::{CLUSTER, Fixture, spec},
    leader::{LEASE, leases, stage},
    process::Process,
    setup,
};

const NODES: u32 = 1000;
/// A build for tests, on a machine that has other things to do.
const TIMEOUT: Duration = Duration::from_secs(400);
/// `ClusterWatches` that are created at the same time.
const AT_ONCE: usize = 16;
const FLAGS: [&str; 3] = ["--api-qps=1000", "--api-burst=1000", "--kube-qps=0"];
/// Between two looks.
const LOOK: Duration = Duration::from_millis(250);
/// Between two probes.
const PAUSE: Duration = Duration::from_millis(20);

/// Somebody who asks /livez all the time.
struct Prober {
    longest: Arc<AtomicU64>,
    ended: Arc<AtomicBool>,
    task: JoinHandle<u32>,
}

impl Prober {
    fn start(admin: &str) -> Self {
        let (longest, ended) = (Arc::<AtomicU64>::default(), Arc::<AtomicBool>::default());
        let (slowest, end) = (longest.clone(), ended.clone());
        let url = format!("http://{admin}/livez");
        let task = tokio::spawn(async move {
            let (client, mut probes) = (reqwest::Client::new(), 0);
            while !end.load(Ordering::SeqCst) {
                let asked = Instant::now();
                if client.get(&url).send().await.is_ok() {
                    probes += 1;
                }
                let took = u64::try_from(asked.elapsed().as_millis()).unwrap();
                slowest.fetch_max(took, Ordering::SeqCst);
                tokio::time::sleep(PAUSE).await;
            }
            probes
        });
        Self {
            longest,
            ended,
            task,
        }
    }

    /// The longest that an answer took, in milliseconds, and how many came.
    async fn end(self) -> (u64, u32) {
        self.ended.store(true, Ordering::SeqCst);
        let probes = self.task.await.unwrap();
        (self.longest.load(Ordering::SeqCst), probes)
    }
}

fn instance(node: u32) -> String {
    format!("00000000-0000-4000-9000-{node:012x}")
}

/// One remediation on each of many nodes.
fn put(fixture: &Fixture) {
    for node in 0..NODES {
        fixture.simulator.put(Truth {
            instance_id: instance(node),
            ..Truth::numbered(CLUSTER, node)
        });
    }
}

async fn create(fixture: &Fixture) {
    let watches = fixture.watches();
    let created = stream::iter(0..NODES)
        .map(async |node| {
            let mut spec = spec();
            spec.instance_id = Some(instance(node));
            (spec.interval, spec.active_interval) =
                (Some("60s".to_owned()), Some("60s".to_owned()));
            let watch = ClusterWatch::new(&format!("node-{node}"), spec);
            watches
                .create(&PostParams::default(), &watch)
                .await
                .unwrap();
        })
        .buffer_unordered(AT_ONCE)
        .count()
        .await;
    assert_eq!(created, NODES as usize);
}

async fn lease(fixture: &Fixture) -> LeaseSpec {
    leases(fixture).get(LEASE).await.unwrap().spec.unwrap()
}

/// Waits until all are synced, by a watch: lists of a thousand would take the time of what is measured.
async fn all_synced(fixture: &Fixture) {
    let seen = watcher(fixture.watches(), watcher::Config::default());
    let mut seen = std::pin::pin!(seen.default_backoff().applied_objects());
    let mut ready = BTreeSet::new();
    let all = async {
        while ready.len() < NODES as usize {
            let watch = seen.next().await.unwrap();
            if let Some(watch) = watch
                .ok()
                .filter(|watch| condition_status(watch, "Ready") == "True")
            {
                ready.insert(watch.name_any());
            }
        }
    };
    let ended = timeout(TIMEOUT, all).await;
    assert!(ended.is_ok(), "{} of {NODES} are synced", ready.len());
}

/// Waits for something of an operator that must go on meanwhile.
async fn comes_true(process: &mut Process, what: &str, ask: impl AsyncFn() -> Result<(), String>) {
    let begun = Instant::now();
    loop {
        let Err(last) = ask().await else { return };
        assert!(!process.has_ended(), "it ended before {what}: {last}");
        assert!(
            begun.elapsed() < TIMEOUT,
            "not within {TIMEOUT:?}: {what}; last seen: {last}"
        );
        tokio::time::sleep(LOOK).await;
    }
}

fn enough(found: u64, needed: u64) -> Result<(), String> {
    if found >= needed {
        Ok(())
    } else {
        Err(format!("{found} of {needed}"))
    }
}

/// One life of the operator: until all are synced, and each was polled once more.
async fn life(fixture: &Fixture, what: &str, begins: impl Future<Output = ()>) {
    let mut process = Process::of(fixture, &FLAGS).await;
    let prober = Prober::start(&process.admin().await);
    comes_true(&mut process, "it leads", async || {
        let lease = leases(fixture).get_opt(LEASE).await.unwrap();
        let holder = lease.and_then(|lease| lease.spec?.holder_identity);
        enough(holder.map_or(0, |name| name.len() as u64), 1)
    })
    .await;
    let (led, begun) = (lease(fixture).await, Instant::now());
    begins.await;
    all_synced(fixture).await;
    let (took, first) = (begun.elapsed(), fixture.simulator.counters().listings);
    comes_true(&mut process, "each is polled once more", async || {
        let polls = fixture.simulator.counters().listings - first;
        enough(polls, NODES.into())
    })
    .await;
    let now = lease(fixture).await;
    assert_eq!(now.holder_identity, led.holder_identity, "it was lost");
    assert_eq!(now.lease_transitions, led.lease_transitions);
    let (longest, probes) = prober.end().await;
    process.signal(Signal::TERM);
    let (status, log) = process.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    setup::print_line(&format!(
        "{NODES} ClusterWatches, {what}: all synced after {:.0} s, the Lease never lost, the longest block of the runtime {longest} ms ({probes} probes)",
        took.as_secs_f64()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_cluster_watches_of_one_namespace_are_polled_and_the_lease_is_kept() {
    let fixture = stage("many", 0).await;
    put(&fixture);
    life(&fixture, "created while it runs", create(&fixture)).await;
    fixture.agrees().await;
    life(&fixture, "there when it starts", std::future::ready(())).await;
}
