//! A simulator of Together's remediation API: the reference page's behaviour over HTTP, a clock of
//! its own that moves remediations through their lives, every dialect, and every fault on demand.
//!
//! It runs on a thread of its own; dropping it closes its port and every connection.

mod answer;
mod api;
mod cluster;
mod control;
mod counters;
mod dialect;
mod endless;
mod fault;
mod front;
mod history;
mod keys;
mod life;
mod listing;
mod remediation;
mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::http::StatusCode;
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use k8s_openapi::jiff::{SignedDuration, Timestamp, Unit};
use tokio::net::TcpListener;
use tokio::runtime::{Builder, Runtime};

pub use counters::{Call, Counters};
pub use dialect::{Dialect, Names, StateForm};
pub use endless::Endless;
pub use fault::{Fault, Times};
pub use history::{History, Version};
pub use keys::RateLimit;
pub use remediation::{
    AlertAnnotation, FINAL_STATES, LinkedAlert, NEWER_STATES, PAGE_STATES, Remediation,
    SlurmAnnotation, XidAnnotation, XidEvent,
};
use world::World;

/// The key that every simulator knows, good for all clusters.
const KEY: &str = "simulator-key-for-all-clusters";
/// How often a running clock moves.
const TICK: Duration = Duration::from_millis(100);

/// Calls `tick` again and again with the real time that has passed since the last call.
pub async fn every_tick(mut tick: impl FnMut(Duration)) {
    let mut last = tokio::time::Instant::now();
    let mut ticks = tokio::time::interval(TICK);
    loop {
        let now = ticks.tick().await;
        tick(now - last);
        last = now;
    }
}

/// The state, shared between the handle and the server.
#[derive(Clone)]
struct Shared(Arc<Mutex<World>>);

impl Shared {
    fn lock(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn truth(&self, cluster: &str) -> Vec<Remediation> {
        let world = self.lock();
        let cluster = world.clusters.get(cluster);
        cluster.map_or_else(Vec::new, |cluster| cluster.all().cloned().collect())
    }

    fn advance(&self, by: Duration) {
        self.lock()
            .advance(SignedDuration::try_from(by).unwrap_or(SignedDuration::MAX));
    }
}

/// A running simulator. Its clock starts at the present second and stands still until it is
/// advanced or run.
pub struct Simulator {
    address: SocketAddr,
    shared: Shared,
    /// Taken when dropped.
    runtime: Option<Runtime>,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Simulator {
    /// Starts one on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// If no port can be had.
    pub async fn start() -> Self {
        match Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), |_| ()).await {
            Ok(simulator) => simulator,
            Err(error) => panic!("the simulator does not start: {error}"),
        }
    }

    /// Starts one on this address. It answers its first request after `prepare`.
    ///
    /// # Errors
    /// If the address cannot be listened on.
    pub async fn start_at(
        address: SocketAddr,
        prepare: impl FnOnce(&Self),
    ) -> std::io::Result<Self> {
        crate::tls::provide();
        let now = Timestamp::now().round(Unit::Second);
        let shared = Shared(Arc::new(Mutex::new(World::new(
            now.unwrap_or(Timestamp::UNIX_EPOCH),
        ))));
        shared.lock().keys.add(KEY, None);
        let listener = TcpListener::bind(address).await?.into_std()?;
        let address = listener.local_addr()?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("simulator")
            .enable_all()
            .build()?;
        let api = api::routes().layer(from_fn_with_state(shared.clone(), front::front));
        let router = Router::new()
            .nest("/v1", api)
            .route("/v3/whoami", get(api::whoami))
            .nest("/control", control::routes())
            .with_state(shared.clone());
        let handle = runtime.handle().clone();
        let simulator = Self {
            address,
            shared,
            runtime: Some(runtime),
        };
        prepare(&simulator);
        handle.spawn(async move {
            if let Ok(listener) = TcpListener::from_std(listener) {
                axum::serve(listener, router).await
            } else {
                Ok(())
            }
        });
        Ok(simulator)
    }

    /// The base of the API, `http://127.0.0.1:PORT/v1`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The base of the control interface, `http://127.0.0.1:PORT/control`.
    #[must_use]
    pub fn control_url(&self) -> String {
        format!("http://{}/control", self.address)
    }

    /// A key that is good for all clusters.
    #[must_use]
    #[allow(clippy::unused_self)]
    pub fn key(&self) -> &str {
        KEY
    }

    /// Makes a key known: for these clusters (others answer 403), or for all.
    pub fn add_key(&self, key: &str, clusters: Option<&[&str]>) {
        let clusters: Option<BTreeSet<String>> =
            clusters.map(|clusters| clusters.iter().map(ToString::to_string).collect());
        self.shared.lock().keys.add(key, clusters);
    }

    /// From now on this key answers 401.
    pub fn revoke(&self, key: &str) {
        self.shared.lock().keys.revoke(key);
    }

    /// Makes a cluster known; unknown ones answer 404.
    pub fn add_cluster(&self, cluster: &str) {
        self.shared.lock().cluster(cluster);
    }

    /// Makes a machine known; unknown ones answer 404.
    pub fn add_instance(&self, cluster: &str, instance: &str, name: &str) {
        let world = &mut *self.shared.lock();
        let instances = &mut world.cluster(cluster).instances;
        instances.insert(instance.to_owned(), name.to_owned());
    }

    /// Inserts or replaces; its cluster and machine become known. Times stay as they are given.
    pub fn put(&self, remediation: Remediation) {
        self.shared.lock().put(remediation);
    }

    /// Changes one in place. Its `update_time` becomes the clock's, unless `change` sets it.
    ///
    /// # Panics
    /// If the API has no such remediation.
    pub fn change(&self, cluster: &str, id: &str, change: impl FnOnce(&mut Remediation)) {
        let world = &mut *self.shared.lock();
        let now = world.clock;
        let changed = world.cluster(cluster).change(id, now, change);
        assert!(changed, "no remediation {id} in cluster {cluster}");
    }

    /// Moves one to a state, with the times that the API sets on the way.
    ///
    /// # Panics
    /// If the API has no such remediation.
    pub fn enter(&self, cluster: &str, id: &str, state: &str) {
        let now = self.now();
        self.change(cluster, id, |remediation| remediation.enter(state, now));
    }

    /// Removes one, as if the API had forgotten it; `false` if there was none.
    pub fn remove(&self, cluster: &str, id: &str) -> bool {
        self.shared.lock().remove(cluster, id)
    }

    /// All that the API holds of a cluster, by id.
    #[must_use]
    pub fn truth(&self, cluster: &str) -> Vec<Remediation> {
        self.shared.truth(cluster)
    }

    /// What the API has shown of a cluster since it began, by id.
    #[must_use]
    pub fn histories(&self, cluster: &str) -> BTreeMap<String, History> {
        let world = self.shared.lock();
        let cluster = world.clusters.get(cluster);
        cluster.map_or_else(BTreeMap::new, |cluster| cluster.histories.clone())
    }

    /// Fills a cluster with machines and remediations that live by themselves as the clock moves;
    /// all is over within 40 minutes of that clock. The same seed lives the same life.
    pub fn seed_life(&self, cluster: &str, seed: u64, machines: usize) {
        self.shared.lock().seed_life(cluster, seed, machines);
    }

    /// Seeded remediations that have not come to their end yet.
    #[must_use]
    pub fn lives_left(&self) -> usize {
        self.shared.lock().lives_left()
    }

    /// The simulator's time; every answer's `Date` shows it, unless [`set_date`](Self::set_date) says
    /// otherwise.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.shared.lock().clock
    }

    /// Sets the clock, with no life moved.
    pub fn set_clock(&self, now: Timestamp) {
        self.shared.lock().clock = now;
    }

    /// Every answer's `Date` is this text, whatever the clock shows; `None`: the clock's time.
    pub fn set_date(&self, date: Option<&str>) {
        self.shared.lock().date = date.map(str::to_owned);
    }

    /// Moves the clock, and with it the lives.
    pub fn advance(&self, by: Duration) {
        self.shared.advance(by);
    }

    /// Lets the clock run from now on, `speed` times as fast as the real one.
    pub fn run_clock(&self, speed: u32) {
        let Some(runtime) = &self.runtime else {
            return;
        };
        let shared = self.shared.clone();
        runtime.spawn(every_tick(move |passed| shared.advance(passed * speed)));
    }

    /// What was asked so far.
    #[must_use]
    pub fn counters(&self) -> Counters {
        self.shared.lock().counters.clone()
    }

    /// Queues a fault. Those that fit the same calls rise in the order in which they were queued.
    pub fn fault(&self, fault: Fault, times: Times) {
        self.shared.lock().faults.add(fault, times);
    }

    /// No more faults.
    pub fn clear_faults(&self) {
        self.shared.lock().faults.clear();
    }

    /// Speaks another dialect from now on.
    pub fn set_dialect(&self, dialect: Dialect) {
        self.shared.lock().dialect = dialect;
    }

    /// Questions by id answer this status (404, 403) whatever is asked for; `None`: as it is.
    ///
    /// # Panics
    /// If it is no HTTP status.
    pub fn set_by_id(&self, status: Option<u16>) {
        let status = status.map(|status| {
            StatusCode::from_u16(status).unwrap_or_else(|_| panic!("{status} is no HTTP status"))
        });
        self.shared.lock().by_id = status;
    }

    /// Limits the rate of each key; `None`: no limit.
    pub fn set_limit(&self, limit: Option<RateLimit>) {
        self.shared.lock().keys.limit = limit;
    }
}
