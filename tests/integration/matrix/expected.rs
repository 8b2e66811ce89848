//! What a reader must see while a fault lasts, according to the contract. Pure, and written from the contract alone.

use crate::kstatus::Kstatus;

/// When the fault begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Before the watch is created.
    FirstSync,
    /// Nothing changes meanwhile.
    Steady,
    /// Remediations come, change and leave meanwhile.
    DuringAChange,
}

impl Phase {
    pub(super) const ALL: [Self; 3] = [Self::FirstSync, Self::Steady, Self::DuringAChange];
}

/// How long the fault has lasted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Age {
    /// Less than three intervals and two minutes.
    Hiccup,
    /// Longer.
    Outage,
}

/// What a fault does to a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    /// The sync is retried; reported once the mirror is stale.
    Retried(&'static str),
    /// Somebody must act; reported at once.
    Stalled(&'static str),
    /// The same, but it passes by itself before the mirror is stale.
    Passes(&'static str),
    /// The listing comes to its end all the same; a note where something had to be left out.
    Listed {
        /// Part of Ready's message.
        note: Option<&'static str>,
    },
}

/// What a reader must see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Expected {
    /// Status and reason of Ready.
    pub(super) ready: (&'static str, &'static str),
    /// Status of Stalled.
    pub(super) stalled: &'static str,
    /// What kstatus makes of the watch.
    pub(super) kstatus: Kstatus,
    /// Reason of Synced of every open mirror that the API still has.
    pub(super) open: &'static str,
}

impl Effect {
    /// What a reader must see according to the contract.
    pub(super) fn expected(self, phase: Phase, age: Age) -> Expected {
        let synced = Expected {
            ready: ("True", "Synced"),
            stalled: "False",
            kstatus: Kstatus::Current,
            open: "Listed",
        };
        let stale = if age == Age::Outage {
            "Stale"
        } else {
            "Listed"
        };
        match (self, age) {
            (Self::Retried(reason), Age::Outage) => Expected {
                ready: ("False", reason),
                kstatus: Kstatus::InProgress,
                open: stale,
                ..synced
            },
            (Self::Retried(_), Age::Hiccup) if phase == Phase::FirstSync => Expected {
                ready: ("Unknown", "Progressing"),
                kstatus: Kstatus::InProgress,
                ..synced
            },
            (Self::Stalled(reason), _) | (Self::Passes(reason), Age::Hiccup) => Expected {
                ready: ("False", reason),
                stalled: "True",
                kstatus: Kstatus::Failed,
                open: stale,
            },
            (Self::Retried(_) | Self::Passes(_) | Self::Listed { .. }, _) => synced,
        }
    }
}
