//! SIGTERM at any instant: the process ends within 10 s with exit 0 and releases its Lease, and the next start goes on
//! without a write too many.
//!
//! `SHUTDOWN_EVERY` selects the requests to the API server: each whose number it divides (nine without it: `1` is all).

use std::{
    env,
    os::unix::process::ExitStatusExt,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use futures::{StreamExt, stream};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use rustix::process::Signal;
use testbed::{
    api_proxy::{ApiProxy, Fault, RunningFault, Which},
    simulator::{self, Times},
};

use crate::{
    books::assert_each_written_once,
    fixture::Fixture,
    leader::{LEASE, stage},
    process::Process,
    setup,
    steps::{holds, struck},
    truth::assert_mirrors,
};

const REMEDIATIONS: u32 = 20;
/// More requests than a start with a first mirror makes; then it waits for its next poll.
const REQUESTS: u64 = 56;
/// What a process may take to end.
const PROMPT: Duration = Duration::from_secs(10);
/// How many are under way at the same time.
const AT_ONCE: usize = 6;

/// One namespace with remediations, a watch, and the way of a first replica to the API server.
struct Scene {
    fixture: Fixture,
    proxy: ApiProxy,
}

impl Scene {
    async fn new() -> Self {
        let fixture = stage("shutdown", REMEDIATIONS).await;
        fixture.watch("training", |_| {}).await;
        let proxy = fixture.observer().await;
        Self { fixture, proxy }
    }

    fn start(&self) -> Process {
        Process::behind(&self.fixture, &self.proxy, &[])
    }

    /// From its `nth` request on the API server does not answer the replica.
    fn silent_from(&self, nth: u64) -> RunningFault {
        self.proxy.fault(Fault::Hold, Which::From(nth), |_| true)
    }

    /// Starts another replica, which finishes what the first one began: each mirror was written once by both.
    async fn goes_on(&self) {
        let second = self.fixture.observer().await;
        let process = Process::behind(&self.fixture, &second, &[]);
        self.fixture.ready("training", "Synced").await;
        self.fixture.sync("training").await;
        let truth = self.fixture.truth();
        assert_mirrors(&self.fixture.all().await, &truth);
        terminated(process).await;
        let books = [self.proxy.writes(), second.writes()];
        let watch = assert_each_written_once(&books, REMEDIATIONS as usize);
        // Seen, synced, and the echo of the sync.
        assert!(watch <= 3, "{watch} writes of the watch's status");
    }

    /// The holder of the Lease; empty: released; `None`: there is no Lease.
    async fn holder(&self) -> Option<String> {
        let namespace = &self.fixture.namespace;
        let leases = Api::<Lease>::namespaced(self.fixture.client.clone(), namespace);
        let lease = leases.get_opt(LEASE).await.unwrap()?;
        lease.spec.unwrap().holder_identity
    }
}

/// Sends SIGTERM, and waits for its good end.
async fn terminated(process: Process) -> String {
    process.signal(Signal::TERM);
    let ended = tokio::time::timeout(PROMPT, process.ended()).await;
    let (status, log) = ended.expect("it ends within 10 s");
    assert_eq!(status.code(), Some(0), "{status}: {log}");
    log
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_after_any_request_ends_it_well_and_the_next_start_goes_on() {
    let every = env::var("SHUTDOWN_EVERY").map_or(9, |every| every.parse().unwrap());
    let released = AtomicUsize::new(0);
    let instants = (1..=REQUESTS).filter(|nth| nth % every == 0 || *nth <= 4);
    let done = stream::iter(instants)
        .map(async |nth| {
            let scene = Scene::new().await;
            let counted = scene
                .proxy
                .fault(Fault::Delay(Duration::ZERO), Which::All, |_| true);
            let process = scene.start();
            struck(&counted, nth).await;
            terminated(process).await;
            let holder = scene.holder().await;
            assert!(
                holder.as_ref().is_none_or(String::is_empty),
                "released: {holder:?}"
            );
            released.fetch_add(usize::from(holder.is_some()), Ordering::Relaxed);
            scene.goes_on().await;
        })
        .buffer_unordered(AT_ONCE)
        .count()
        .await;
    setup::print_line(&format!(
        "{done} times SIGTERM after 1 to {REQUESTS} requests: exit 0 each time, {} Leases released, no write too many",
        released.into_inner()
    ));
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_while_the_api_server_does_not_answer_ends_it_within_10_s() {
    let done = stream::iter([1, 2, 4, 7, 12, 30])
        .map(async |nth| {
            let scene = Scene::new().await;
            let silence = scene.silent_from(nth);
            let process = scene.start();
            struck(&silence, 1).await;
            terminated(process).await;
            // What it had begun arrives after its end.
            silence.end();
            scene.goes_on().await;
        })
        .buffer_unordered(AT_ONCE)
        .count()
        .await;
    assert_eq!(done, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_while_the_api_does_not_answer_ends_it_within_10_s() {
    let scene = Scene::new().await;
    let simulator = &scene.fixture.simulator;
    simulator.fault(simulator::Fault::Hang, Times::UntilCleared);
    let process = scene.start();
    holds(
        "it waits for an answer",
        async || simulator.counters().calls(),
        |found| *found > 0,
    )
    .await;
    terminated(process).await;
    assert_eq!(scene.holder().await.as_deref(), Some(""), "released");
    simulator.clear_faults();
    scene.goes_on().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_ends_one_that_stands_by_and_one_that_waits_for_its_next_poll() {
    let scene = Scene::new().await;
    let leader = scene.start();
    scene.fixture.ready("training", "Synced").await;
    let holder = scene.holder().await;
    let second = scene.fixture.observer().await;
    let looks = second.fault(Fault::Delay(Duration::ZERO), Which::All, |asked| {
        asked.plural() == Some("leases")
    });
    let standby = Process::behind(&scene.fixture, &second, &[]);
    struck(&looks, 2).await;
    terminated(standby).await;
    assert!(second.writes().is_empty());
    assert_eq!(
        scene.holder().await,
        holder,
        "a standby does not release a Lease that it never held"
    );
    let versions = scene.fixture.versions().await;
    let log = terminated(leader).await;
    assert!(log.contains("released"), "{log}");
    assert_eq!(scene.holder().await.as_deref(), Some(""));
    scene.goes_on().await;
    assert_eq!(
        scene.fixture.versions().await,
        versions,
        "no spurious write"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn sigterm_right_after_the_first_log_line_ends_it_with_exit_0() {
    let scene = Scene::new().await;
    let _silence = scene.silent_from(1);
    let instants = stream::iter(0..20).map(async |instant| {
        let process = scene.start();
        tokio::time::sleep(Duration::from_millis(2 * instant)).await;
        process.signal(Signal::TERM);
        let (status, log) = process.ended().await;
        // Before it listens to signals nothing has begun.
        let unborn = status.signal() == Some(Signal::TERM.as_raw()) && log.is_empty();
        assert!(unborn || status.code() == Some(0), "{status}: {log}");
    });
    assert_eq!(instants.buffer_unordered(5).count().await, 20);
    let process = scene.start();
    process.wait_for_log("started").await;
    terminated(process).await;
}
