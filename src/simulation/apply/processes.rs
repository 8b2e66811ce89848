//! Steps that start, stop, pause and kill processes, and take the Lease away.

use std::time::Duration;

use crate::{
    simulation::{judge::Crash, life::Phase, sequence::Sequence, step::Kind},
    testing::lease::Fault,
};

impl Sequence {
    /// The leading process, otherwise any running one.
    pub(super) fn victim(&self) -> Option<usize> {
        let alive = |at: &usize| self.slots[*at].replica.life.phase() == Phase::Runs;
        let leads = |at: &usize| alive(at) && self.slots[*at].replica.leadership.holds();
        let all = || 0..self.slots.len();
        all().find(leads).or_else(|| all().find(alive))
    }

    pub(super) fn lease_edited(&self) {
        for world in &self.worlds {
            world.with(|state, now| state.judge.last.lease_edited = now);
        }
    }

    pub(super) fn change_processes(&mut self, kind: Kind) -> Duration {
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
                self.lease_edited();
            }
            _ => {
                let long = kind == Kind::PausedForLong;
                let seconds = if long {
                    self.draw(16..120)
                } else {
                    self.draw(1..9)
                };
                life.become_(Phase::Paused);
                let worlds = self.worlds.clone();
                tokio::spawn(async move {
                    tokio::time::sleep(Duration::from_secs(seconds as u64)).await;
                    if long {
                        // For a process that was paused, the API was slow.
                        for world in worlds {
                            world.with(|state, now| state.answered.slow = Some(now));
                        }
                    }
                    life.become_(Phase::Runs);
                });
            }
        }
        self.pause()
    }
}
