//! One process: it runs, stands still, or is dead.

use tokio::sync::watch;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Runs,
    /// Stopped (SIGSTOP): its clocks go on, its code does not.
    Paused,
    Dead,
}

/// Asked at every port, so that a process that is stopped or dead does nothing more there.
#[derive(Debug)]
pub(super) struct Life {
    /// Which process this is; every start is a new one.
    pub(super) slot: usize,
    phase: watch::Sender<Phase>,
}

impl Life {
    pub(super) fn new(slot: usize) -> Self {
        let phase = watch::Sender::new(Phase::Runs);
        Self { slot, phase }
    }

    pub(super) fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Death is for ever.
    pub(super) fn become_(&self, phase: Phase) {
        self.phase.send_if_modified(|now| {
            let changes = *now != Phase::Dead && *now != phase;
            if changes {
                *now = phase;
            }
            changes
        });
    }

    /// Ends while the process runs; never, once it is dead.
    pub(super) async fn runs(&self) {
        if self.phase() != Phase::Runs {
            let mut phase = self.phase.subscribe();
            // The sender lives as long as `self`.
            let _ = phase.wait_for(|phase| *phase == Phase::Runs).await;
        }
    }

    /// Ends when the process is paused no longer.
    pub(super) async fn unpaused(&self) {
        let mut phase = self.phase.subscribe();
        let _ = phase.wait_for(|phase| *phase != Phase::Paused).await;
    }

    pub(super) async fn died(&self) {
        let mut phase = self.phase.subscribe();
        let _ = phase.wait_for(|phase| *phase == Phase::Dead).await;
    }
}
