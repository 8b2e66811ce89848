//! The effect of each kind of step.

mod errors;
mod items;
mod long;
mod newest;
mod processes;
mod secrets;
mod watches;

use std::time::Duration;

use super::{sequence::Sequence, step::Kind};

impl Sequence {
    pub(super) fn set_up(&mut self) {
        for world in self.worlds.clone() {
            self.world = world;
            self.set_up_here();
        }
        self.world = self.worlds[0].clone();
    }

    fn set_up_here(&mut self) {
        self.give_key();
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

    /// The time until the next step.
    fn pause(&self) -> Duration {
        match self.draw(0..10) {
            0..4 => Duration::from_millis(self.draw(0..2000) as u64),
            4..8 => Duration::from_secs(self.draw(2..25) as u64),
            _ => Duration::from_secs(self.draw(25..150) as u64),
        }
    }

    /// Applies the step. Returns the time until the next one.
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
                self.disturb_events(kind);
            }
            Kind::MirrorDeleted | Kind::MirrorEdited | Kind::MirrorRelabelled => {
                self.edit_mirror(kind);
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
            Kind::ForeignPlanted => self.plant_foreign(),
            Kind::ApiClockAhead => self.put_api_clock_ahead(),
            Kind::SecretRemoved | Kind::SecretWrong | Kind::SecretBack | Kind::KeyChanged => {
                self.change_key(kind);
            }
            kind if kind >= Kind::SecretEmptied => self.change_secret(kind),
            kind if kind >= Kind::EtcdRestored => {
                if let Some(pause) = self.apply_newest(kind) {
                    return pause;
                }
            }
            _ => {
                if !self.set_fault(kind) {
                    self.edit_watch(kind);
                }
            }
        }
        self.pause()
    }
}
