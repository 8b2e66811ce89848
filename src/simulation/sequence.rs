//! One sequence: a seed, the steps drawn from it, a calm period, and the judgement.

use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::Duration,
};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use tokio::time::{Instant, sleep_until};

use super::{
    faults::Faults,
    feed::Lags,
    life::Phase,
    replica::Replica,
    step::{Kind, Kinds},
    world::{State, World},
};
use crate::{
    api::remediation::Remediation,
    clock::MonoTime,
    testing::{
        cluster::Snapshot,
        lease::{Fault, StoredLease},
    },
};

/// Minimum number of steps of a sequence.
const STEPS: usize = 30;
/// After this long without a fault, everything must be right.
const CALM: Duration = Duration::from_secs(1500);
/// How often that is checked earlier.
const CHECK_INTERVAL: Duration = Duration::from_secs(100);
/// How long nothing may be written after that, except for heartbeats, of which there must be one.
const QUIET: Duration = Duration::from_secs(361);
/// How often the simulation checks for a process that ended.
const LOOK: Duration = Duration::from_secs(20);

/// The result of a sequence.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The steps, in order.
    pub(super) kinds: Vec<Kind>,
    /// What happened, line by line, if that was requested.
    pub(super) log: Vec<String>,
    /// What was wrong, if anything.
    pub(super) violation: Option<String>,
}

/// A snapshot of etcd.
type Saved = (Vec<(Snapshot, BTreeSet<String>)>, StoredLease);

/// A process, and when it restarts after its end.
pub(super) struct Slot {
    pub(super) replica: Replica,
    pub(super) again: Option<Instant>,
}

/// A running sequence.
pub(super) struct Sequence {
    /// The watched namespaces.
    pub(super) worlds: Vec<Arc<World>>,
    /// The namespace of the current step.
    pub(super) world: Arc<World>,
    kinds: Kinds,
    pub(super) elected: bool,
    pub(super) slots: Vec<Slot>,
    /// Number of processes so far.
    pub(super) started: usize,
    /// Snapshots of etcd after the last steps: the objects in each namespace, with the mirrors that were edited by
    /// hand, and the Lease.
    pub(super) saved: VecDeque<Saved>,
    /// How long a process that ended is down.
    pub(super) away: Duration,
}

/// Runs the sequence of `seed` in virtual time.
pub(super) fn run(seed: u64, traced: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let trace = traced.then(Arc::default);
        let worlds = World::all(seed, &trace);
        let mut kinds = Vec::new();
        // A panic counts as a violation, and must not hide the seed.
        let sequence = Sequence::new(worlds.clone(), Kinds::of(seed));
        sequence.play(&mut kinds).await;
        let violation = worlds.iter().find_map(|world| world.violation());
        Outcome {
            kinds,
            log: trace.map_or_else(Vec::new, |trace| std::mem::take(&mut trace.lock().unwrap())),
            violation,
        }
    })
}

impl Sequence {
    fn new(mut worlds: Vec<Arc<World>>, kinds: Kinds) -> Self {
        let draw = |of: u8| worlds[0].with(|state, _| state.rng.u8(0..of));
        let elected = draw(4) == 0;
        if kinds.newest.is_empty() || draw(3) > 0 {
            worlds.truncate(1);
        }
        Self {
            world: worlds[0].clone(),
            worlds,
            kinds,
            elected,
            slots: Vec::new(),
            started: 0,
            saved: VecDeque::new(),
            away: Duration::from_secs(1),
        }
    }

    async fn play(mut self, kinds: &mut Vec<Kind>) {
        self.set_up();
        self.start();
        let steps = STEPS + self.draw(0..8);
        while kinds.len() < steps {
            let kind = self.next_kind();
            if kind.wants_election() && !self.elected {
                continue;
            }
            kinds.push(kind);
            if self.worlds.len() > 1 {
                let at = usize::from(self.draw(0..3) == 0);
                self.world = self.worlds[at].clone();
            }
            self.world.log(|| format!("step {}: {kind:?}", kinds.len()));
            if !self.kinds.newest.is_empty() {
                self.save_etcd();
            }
            let pause = match self.play_at_length(kind).await {
                Some(pause) => pause,
                None => self.apply(kind),
            };
            self.pass(pause).await;
            if self.is_violated() {
                return;
            }
        }
        self.calm().await;
    }

    fn next_kind(&self) -> Kind {
        let Kinds { all, newest } = self.kinds;
        // If there are newest kinds, they are half of the steps.
        if !newest.is_empty() && self.draw(0..2) == 0 {
            newest[self.draw(0..newest.len())]
        } else {
            all[self.draw(0..all.len())]
        }
    }

    pub(super) fn draw(&self, range: std::ops::Range<usize>) -> usize {
        self.worlds[0].with(|state, _| state.rng.usize(range))
    }

    pub(super) fn is_violated(&self) -> bool {
        self.worlds.iter().any(|world| world.violation().is_some())
    }

    /// Starts a process.
    pub(super) fn start(&mut self) {
        let slot = self.started;
        self.started += 1;
        self.world.log(|| format!("process {slot} starts"));
        self.disturb();
        let replica = Replica::start(&self.worlds, slot, self.elected);
        self.slots.push(Slot {
            replica,
            again: None,
        });
    }

    /// Something other than the API has a fault.
    pub(super) fn disturb(&self) {
        for world in &self.worlds {
            world.with(|state, now| state.judge.last.disturbed = now);
        }
    }

    /// The namespace of this step has a fault.
    pub(super) fn disturb_here(&self) {
        self.world
            .with(|state, now| state.judge.last.disturbed = now);
    }

    /// Time passes. Processes that ended are restarted, as Kubernetes does.
    pub(super) async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            self.look();
            if Instant::now() >= end || self.is_violated() {
                return;
            }
            sleep_until(end.min(Instant::now() + LOOK)).await;
        }
    }

    fn look(&mut self) {
        let now = Instant::now();
        let away = self.away;
        let mut due = 0;
        for slot in &mut self.slots {
            if slot.replica.life.phase() == Phase::Dead {
                slot.again.get_or_insert(now + away);
            }
        }
        self.slots.retain(|slot| {
            let starts = slot.again.is_some_and(|again| again <= now);
            due += usize::from(starts);
            !starts
        });
        for _ in 0..due {
            self.start();
        }
        for world in &self.worlds {
            collect_garbage(world);
        }
        let faulty = self.worlds.iter().any(|world| {
            world.with(|state, _| state.faults.kube.is_some_and(|fault| now < fault.until))
        });
        let odd = |slot: &Slot| {
            let late = |lags: &Lags| lags.get().seconds > 0;
            slot.replica.life.phase() != Phase::Runs || slot.replica.lags.iter().any(late)
        };
        let leads = |slot: &&Slot| {
            slot.replica.leadership.holds() && slot.replica.life.phase() != Phase::Dead
        };
        let leading = self.slots.iter().filter(leads).count();
        let leader = self.slots.iter().find(leads);
        let ahead = leader.map(|slot| slot.replica.life.ahead.get());
        let leader = leader.map(|slot| slot.replica.life.slot);
        if faulty || leading == 0 || self.slots.iter().any(odd) {
            self.disturb();
        }
        for world in &self.worlds {
            world.with(|state, now| {
                if leading > 1 && !state.judge.may_be_two(now) {
                    state.violated(|| format!("{leading} processes lead at once"));
                }
                state.judge.leads(leader, now);
                state.judge.newer.ahead = ahead.unwrap_or_default();
                if world.refused.get() {
                    state.judge.last.disturbed = now;
                }
                state.judge_marks(&world.cluster, now);
            });
        }
    }

    /// All faults end, and soon everything must be right.
    async fn calm(mut self) {
        self.world.log(|| "calm".to_owned());
        for world in &self.worlds {
            world.with(|state, _| {
                state.faults = Faults::default();
                state.judge.crash = None;
            });
        }
        self.away = Duration::from_secs(1);
        for slot in &mut self.slots {
            slot.again = slot.again.map(|_| Instant::now());
            slot.replica.life.become_(Phase::Runs);
            slot.replica.set_lease(Fault::None);
            for lags in &slot.replica.lags {
                lags.modify(|lag| {
                    lag.seconds = 0;
                    lag.behind = 0;
                });
            }
        }
        self.repair();
        self.disturb();
        let deadline = Instant::now() + CALM;
        while !self.is_violated() {
            self.pass(CHECK_INTERVAL).await;
            let late = Instant::now() >= deadline;
            let begun = self.world.now();
            let mut wrong = self.wrong(|state, world, now| {
                (state.judge.counts.tried, state.judge.counts.reports) = (0, 0);
                state.mismatch(&world.cluster, now)
            });
            if wrong.is_none() {
                self.pass(QUIET).await;
                wrong = self.wrong(|state, world, now| {
                    let mismatch = state.mismatch(&world.cluster, now);
                    mismatch.or_else(|| state.unquiet(&world.cluster, begun))
                });
            }
            match wrong {
                None => return,
                Some(wrong) if late => self.worlds[0].with(|state, _| state.violated(|| wrong)),
                Some(_) => {}
            }
        }
    }

    /// What `look` finds wrong in any namespace.
    fn wrong(
        &self,
        look: impl Fn(&mut State, &World, MonoTime) -> Option<String>,
    ) -> Option<String> {
        let found = self.worlds.iter().map(|world| {
            let wrong = world.with(|state, now| look(state, world, now))?;
            Some(format!("{}: {wrong}", world.namespace))
        });
        found.collect::<Vec<_>>().into_iter().flatten().next()
    }
}

/// Deletes mirrors whose owners are all gone.
fn collect_garbage(world: &World) {
    let orphans: Vec<_> = world.cluster.look_at_all(|watches, mirrors| {
        let lives = |owner: &OwnerReference| {
            let mut uids = watches.values().map(|watch| &watch.metadata.uid);
            uids.any(|uid| uid.as_ref() == Some(&owner.uid))
        };
        let orphan = |mirror: &&Remediation| {
            let owners = mirror.owner_references();
            !owners.is_empty() && !owners.iter().any(lives)
        };
        mirrors
            .values()
            .filter(orphan)
            .map(ResourceExt::name_any)
            .collect()
    });
    for name in orphans {
        world.cluster.collect(&name);
        world.with(|state, now| state.judge.deleted(&name, now));
        world.mirror_changes.modify(|count| *count += 1);
    }
}
