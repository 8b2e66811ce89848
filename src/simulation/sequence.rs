//! One sequence: a seed, the steps drawn from it, calm, and the judgement.

use std::{sync::Arc, time::Duration};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::OwnerReference;
use kube::ResourceExt;
use tokio::time::{Instant, sleep_until};

use super::{faults::Faults, life::Phase, replica::Replica, step::Kind, world::World};
use crate::{api::remediation::Remediation, testing::lease::Fault};

/// Steps of a sequence, at least.
const STEPS: usize = 30;
/// After this long without a fault everything must be as it should.
const CALM: Duration = Duration::from_secs(1500);
/// So often it is looked whether it is so sooner.
const SETTLES: Duration = Duration::from_secs(100);
/// So long nothing may be written after that but heartbeats, of which there must be one.
const QUIET: Duration = Duration::from_secs(361);
/// How often a process that ended is looked for.
const LOOK: Duration = Duration::from_secs(20);

/// What a sequence came to.
#[derive(Debug)]
pub(super) struct Outcome {
    /// The steps, in their order.
    pub(super) kinds: Vec<Kind>,
    /// What happened, line by line, where that was wanted.
    pub(super) log: Vec<String>,
    /// What was wrong, if anything.
    pub(super) violation: Option<String>,
}

/// A process, and when it starts anew after its end.
pub(super) struct Slot {
    pub(super) replica: Replica,
    pub(super) again: Option<Instant>,
}

/// A sequence under way.
pub(super) struct Sequence {
    pub(super) world: Arc<World>,
    kinds: &'static [Kind],
    pub(super) elected: bool,
    pub(super) slots: Vec<Slot>,
    started: usize,
    /// How long a process that ended is away.
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
        let world = Arc::new(World::new(seed, traced));
        let mut kinds = Vec::new();
        // A panic is as good as a violation, and must not hide the seed.
        let sequence = Sequence::new(world.clone(), Kind::of(seed));
        sequence.play(&mut kinds).await;
        let (log, violation) = world.verdict();
        Outcome {
            kinds,
            log,
            violation,
        }
    })
}

impl Sequence {
    fn new(world: Arc<World>, kinds: &'static [Kind]) -> Self {
        let elected = world.with(|state, _| state.rng.u8(0..4) == 0);
        Self {
            world,
            kinds,
            elected,
            slots: Vec::new(),
            started: 0,
            away: Duration::from_secs(1),
        }
    }

    async fn play(mut self, kinds: &mut Vec<Kind>) {
        self.set_up();
        self.start();
        let steps = STEPS + self.draw(0..8);
        while kinds.len() < steps {
            let kind = self.kinds[self.draw(0..self.kinds.len())];
            if kind.wants_election() && !self.elected {
                continue;
            }
            kinds.push(kind);
            self.world.log(|| format!("step {}: {kind:?}", kinds.len()));
            let pause = self.apply(kind);
            self.pass(pause).await;
            if self.world.is_violated() {
                return;
            }
        }
        self.calm().await;
    }

    pub(super) fn draw(&self, range: std::ops::Range<usize>) -> usize {
        self.world.with(|state, _| state.rng.usize(range))
    }

    /// Starts a process.
    pub(super) fn start(&mut self) {
        let slot = self.started;
        self.started += 1;
        self.world.log(|| format!("process {slot} starts"));
        self.disturb();
        let replica = Replica::start(&self.world, slot, self.elected);
        self.slots.push(Slot {
            replica,
            again: None,
        });
    }

    /// Something besides the API is out of order.
    pub(super) fn disturb(&self) {
        self.world.with(|state, now| state.judge.disturbed = now);
    }

    /// Time passes; processes that ended start anew, as the cluster sees to it.
    pub(super) async fn pass(&mut self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            self.look();
            if Instant::now() >= end || self.world.is_violated() {
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
        self.collect_garbage();
        let world = &self.world;
        let faulty =
            world.with(|state, _| state.faults.kube.is_some_and(|fault| now < fault.until));
        let odd = |slot: &Slot| {
            slot.replica.life.phase() != Phase::Runs || slot.replica.lags.get().seconds > 0
        };
        let leads = |slot: &&Slot| {
            slot.replica.leadership.holds() && slot.replica.life.phase() != Phase::Dead
        };
        let leading = self.slots.iter().filter(leads).count();
        let leader = self.slots.iter().find(leads);
        let leader = leader.map(|slot| slot.replica.life.slot);
        if faulty || leading == 0 || self.slots.iter().any(odd) {
            self.disturb();
        }
        world.with(|state, now| {
            if leading > 1 && !state.judge.may_be_two(now) {
                state.violated(|| format!("{leading} processes lead at once"));
            }
            state.judge.leads(leader, now);
            state.judge_marks(&world.cluster, now);
        });
    }

    /// Mirrors whose owners are all gone are deleted.
    fn collect_garbage(&self) {
        let world = &self.world;
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
            world.mirror_news.modify(|news| *news += 1);
        }
    }

    /// All faults end, and everything is as it should be before long.
    async fn calm(mut self) {
        self.world.log(|| "calm".to_owned());
        self.world.with(|state, _| {
            state.faults = Faults::default();
            state.judge.crash = None;
        });
        self.away = Duration::from_secs(1);
        for slot in &mut self.slots {
            slot.again = slot.again.map(|_| Instant::now());
            slot.replica.life.become_(Phase::Runs);
            slot.replica.set_lease(Fault::None);
            slot.replica.lags.modify(|lag| {
                lag.seconds = 0;
                lag.behind = 0;
            });
        }
        self.mend();
        self.disturb();
        let (world, deadline) = (self.world.clone(), Instant::now() + CALM);
        while !world.is_violated() {
            self.pass(SETTLES).await;
            let late = Instant::now() >= deadline;
            let begun = world.now();
            let mut wrong = world.with(|state, now| {
                (state.judge.tried, state.judge.reports) = (0, 0);
                state.unsettled(&world.cluster, now)
            });
            if wrong.is_none() {
                self.pass(QUIET).await;
                wrong = world.with(|state, now| {
                    let unsettled = state.unsettled(&world.cluster, now);
                    unsettled.or_else(|| state.unquiet(&world.cluster, begun))
                });
            }
            match wrong {
                None => return,
                Some(wrong) if late => world.with(|state, _| state.violated(|| wrong)),
                Some(_) => {}
            }
        }
    }
}
