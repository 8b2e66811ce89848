//! One process: running, paused, or dead.

use k8s_openapi::jiff::SignedDuration;

use super::signal::Signal;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Runs,
    /// Paused (SIGSTOP): its clocks continue, its code does not.
    Paused,
    Dead,
}

/// Checked at every port, so that a paused or dead process does nothing more there.
#[derive(Debug)]
pub(super) struct Life {
    /// The process number; every start is a new one.
    pub(super) slot: usize,
    phase: Signal<Phase>,
    /// How far its wall clock is ahead of the true time.
    pub(super) ahead: Signal<SignedDuration>,
}

impl Life {
    pub(super) fn new(slot: usize) -> Self {
        let phase = Signal::new(Phase::Runs);
        let ahead = Signal::new(SignedDuration::ZERO);
        Self { slot, phase, ahead }
    }

    pub(super) fn phase(&self) -> Phase {
        self.phase.get()
    }

    /// Death is permanent.
    pub(super) fn become_(&self, phase: Phase) {
        if self.phase() != Phase::Dead {
            self.phase.modify(|now| *now = phase);
        }
    }

    /// Resolves while the process runs; never once it is dead.
    pub(super) async fn runs(&self) {
        self.phase.wait_for(|phase| phase == Phase::Runs).await;
    }

    /// Resolves when the process is no longer paused.
    pub(super) async fn unpaused(&self) {
        self.phase.wait_for(|phase| phase != Phase::Paused).await;
    }

    pub(super) async fn died(&self) {
        self.phase.wait_for(|phase| phase == Phase::Dead).await;
    }
}
