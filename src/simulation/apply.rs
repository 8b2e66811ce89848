//! What each kind of step does to the cluster, the processes and the watches.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use super::{
    faults::{ApiFault, IdFault, KubeFault, Timed},
    judge::{Crash, holder},
    life::Phase,
    sequence::Sequence,
    step::Kind,
};
use crate::{
    api::cluster_watch::{
        ClusterWatch, ClusterWatchSpec, DeletionPolicy, OmitField, Query, Retention, SecretKeyRef,
    },
    testing::{CLUSTER, NAMESPACE, lease::Fault},
    together::ApiKey,
    watch::task::REQUESTED_AT,
};

const OPEN: [&str; 3] = ["PENDING_APPROVAL", "RUNNING", "QUARANTINED"];
const STATES: [&[&str]; 4] = [
    &["PENDING_APPROVAL", "RUNNING"],
    &["RUNNING", "SUCCEEDED", "FAILED"],
    &["SUCCEEDED", "FAILED"],
    &["PENDING_APPROVAL"],
];

impl Sequence {
    pub(super) fn set_up(&mut self) {
        let large = self.draw(0..16) == 0;
        let items = if large {
            self.draw(11..30)
        } else {
            self.draw(0..5)
        };
        for _ in 0..items {
            self.new_one();
        }
        self.put("first", |_| {});
    }

    fn chance(&self, of: usize) -> bool {
        self.draw(0..of) == 0
    }

    /// How long it is until the next step.
    fn pause(&self) -> Duration {
        match self.draw(0..10) {
            0..4 => Duration::from_millis(self.draw(0..2000) as u64),
            4..8 => Duration::from_secs(self.draw(2..25) as u64),
            _ => Duration::from_secs(self.draw(25..150) as u64),
        }
    }

    /// Does it; how long it is until the next one.
    pub(super) fn apply(&mut self, kind: Kind) -> Duration {
        match kind {
            Kind::ShortWhile => return Duration::from_millis(self.draw(1..500) as u64),
            Kind::LongWhile => return Duration::from_secs(self.draw(300..900) as u64),
            Kind::New
            | Kind::NewMany
            | Kind::StateChanges
            | Kind::ModeChanges
            | Kind::UnknownState
            | Kind::LeavesTheList
            | Kind::Vanishes
            | Kind::AllVanish
            | Kind::ComesBack
            | Kind::Restored => self.change_truth(kind),
            Kind::EventsDelayed | Kind::EventsStopThenList | Kind::WatchCut | Kind::OlderListed => {
                self.disturb_events(kind)
            }
            Kind::MirrorDeleted | Kind::MirrorEdited | Kind::MirrorRelabelled => {
                self.edit_mirror(kind)
            }
            Kind::Killed
            | Kind::KilledBeforeAWrite
            | Kind::KilledAfterAWrite
            | Kind::Stopped
            | Kind::Paused
            | Kind::PausedForLong
            | Kind::SecondReplica
            | Kind::LeaseUnreachable
            | Kind::LeaseAnswersLost
            | Kind::LeaseTaken => return self.change_processes(kind),
            Kind::SecretRemoved | Kind::SecretWrong | Kind::SecretBack | Kind::KeyChanged => {
                self.change_key(kind)
            }
            _ => {
                if !self.set_fault(kind) {
                    self.edit_watch(kind);
                }
            }
        }
        self.pause()
    }

    fn timed<T>(&self, fault: T) -> Option<Timed<T>> {
        let seconds = match self.draw(0..8) {
            0 => self.draw(300..1200),
            1..5 => self.draw(20..200),
            _ => self.draw(1..20),
        };
        Some(Timed {
            fault,
            until: tokio::time::Instant::now() + Duration::from_secs(seconds as u64),
            part: if self.chance(3) { 50 } else { 100 },
        })
    }

    /// Whether `kind` is a fault; it is on from now on.
    fn set_fault(&mut self, kind: Kind) -> bool {
        let api = match kind {
            Kind::ApiStatus => ApiFault::Status([500, 502, 503, 408][self.draw(0..4)]),
            Kind::ApiRateLimits => {
                ApiFault::RateLimited([None, Some(1), Some(30), Some(300)][self.draw(0..4)])
            }
            Kind::ApiHangs => ApiFault::Hang,
            Kind::ApiSlow => ApiFault::Slow(self.draw(2..20) as u64),
            Kind::ApiUnauthorized => ApiFault::Unauthorized,
            Kind::ApiForbidden => ApiFault::Forbidden,
            Kind::ListingCut => ApiFault::Cut,
            Kind::ListingShifted => ApiFault::Shifted,
            Kind::PageLost => ApiFault::Lost,
            Kind::PageDoubled => ApiFault::Doubled,
            Kind::TokenRepeated => ApiFault::Looping,
            Kind::TokenLacking => ApiFault::NoToken,
            Kind::ListEmpty => ApiFault::Empty,
            Kind::ItemMalformed => ApiFault::Malformed,
            Kind::ItemUnnamed => ApiFault::Unnamed,
            Kind::FilterIgnored => ApiFault::FilterIgnored,
            Kind::FilterRefused => ApiFault::FilterRefused,
            Kind::NewerStatesRefused => ApiFault::NewerRefused,
            Kind::SdkNames => ApiFault::SdkNames,
            Kind::OlderShown => ApiFault::Lagging,
            _ => return self.set_other_fault(kind),
        };
        let fault = self.timed(api);
        self.world.with(|state, _| state.faults.api = fault);
        true
    }

    fn set_other_fault(&mut self, kind: Kind) -> bool {
        let id = match kind {
            Kind::IdsNotFound => Some(IdFault::NotFound),
            Kind::IdsForbidden => Some(IdFault::Forbidden),
            Kind::IdsFail => Some(IdFault::Status([500, 503][self.draw(0..2)])),
            Kind::IdsHang => Some(IdFault::Hang),
            _ => None,
        };
        if let Some(fault) = id {
            let fault = self.timed(fault);
            self.world.with(|state, _| state.faults.id = fault);
            return true;
        }
        let kube = match kind {
            Kind::WritesRefused => KubeFault::Refused,
            Kind::WritesConflict => KubeFault::Conflict,
            Kind::WritesUnavailable => KubeFault::Unavailable,
            Kind::AnswersLost => KubeFault::AnswerLost,
            Kind::AnswersNever => KubeFault::NoAnswer,
            Kind::WritesSlow => KubeFault::Slow(self.draw(1..60) as u64),
            Kind::ReadsFail => KubeFault::Unreadable,
            _ => return false,
        };
        let fault = self.timed(kube);
        self.world.with(|state, _| state.faults.kube = fault);
        true
    }

    fn disturb_events(&mut self, kind: Kind) {
        self.disturb();
        let (seconds, behind) = (self.draw(1..60) as u64, self.draw(1..6));
        if self.slots.is_empty() {
            return;
        }
        let at = self.draw(0..self.slots.len());
        self.slots[at].replica.lags.send_modify(|lag| match kind {
            Kind::EventsDelayed => lag.seconds = seconds,
            Kind::EventsStopThenList => {
                lag.seconds = if lag.seconds < 1000 { 1000 } else { 0 };
                lag.cuts += u64::from(lag.seconds == 0);
            }
            Kind::WatchCut => (lag.seconds, lag.cuts, lag.behind) = (0, lag.cuts + 1, 0),
            _ => (lag.seconds, lag.cuts, lag.behind) = (0, lag.cuts + 1, behind),
        });
    }

    fn edit_mirror(&mut self, kind: Kind) {
        let world = self.world.clone();
        let names = world.cluster.names();
        if names.is_empty() {
            return;
        }
        let name = names[self.draw(0..names.len())].clone();
        let state = OPEN[self.draw(0..OPEN.len())];
        match kind {
            Kind::MirrorDeleted => world.cluster.collect(&name),
            Kind::MirrorEdited => world.cluster.edit(&name, |mirror| {
                mirror.status.get_or_insert_default().state = Some(state.to_owned());
            }),
            _ => world.cluster.edit(&name, |mirror| {
                mirror.metadata.labels = None;
            }),
        }
        world.with(|state, now| {
            state.judge.touched(&name, now);
            state.judge.minds = now;
            if kind == Kind::MirrorEdited {
                state.judge.edited.insert(name);
            } else if kind == Kind::MirrorDeleted {
                state.judge.edited.remove(&name);
            }
        });
        world.mirror_news.send_replace(());
    }

    /// The process that leads, else one that runs.
    fn victim(&self) -> Option<usize> {
        let alive = |at: &usize| self.slots[*at].replica.life.phase() == Phase::Runs;
        let leads = |at: &usize| alive(at) && self.slots[*at].replica.leadership.holds();
        let all = || 0..self.slots.len();
        all().find(leads).or_else(|| all().find(alive))
    }

    fn change_processes(&mut self, kind: Kind) -> Duration {
        self.disturb();
        self.away = Duration::from_secs(self.draw(1..[10, 60, 400][self.draw(0..3)]) as u64);
        if kind == Kind::SecondReplica {
            if self.slots.len() < 2 {
                self.start();
            }
            return self.pause();
        }
        let Some(at) = self.victim() else {
            return self.pause();
        };
        let replica = &self.slots[at].replica;
        let life = replica.life.clone();
        match kind {
            Kind::Killed => life.become_(Phase::Dead),
            Kind::KilledBeforeAWrite | Kind::KilledAfterAWrite => {
                let crash = Crash {
                    slot: life.slot,
                    writes: self.draw(0..8) as u32,
                    lands: kind == Kind::KilledAfterAWrite,
                };
                self.world.with(|state, _| state.judge.crash = Some(crash));
            }
            Kind::Stopped => replica.stop(),
            Kind::LeaseUnreachable | Kind::LeaseAnswersLost => {
                let faults = if kind == Kind::LeaseUnreachable {
                    [Fault::Hang, Fault::Down]
                } else {
                    [Fault::AnswerLost, Fault::HangOnce]
                };
                replica.set_lease(faults[self.draw(0..2)]);
                let (replica, after) = (replica.lease(), self.draw(1..40) as u64);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(after)).await;
                    replica.set(Fault::None);
                });
            }
            Kind::LeaseTaken => {
                let taken = self.chance(2);
                self.world.lease.overwrite(taken.then_some("somebody"));
            }
            _ => {
                let seconds = if kind == Kind::PausedForLong {
                    self.draw(16..120)
                } else {
                    self.draw(1..9)
                };
                life.become_(Phase::Paused);
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
                    life.become_(Phase::Runs);
                });
            }
        }
        self.pause()
    }

    fn change_key(&mut self, kind: Kind) {
        let number = self.draw(0..1000);
        let cluster = &self.world.cluster;
        let key = format!("key-{number}");
        match kind {
            Kind::SecretRemoved => cluster.remove_key(),
            Kind::SecretWrong => cluster.set_key(b"not the key".as_slice()),
            Kind::SecretBack => self.give_key(),
            _ => {
                let fingerprint = ApiKey::parse(key.as_bytes()).unwrap().fingerprint();
                self.world
                    .with(|state, _| (state.valid_key, state.key) = (fingerprint, key));
                if self.chance(2) {
                    self.give_key();
                }
            }
        }
    }

    fn give_key(&self) {
        let key = self.world.with(|state, _| state.key.clone());
        self.world.cluster.set_key(key.as_bytes());
    }

    /// The watch of this name, new or changed.
    fn put(&mut self, name: &str, change: impl FnOnce(&mut ClusterWatch)) {
        let world = self.world.clone();
        let there = world
            .cluster
            .watches()
            .into_iter()
            .find(|watch| watch.name_any() == name);
        let mut watch = there.unwrap_or_else(|| self.new_watch(name));
        change(&mut watch);
        world.cluster.put_watch(watch);
        world.watch_news.send_replace(());
        self.change_minds();
    }

    fn change_minds(&self) {
        self.disturb();
        self.world.with(|state, now| state.judge.minds = now);
    }

    fn new_watch(&self, name: &str) -> ClusterWatch {
        let mut watch = ClusterWatch::new(
            name,
            ClusterWatchSpec {
                cluster_id: CLUSTER.to_owned(),
                instance_id: (name != "first").then(|| format!("instance-{}", self.draw(0..3))),
                interval: Some("30s".to_owned()),
                active_interval: Some("15s".to_owned()),
                full_resync_interval: Some("2m".to_owned()),
                query: Some(Query {
                    page_size: Some(2),
                    order_by: None,
                }),
                api_key_secret_ref: SecretKeyRef {
                    name: "key".to_owned(),
                    ..SecretKeyRef::default()
                },
                ..ClusterWatchSpec::default()
            },
        );
        watch.metadata.namespace = Some(NAMESPACE.to_owned());
        watch.metadata.creation_timestamp = Some(Time(crate::testing::now() + self.world.now()));
        watch
    }

    fn edit_watch(&mut self, kind: Kind) {
        let watches = self.world.cluster.watches();
        if watches.is_empty() {
            return self.put("first", |_| {});
        }
        let name = watches[self.draw(0..watches.len())].name_any();
        let (a, b) = (self.draw(0..4), self.draw(0..4));
        match kind {
            Kind::Interval => self.put(&name, |watch| {
                watch.spec.active_interval = Some(["10s", "15s", "20s", "30s"][a].to_owned());
            }),
            Kind::PageSize => self.put(&name, |watch| {
                watch.spec.query = Some(Query {
                    page_size: Some([1, 2, 3, 100][a]),
                    order_by: None,
                });
            }),
            Kind::States => self.put(&name, |watch| {
                let states = STATES[a].iter().map(|state| (*state).to_owned()).collect();
                watch.spec.states = (b > 1).then_some(states);
            }),
            Kind::Retention => self.put(&name, |watch| {
                let ttl = [None, Some("2m"), Some("10m"), Some("720h")][a];
                watch.spec.retention = Some(Retention {
                    ttl_after_finished: ttl.map(str::to_owned),
                    max_finished_per_instance: [None, Some(1), Some(2), Some(20)][b],
                });
            }),
            Kind::Omit => self.put(&name, |watch| {
                watch.spec.omit = (a > 1).then(|| vec![OmitField::Reason]);
            }),
            Kind::Suspend | Kind::Resume => {
                self.put(&name, |watch| watch.spec.suspend = kind == Kind::Suspend)
            }
            Kind::DeletionPolicy => self.put(&name, |watch| {
                watch.spec.deletion_policy = if a > 1 {
                    DeletionPolicy::Delete
                } else {
                    DeletionPolicy::Retain
                };
            }),
            Kind::Requested => {
                let now = format!("{:?}", self.world.now());
                self.put(&name, |watch| {
                    watch.annotations_mut().insert(REQUESTED_AT.to_owned(), now);
                });
            }
            Kind::WatchDeleted => {
                self.world.cluster.remove_watch(&name);
                self.world.watch_news.send_replace(());
                self.change_minds();
            }
            Kind::SecondWatch => self.put("second", |_| {}),
            _ => self.put("first", |_| {}),
        }
    }

    /// What calm wants: a good key, and a watch that works.
    pub(super) fn mend(&mut self) {
        self.give_key();
        self.world.lease.overwrite(None);
        let watches: Vec<_> = self
            .world
            .cluster
            .watches()
            .into_iter()
            .map(Box::new)
            .collect();
        let name = holder(&watches).map_or_else(|| "first".to_owned(), ResourceExt::name_any);
        self.put(&name, |watch| watch.spec.suspend = false);
    }
}
