//! The newest kinds of steps: etcd's data, clocks, panics, namespaces, edits of idle `ClusterWatches`, odd items.

use std::time::Duration;

use k8s_openapi::jiff::SignedDuration;
use tokio::time::Instant;

use crate::{
    api::cluster_watch::{ClusterWatch, DeletionPolicy, OmitField, Retention},
    simulation::{
        faults::{ApiFault, Timed},
        sequence::Sequence,
        step::Kind,
        world::World,
    },
    sync::schedule::HEARTBEAT,
};

impl Sequence {
    /// Applies a step of the newest kinds. Returns the time until the next one, if it differs from the usual.
    pub(super) fn apply_newest(&mut self, kind: Kind) -> Option<Duration> {
        match kind {
            Kind::EtcdRestored => self.put_etcd_back(true),
            Kind::EtcdRolledBack => self.put_etcd_back(false),
            Kind::WallClockJumps => self.set_wall_clock(),
            Kind::ApiClockJumps => {
                let by = self.jump();
                self.clocks_differ();
                self.world
                    .log(|| format!("  the API's clock moves by {by:?}"));
                self.set_api_clock(by);
            }
            Kind::TaskPanics => self.panic_soon(),
            Kind::NamespaceRefused => return self.refuse_namespace(),
            Kind::SuspendedAndEdited => self.edit_first(true),
            Kind::KeyRefusedAndEdited => {
                self.change_key(Kind::SecretWrong);
                self.edit_first(false);
                return Some(Duration::from_secs(self.draw(60..600) as u64));
            }
            Kind::InstanceWatches => self.watch_instances(),
            Kind::ManyItems => self.add_many(),
            Kind::PagesStutter => return Some(self.set_long_fault(ApiFault::Stutters)),
            Kind::StrayRefusal => {
                self.world.with(|state, _| state.faults.refuses_once = true);
                // Two rejections are no coincidence, and a process remembers them for all namespaces.
                let here = self.world.namespace;
                self.filters_fail_in(|namespace| namespace != here);
            }
            Kind::ZeroTimes => self.add_without_times(),
            Kind::NumbersForEnums => self.write_numbers(),
            Kind::LongResync => self.put_first(|watch| {
                watch.spec.full_resync_interval = Some("1h".to_owned());
            }),
            Kind::OfAnotherCluster => self.give_away(),
            Kind::OneUnwritable => self.refuse_one(),
            Kind::ObjectUnreadable => self.spoil_one(),
            _ => {}
        }
        None
    }

    /// Takes a snapshot of etcd.
    pub(in crate::simulation) fn save_etcd(&mut self) {
        let worlds = self.worlds.iter();
        let objects = worlds.map(|world| {
            let edited = world.with(|state, _| state.judge.mirrors.edited.clone());
            (world.cluster.snapshot(), edited)
        });
        let saved = (objects.collect(), self.world.lease.snapshot());
        self.saved.push_back(saved);
        if self.saved.len() > 8 {
            self.saved.pop_front();
        }
    }

    fn put_etcd_back(&mut self, bumped: bool) {
        if self.saved.is_empty() {
            return;
        }
        let at = self.draw(0..self.saved.len());
        self.put_snapshot_back(at, bumped);
    }

    pub(super) fn put_snapshot_back(&mut self, at: usize, bumped: bool) {
        // A later snapshot belongs to a time that no longer exists.
        self.saved.truncate(at + 1);
        let (objects, lease) = self.saved[at].clone();
        self.world.lease.restore(&lease);
        self.lease_edited();
        for (world, (snapshot, edited)) in self.worlds.iter().zip(&objects) {
            world.cluster.restore(snapshot, bumped);
            world.with(|state, now| state.judge.restored(edited, now));
            world.mirror_changes.modify(|count| *count += 1);
            world.watch_changes.modify(|count| *count += 1);
        }
    }

    fn jump(&self) -> SignedDuration {
        let seconds = [90, 7200, 90_000, 260_000][self.draw(0..4)];
        let by = SignedDuration::from_secs(seconds);
        if self.draw(0..2) == 0 { by } else { -by }
    }

    fn clocks_differ(&self) {
        self.disturb();
        for world in &self.worlds {
            world.with(|state, now| {
                state.judge.newer.clocks_differ = true;
                state.judge.newer.jumped = Some(now);
                state.judge.last.minds = now;
            });
        }
    }

    fn set_wall_clock(&mut self) {
        let by = self.jump();
        self.clocks_differ();
        if let Some(at) = self.victim() {
            let life = &self.slots[at].replica.life;
            life.ahead.modify(|ahead| *ahead += by);
            let slot = life.slot;
            self.world
                .log(|| format!("  process {slot}: the time of day moves by {by:?}"));
        }
    }

    fn panic_soon(&mut self) {
        self.disturb();
        if let Some(at) = self.victim() {
            let slot = self.slots[at].replica.life.slot;
            self.world.with(|state, _| state.faults.panics = Some(slot));
        }
    }

    /// The operator loses its permissions in the namespace. If a process starts meanwhile, nothing else happens until
    /// they are back.
    fn refuse_namespace(&mut self) -> Option<Duration> {
        let seconds = self.draw(60..1500) as u64;
        let world = self.world.clone();
        world.refused.modify(|refused| *refused = true);
        tokio::spawn(async move {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            allow(&world);
        });
        self.disturb_here();
        (self.draw(0..2) == 0).then(|| {
            let pause = self.change_processes(Kind::Killed);
            pause.max(Duration::from_secs(seconds))
        })
    }

    pub(super) fn put_first(&mut self, change: impl FnOnce(&mut ClusterWatch)) {
        let watches = self.world.cluster.watches();
        let name = watches
            .first()
            .and_then(|watch| watch.metadata.name.clone());
        self.put(name.as_deref().unwrap_or("first"), change);
    }

    /// A `ClusterWatch` is edited, possibly together with its suspension.
    pub(super) fn edit_first(&mut self, suspend: bool) {
        let (what, to) = (self.draw(0..6), self.draw(0..2) == 0);
        self.put_first(|watch| {
            watch.spec.suspend |= suspend;
            match what {
                0 => watch.spec.omit = to.then(|| vec![OmitField::Reason]),
                1 => watch.spec.states = to.then(|| vec!["RUNNING".to_owned()]),
                2 => {
                    watch.spec.retention = to.then(|| Retention {
                        ttl_after_finished: Some("10m".to_owned()),
                        max_finished_per_instance: None,
                    });
                }
                _ => {
                    watch.spec.deletion_policy = if to {
                        DeletionPolicy::Delete
                    } else {
                        DeletionPolicy::Retain
                    };
                }
            }
        });
    }

    /// One `ClusterWatch` per instance replaces the existing ones.
    fn watch_instances(&mut self) {
        for watch in self.world.cluster.watches() {
            let name = watch.metadata.name.unwrap_or_default();
            self.delete_watch(&name);
        }
        let count = 2 + self.draw(0..2);
        for instance in 0..count {
            let policy = self.draw(0..2) == 0;
            self.put(&format!("of-{instance}"), |watch| {
                watch.spec.instance_id = Some(format!("instance-{instance}"));
                if policy {
                    watch.spec.deletion_policy = DeletionPolicy::Retain;
                }
            });
        }
    }

    /// A fault during which nothing else happens. Returns its duration.
    pub(super) fn set_long_fault(&mut self, fault: ApiFault) -> Duration {
        let seconds = self.draw(600..2400) as u64;
        self.world.with(|state, now| {
            state.faults.api = Some(Timed {
                fault,
                until: Instant::now() + Duration::from_secs(seconds),
                part: 100,
            });
            state.judge.newer.stutters = (fault == ApiFault::Stutters).then_some(now);
            state.judge.newer.lacked.clear();
        });
        if fault == ApiFault::FirstStateOnly {
            self.filters_fail_in(|_| true);
        }
        self.pause().max(Duration::from_secs(seconds))
    }

    /// From now on lists in these namespaces may request less.
    pub(super) fn filters_fail_in(&self, namespaces: impl Fn(&str) -> bool) {
        for world in self
            .worlds
            .iter()
            .filter(|world| namespaces(world.namespace))
        {
            world.with(|state, _| state.judge.newer.filters_fail = true);
        }
    }

    /// Kubernetes rejects every write of one mirror for a while.
    fn refuse_one(&mut self) {
        let names = self.world.cluster.names();
        if names.is_empty() {
            return;
        }
        let name = names[self.draw(0..names.len())].clone();
        let time = Duration::from_secs(self.draw(300..2400) as u64);
        self.world.log(|| format!("  {name} cannot be written"));
        self.world.with(|state, now| {
            state.faults.unwritable = Some(Timed {
                fault: name.clone(),
                until: Instant::now() + time,
                part: 100,
            });
            let until = now + time + Duration::from_secs(1500);
            state.judge.newer.excused.insert(name, until);
        });
    }

    /// A mirror's condition gets a time that the API server accepts and the operator cannot parse.
    fn spoil_one(&mut self) {
        let names = self.world.cluster.names();
        if names.is_empty() {
            return;
        }
        let name = names[self.draw(0..names.len())].clone();
        self.world.cluster.spoil(&name);
        self.world.log(|| format!("  {name} cannot be read"));
        self.world.with(|state, now| {
            state.judge.last.minds = now;
            state.judge.touched(&name, now);
        });
        self.world.mirror_changes.modify(|count| *count += 1);
    }

    /// Repairs what the newest kinds leave behind.
    pub(super) fn repair_newer(&mut self) {
        self.clocks_differ_no_more();
        allow(&self.world);
        self.world.with(|world, now| {
            // What could not be written until now takes as long as anything else.
            for until in world.judge.newer.excused.values_mut() {
                *until = (*until).min(now + HEARTBEAT * 2);
            }
            world.judge.newer.stutters = None;
            let others = world.truth.entries.iter();
            let others: Vec<_> = others
                .filter(|(_, entry)| entry.is_anothers())
                .map(|(id, entry)| (id.clone(), entry.versions[0].cluster_id.clone()))
                .collect();
            for (id, cluster) in others {
                let entry = world.truth.entries.get_mut(&id).unwrap();
                let mut item = entry.versions.last().unwrap().clone();
                item.cluster_id = cluster;
                let item = world.truth.dated(item, now);
                world.truth.entries.get_mut(&id).unwrap().become_(item, now);
            }
        });
        for watch in self.world.cluster.watches() {
            if watch.spec.full_resync_interval.as_deref() != Some("2m") {
                let name = watch.metadata.name.unwrap_or_default();
                self.put(&name, |watch| {
                    watch.spec.full_resync_interval = Some("2m".to_owned());
                });
            }
        }
    }

    fn clocks_differ_no_more(&self) {
        for slot in &self.slots {
            let ahead = &slot.replica.life.ahead;
            if ahead.get() != SignedDuration::ZERO {
                ahead.modify(|ahead| *ahead = SignedDuration::ZERO);
                self.clocks_differ();
            }
        }
        // If the clocks differ by more, the time is unknown, and nothing expires.
        let ahead = self.world.with(|state, _| state.truth.ahead);
        if ahead.abs() > SignedDuration::from_hours(12) {
            self.clocks_differ();
            self.set_api_clock(-ahead);
        }
    }
}

/// The operator gets its permissions back.
fn allow(world: &World) {
    if world.refused.get() {
        world.refused.modify(|refused| *refused = false);
        world.with(|state, now| {
            state.judge.last.disturbed = now;
            state.judge.newer.allowed = Some(now);
        });
    }
}
