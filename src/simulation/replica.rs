//! One process of the operator, assembled like in `run`, on top of the models.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::future::join_all;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    clock::VirtualClock,
    cluster::Reach,
    feed::{self, Lag, Lags},
    life::{Life, Phase},
    signal::Signal,
    together::Remote,
    world::World,
};
use crate::{
    api::cluster_watch::ClusterWatch,
    clock::Clock,
    controller::{
        metrics::Watches,
        orphans::mark_orphans,
        registry::{WorkerFactory, WorkerRegistry},
        shard::Shard,
    },
    events::Events,
    health::{liveness::Watchdog, readiness::Readiness},
    k8s::{error::KubeApiError, leadership::Leadership, lease::Leases},
    leader::elector::Elector,
    operator::lead,
    store::{Index, reflector::apply_events},
    sync::{Env, credentials::Keys, schedule::PollDefaults, write::permits::WritePermits},
    testing::lease::{Access, Fault},
};

pub(super) const SPEEDS: PollDefaults = PollDefaults {
    default_interval: Duration::from_secs(30),
    default_active_interval: Duration::from_secs(15),
    min_interval: Duration::from_secs(10),
};

/// Duration of a write of the Lease. It takes effect even if its process is paused meanwhile.
const LATENCY: Duration = Duration::from_millis(10);

/// The labels of `--mirror-label` for every mirror.
pub(super) const TEAM: (&str, &str) = ("team", "gpu");

/// A process, seen from outside.
pub(super) struct Replica {
    pub(super) life: Arc<Life>,
    pub(super) leadership: Leadership,
    /// The state of its watches in each namespace.
    pub(super) lags: Vec<Lags>,
    lease: Access,
    stop: CancellationToken,
}

impl Replica {
    /// Starts process number `slot`. With `elected`, it leads once it holds the Lease.
    pub(super) fn start(worlds: &[Arc<World>], slot: usize, elected: bool) -> Self {
        let life = Arc::new(Life::new(slot));
        let clock: Arc<dyn Clock> = Arc::new(VirtualClock {
            start: worlds[0].start,
            life: life.clone(),
        });
        let leadership = if elected {
            Leadership::new(clock.clone())
        } else {
            Leadership::unelected(clock.clone())
        };
        let lease = Access::new(worlds[0].lease.clone());
        let replica = Self {
            life: life.clone(),
            leadership: leadership.clone(),
            lags: worlds.iter().map(|_| lags()).collect(),
            lease: lease.clone(),
            stop: CancellationToken::new(),
        };
        let leases = GatedLeases {
            access: lease,
            life,
        };
        let team = (TEAM.0.to_owned(), TEAM.1.to_owned());
        let index = Index::new(worlds.len()).labeling([team].into_iter().collect());
        let elector = elected.then(|| {
            let elector = Elector::new(
                leases,
                "lease".to_owned(),
                format!("replica-{slot}"),
                clock.clone(),
                leadership,
            );
            let (known, rewound) = (Readiness::new(index.clone()), index.clone());
            elector.guarded(move || known.is_filled(), move || rewound.rewound(None))
        });
        tokio::spawn(replica.process(worlds.to_vec(), clock, elector, index));
        replica
    }

    /// SIGTERM.
    pub(super) fn stop(&self) {
        self.stop.cancel();
    }

    /// How its requests for the Lease go from now on.
    pub(super) fn set_lease(&self, fault: Fault) {
        self.lease.set(fault);
    }

    /// Its connection to the Lease.
    pub(super) fn lease(&self) -> Access {
        self.lease.clone()
    }

    fn process(
        &self,
        worlds: Vec<Arc<World>>,
        clock: Arc<dyn Clock>,
        mut elector: Option<Elector<GatedLeases>>,
        index: Index,
    ) -> impl Future<Output = ()> + use<> {
        let (life, lags, stop) = (self.life.clone(), self.lags.clone(), self.stop.clone());
        let env = Arc::new(Env {
            kube: Reach::new(worlds.clone(), life.clone(), self.leadership.clone()),
            together: Remote::new(worlds.clone(), life.clone(), clock.clone()),
            index: index.clone(),
            clock: clock.clone(),
            events: Events::default(),
            permits: WritePermits::default(),
            keys: Keys::default(),
        });
        let readiness = Readiness::new(index.clone());
        let meters = Watches::new(clock.clone());
        let watchdog = Watchdog::new(clock, Duration::from_secs(300));
        let shutdown = CancellationToken::new();
        let factory = WorkerFactory::new(env.clone(), SPEEDS, watchdog, meters);
        let registry = WorkerRegistry::new(factory, Shard::default(), shutdown.clone());
        async move {
            let each = worlds.iter().zip(&lags).map(|(world, lags)| {
                follow_and_control(world, &life, lags, &registry, &env, &readiness)
            });
            let dead = life.clone();
            let ends = async {
                tokio::select! {
                    biased;
                    () = stop.cancelled() => true,
                    _ = lead(elector.as_mut(), &registry, &readiness) => false,
                    _ = join_all(each) => false,
                    () = list_again(&index, &lags) => false,
                }
            };
            let stopped = tokio::select! {
                biased;
                () = dead.died() => None,
                stopped = ends => Some(stopped),
            };
            // A killed process stops in the middle of its work, without a signal.
            shutdown.cancel();
            if let Some(stopped) = stopped {
                tokio::select! {
                    biased;
                    () = dead.died() => {}
                    () = async {
                        registry.stop().await;
                        if let (true, Some(elector)) = (stopped, &mut elector) {
                            elector.release().await;
                        }
                    } => {}
                }
                dead.become_(Phase::Dead);
            }
            worlds[0].log(|| format!("process {} has ended", dead.slot));
        }
    }
}

/// The watches on the mirrors list again when versions go backwards.
async fn list_again(index: &Index, lags: &[Lags]) {
    let rewinds = index.rewinds();
    loop {
        rewinds.next().await;
        for lags in lags {
            lags.modify(|lag| lag.cuts += 1);
        }
    }
}

fn lags() -> Lags {
    Arc::new(Signal::new(Lag::default()))
}

/// What `mirror` does for one namespace.
async fn follow_and_control(
    world: &Arc<World>,
    life: &Arc<Life>,
    lags: &Lags,
    registry: &WorkerRegistry<Reach, Remote>,
    env: &Env<Reach, Remote>,
    readiness: &Readiness,
) {
    let on_error = || {
        readiness.report_watch_error();
    };
    let (events, feed) = feed::mirrors(world.clone(), life.clone(), lags.clone());
    tokio::select! {
        biased;
        () = control(world, life, lags, registry, env) => {}
        () = feed => {}
        () = apply_events(events, Some(world.namespace.to_owned()), readiness.index(), on_error) => {}
    }
}

/// What `control` does with the events of the watch on `ClusterWatches`.
async fn control(
    world: &Arc<World>,
    life: &Arc<Life>,
    lags: &Lags,
    registry: &WorkerRegistry<Reach, Remote>,
    env: &Env<Reach, Remote>,
) {
    let store = Mutex::new(Vec::<Arc<ClusterWatch>>::new());
    let showing = feed::watches(world.clone(), life.clone(), lags.clone(), |watches| {
        world.with(|state, now| state.judge.receive(life.slot, &watches, now));
        registry.reconcile_all(Some(world.namespace), &watches);
        *store.lock().unwrap() = watches;
    });
    let leading = async {
        registry.until_leading().await;
        registry.reconcile_all(Some(world.namespace), &store.lock().unwrap());
        mark_orphans(env, Some(world.namespace), || store.lock().unwrap().clone()).await;
    };
    tokio::join!(showing, leading);
}

/// The Lease as seen by a process that may be paused.
struct GatedLeases {
    access: Access,
    life: Arc<Life>,
}

impl Leases for GatedLeases {
    async fn get(&self) -> Result<Option<Lease>, KubeApiError> {
        self.life.runs().await;
        let answer = self.access.get().await;
        self.life.runs().await;
        answer
    }

    async fn create(&self, spec: LeaseSpec) -> Result<Lease, KubeApiError> {
        self.life.runs().await;
        sleep(LATENCY).await;
        let answer = self.access.create(spec).await;
        self.life.runs().await;
        answer
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, KubeApiError> {
        self.life.runs().await;
        sleep(LATENCY).await;
        let answer = self.access.replace(lease).await;
        self.life.runs().await;
        answer
    }
}
