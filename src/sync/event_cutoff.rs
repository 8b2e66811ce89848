//! Which remediations are new, and which are history: pure.

use k8s_openapi::jiff::Timestamp;

use crate::together::{ApiClock, Moment};

/// Since when remediations are new. A new mirror causes Events only if its remediation was created after this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum EventCutoff {
    /// No list was complete so far, so that everything is history.
    #[default]
    Nothing,
    /// Since the last sync of an earlier generation or process. It was recorded by the node's clock, and how that one
    /// differs from the API's is not known yet.
    SinceSync {
        /// The recorded time.
        last_sync: Timestamp,
        /// When this generation started here.
        started: Moment,
    },
    /// Since this time by the API's clock.
    Since(Timestamp),
}

impl EventCutoff {
    /// Since `last_sync`, if there was one, for a generation that `started` now.
    pub(crate) fn since_sync(last_sync: Option<Timestamp>, started: Moment) -> Self {
        last_sync.map_or(Self::Nothing, |last_sync| Self::SinceSync {
            // A later time comes from a clock that was set back since.
            last_sync: last_sync.min(started.day),
            started,
        })
    }

    /// The same after a complete list that `started` then: what was created before it is history.
    pub(crate) fn after_list(self, started: Moment) -> Self {
        match self {
            Self::Nothing => Self::since_sync(Some(started.day), started),
            known => known,
        }
    }

    /// The same by the API's clock, once it is known. Later changes of a clock do not move it.
    pub(crate) fn by_api(self, clock: ApiClock) -> Self {
        let Self::SinceSync { last_sync, started } = self else {
            return self;
        };
        let since = clock.time_at(started.elapsed).and_then(|apis| {
            let ahead = apis.duration_since(started.day);
            last_sync.checked_add(ahead).ok()
        });
        since.map_or(self, Self::Since)
    }

    /// The time to compare with times of creation, as far as known.
    pub(crate) fn since(self) -> Option<Timestamp> {
        match self {
            Self::Nothing => None,
            Self::SinceSync { last_sync, .. } => Some(last_sync),
            Self::Since(since) => Some(since),
        }
    }
}
