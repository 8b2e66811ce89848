//! Steps that edit mirrors, `ClusterWatches` and their Secret.

use std::time::Duration;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use kube::ResourceExt;

use crate::{
    api::cluster_watch::{
        ClusterWatch, ClusterWatchSpec, DeletionPolicy, OmitField, Query, Retention, SecretKeyRef,
    },
    simulation::{
        judge::{ANOTHER, holders, is_foreign},
        sequence::Sequence,
        step::Kind,
    },
    sync::schedule::request::REQUESTED_AT,
    testing::clock::wall_time,
    together::ApiKey,
};

const OPEN: [&str; 3] = ["PENDING_APPROVAL", "RUNNING", "QUARANTINED"];
const STATES: [&[&str]; 4] = [
    &["PENDING_APPROVAL", "RUNNING"],
    &["RUNNING", "SUCCEEDED", "FAILED"],
    &["SUCCEEDED", "FAILED"],
    &["PENDING_APPROVAL"],
];

impl Sequence {
    pub(super) fn edit_mirror(&mut self, kind: Kind) {
        let world = self.world.clone();
        let names = world.cluster.names();
        if names.is_empty() {
            return;
        }
        let name = names[self.draw(0..names.len())].clone();
        let state = OPEN[self.draw(0..OPEN.len())];
        let before = world.cluster.mirror(&name);
        match kind {
            Kind::MirrorDeleted => world.cluster.collect(&name),
            Kind::MirrorEdited => world.cluster.edit(&name, |mirror| {
                mirror.status.get_or_insert_default().state = Some(state.to_owned());
            }),
            _ => world.cluster.edit(&name, |mirror| {
                mirror.metadata.labels = None;
            }),
        }
        if world.cluster.mirror(&name) == before {
            return;
        }
        world.with(|state, now| {
            state.judge.last.minds = now;
            if kind == Kind::MirrorDeleted {
                state.judge.deleted(&name, now);
            } else {
                state.judge.touched(&name, now);
            }
            match kind {
                Kind::MirrorEdited => {
                    state.judge.mirrors.edited.insert(name);
                }
                Kind::MirrorRelabelled => {
                    let until = now + Duration::from_secs(1500);
                    state.judge.newer.relabelled.insert(name, until);
                }
                _ => {}
            }
        });
        world.mirror_changes.modify(|count| *count += 1);
    }

    /// Creates an object with a mirror's name for another cluster.
    pub(super) fn plant_foreign(&mut self) {
        let world = self.world.clone();
        let count = world.with(|state, _| state.truth.entries.len());
        let number = self.draw(0..count + 1) as u64 + 1;
        let name = crate::testing::id(number);
        if world.cluster.mirror(&name).is_none() {
            world.cluster.plant(number, ANOTHER);
            world.log(|| format!("  {name} is planted"));
            self.touched(&name);
        }
    }

    /// Deletes the objects for other clusters.
    fn weed(&mut self) {
        let foreign: Vec<_> = self.world.cluster.look(|mirrors| {
            let foreign = mirrors.iter().filter(|(_, mirror)| is_foreign(mirror));
            foreign.map(|(name, _)| name.clone()).collect()
        });
        for name in foreign {
            self.world.cluster.collect(&name);
            self.touched(&name);
        }
    }

    fn touched(&self, name: &str) {
        self.world.with(|state, now| {
            state.judge.last.minds = now;
            state.judge.deleted(name, now);
        });
        self.world.mirror_changes.modify(|count| *count += 1);
    }

    pub(super) fn change_key(&mut self, kind: Kind) {
        let number = self.draw(0..1000);
        let cluster = &self.world.cluster;
        let key = format!("{}-key-{number}", self.world.namespace);
        match kind {
            Kind::SecretRemoved => cluster.remove_key(),
            Kind::SecretWrong => cluster.set_key(b"not the key".as_slice()),
            Kind::SecretBack => self.give_key(),
            _ => {
                let fingerprint = ApiKey::parse(key.as_bytes()).unwrap().fingerprint();
                self.world
                    .with(|state, _| (state.valid_key, state.key) = (fingerprint, key));
                self.world
                    .with(|state, _| state.judge.newer.key_is_good = None);
                if self.chance(2) {
                    self.give_key();
                }
            }
        }
        if matches!(kind, Kind::SecretRemoved | Kind::SecretWrong) {
            self.key_is_gone();
        }
    }

    pub(super) fn give_key(&self) {
        let key = self.world.with(|state, now| {
            let newer = &mut state.judge.newer;
            newer.key_is_good.get_or_insert(now);
            newer.key_is_there.get_or_insert(now);
            newer.key_is_gone = None;
            state.key.clone()
        });
        self.world.cluster.fail_secrets(None);
        self.world.cluster.set_key(key.as_bytes());
    }

    /// The `ClusterWatch` of this name, created or changed.
    pub(super) fn put(&mut self, name: &str, change: impl FnOnce(&mut ClusterWatch)) {
        let world = self.world.clone();
        let there = world
            .cluster
            .watches()
            .into_iter()
            .find(|watch| watch.name_any() == name);
        let mut watch = there.unwrap_or_else(|| self.new_watch(name));
        change(&mut watch);
        world.cluster.put_watch(watch);
        world.watch_changes.modify(|count| *count += 1);
        self.change_minds();
    }

    /// Deletes a `ClusterWatch`. Its mirrors stay until the garbage collector runs, or for good.
    pub(super) fn delete_watch(&self, name: &str) {
        self.world.cluster.remove_watch(name);
        self.world.watch_changes.modify(|count| *count += 1);
        self.disturb_here();
    }

    fn change_minds(&self) {
        self.disturb();
        self.world.with(|state, now| state.judge.last.minds = now);
    }

    fn new_watch(&self, name: &str) -> ClusterWatch {
        let mut watch = ClusterWatch::new(
            name,
            ClusterWatchSpec {
                cluster_id: self.world.together.to_owned(),
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
        watch.metadata.namespace = Some(self.world.namespace.to_owned());
        watch.metadata.creation_timestamp = Some(Time(wall_time(self.world.now())));
        watch
    }

    pub(super) fn edit_watch(&mut self, kind: Kind) {
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
                self.put(&name, |watch| watch.spec.suspend = kind == Kind::Suspend);
            }
            Kind::DeletionPolicy => self.put(&name, |watch| {
                watch.spec.deletion_policy = if a > 1 {
                    DeletionPolicy::Delete
                } else {
                    DeletionPolicy::Retain
                };
            }),
            Kind::Requested => {
                let now = format!("{:?}", self.world.now().since_zero());
                self.put(&name, |watch| {
                    watch.annotations_mut().insert(REQUESTED_AT.to_owned(), now);
                });
            }
            Kind::WatchDeleted => {
                self.delete_watch(&name);
                self.change_minds();
            }
            Kind::SecondWatch => self.put("second", |_| {}),
            _ => self.put("first", |_| {}),
        }
    }

    /// What a calm period requires: a valid key, and a working `ClusterWatch` in each namespace.
    pub(in crate::simulation) fn repair(&mut self) {
        self.world.lease.overwrite(None);
        self.lease_edited();
        for world in self.worlds.clone() {
            self.world = world;
            self.repair_newer();
            self.give_key();
            self.weed();
            let watches = self.world.cluster.watches();
            let names: Vec<_> = holders(&watches)
                .into_iter()
                .map(ResourceExt::name_any)
                .collect();
            if names.is_empty() {
                self.put("first", |_| {});
            }
            for name in names {
                self.put(&name, |watch| {
                    watch.spec.suspend = false;
                    // A later edit of the one may have left the other as it was.
                    watch.spec.interval = Some("30s".to_owned());
                    if watch.spec.active_interval.as_deref() == Some("1h") {
                        watch.spec.active_interval = Some("15s".to_owned());
                    }
                });
            }
        }
    }
}
