//! What a watch remembers from poll to poll, and what follows from it for the next one.

use std::{collections::BTreeSet, time::Duration};

use super::{
    absence::Absences,
    plan::Scope,
    poll::Polled,
    regression::Regressions,
    schedule::{Cadence, FULL_SPACING, after_refusal},
};
use crate::{
    together::{ApiKey, Error, Service, state},
    watchdog::Pulse,
};

/// States that nobody knows and that are asked for by name all the same, at most.
const UNKNOWN_STATES: usize = 8;

/// What is remembered from poll to poll.
#[derive(Debug, Default)]
pub struct Memory {
    pub(super) absences: Absences,
    pub(super) regressions: Regressions,
    /// Open states met that this program was not written for: asked for by name from then on.
    unknown_states: BTreeSet<String>,
    /// When the last full listing ended (monotonic) and how long it took.
    pub(super) last_full: Option<(Duration, Duration)>,
    pub(super) full_wanted: bool,
    /// What the last full listing had to leave out, in words.
    pub(super) left_out: Option<String>,
    /// Every mirror has this generation's labels and owners.
    pub(super) adopted: bool,
    /// When what is open gets stale (monotonic), even while a listing is under way.
    pub stale_at: Option<Duration>,
    refusal: Option<Refusal>,
    /// Told of every page and every finished write.
    pub pulse: Pulse,
}

/// A key that the API refused or asked to be patient with, and until when (monotonic) it is left alone.
#[derive(Debug)]
struct Refusal {
    key: [u8; 32],
    error: Error,
    times: u32,
    until: Duration,
}

impl Memory {
    /// Makes the next poll a full listing that heeds no earlier refusal; a Retry-After is still heeded.
    pub fn want_everything_now(&mut self) {
        self.last_full = None;
        self.refusal.take_if(|refusal| !refusal.error.retryable());
    }

    /// The states to list at `now` (monotonic); empty: everything.
    pub(super) fn states_to_list(
        &self,
        scope: &Scope,
        cadence: &Cadence,
        together: &impl Service,
        now: Duration,
    ) -> Vec<String> {
        if let Some(states) = only_final(scope) {
            return states.to_vec();
        }
        let open = self.open_states();
        let (since, lasted) = match self.last_full {
            Some((at, lasted)) => (Some(now.saturating_sub(at)), lasted),
            None => (None, Duration::ZERO),
        };
        if !together.dialects().filters(&open)
            || cadence.full_is_due(since, lasted, self.full_wanted)
        {
            return Vec::new();
        }
        open
    }

    /// How long to leave the API alone after a full listing, where it must be the next one too.
    #[must_use]
    pub fn rest_after(&self, polled: &Polled, scope: &Scope, together: &impl Service) -> Duration {
        let open = self.open_states();
        if polled.full && !together.dialects().filters(&open) && only_final(scope).is_none() {
            return polled.lasted * FULL_SPACING;
        }
        Duration::ZERO
    }

    /// Takes in a state that the API showed.
    pub(super) fn met(&mut self, state: &str) {
        if self.unknown_states.len() < UNKNOWN_STATES && !state::is_known(state) {
            self.unknown_states.insert(state.to_owned());
        }
    }

    /// The states to ask for when what is open is listed.
    pub(super) fn open_states(&self) -> Vec<String> {
        let known = state::OPEN_REFERENCE
            .into_iter()
            .chain(state::OPEN_NEWER)
            .map(str::to_owned);
        known.chain(self.unknown_states.iter().cloned()).collect()
    }

    /// A key that was refused is left alone for a while; another one is tried at once.
    pub(super) fn heed_refusal(&self, key: &ApiKey, now: Duration) -> Result<(), Error> {
        match &self.refusal {
            Some(refusal) if refusal.key == key.fingerprint() && now < refusal.until => {
                Err(refusal.error.clone())
            }
            _ => Ok(()),
        }
    }

    /// The API answered: earlier refusals are forgotten.
    pub(super) fn accepted(&mut self) {
        self.refusal = None;
    }

    /// The API answered with an error, or not at all.
    pub(super) fn refused(
        &mut self,
        key: &ApiKey,
        error: &Error,
        interval: Duration,
        now: Duration,
    ) {
        let key = key.fingerprint();
        let before = self.refusal.take().filter(|refusal| refusal.key == key);
        let times = before.map_or(0, |refusal| refusal.times + 1);
        let wait = if error.retryable() {
            error.retry_after()
        } else {
            Some(after_refusal(interval, times))
        };
        self.refusal = wait.map(|wait| Refusal {
            key,
            error: error.clone(),
            times: if error.retryable() { 0 } else { times },
            until: now + wait,
        });
    }
}

/// The watch's states, where all of them are final: then every poll lists just these.
pub(super) fn only_final(scope: &Scope) -> Option<&[String]> {
    scope
        .states
        .as_deref()
        .filter(|states| states.iter().all(|state| state::is_final(state)))
}
