//! The states that a listing of open remediations asks for.

use std::{collections::BTreeMap, time::Duration};

use crate::together::wire::state;

/// States unknown to this program that are asked for by name all the same, at most.
const UNKNOWN_STATES: usize = 8;
/// How long an unknown state is asked for after it was last seen.
const UNKNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The known open states, and the unknown ones that the API has shown: those count as open, so they are asked for too.
#[derive(Debug, Default)]
pub(crate) struct OpenStates {
    /// When each was last seen (monotonic).
    unknown: BTreeMap<String, Duration>,
}

impl OpenStates {
    /// Takes in a state that the API showed at `now` (monotonic).
    pub(crate) fn seen(&mut self, state: &str, now: Duration) {
        if state::is_known(state) {
            return;
        }
        let has_room = self.unknown.len() < UNKNOWN_STATES;
        match self.unknown.get_mut(state) {
            Some(last) => *last = now,
            None if has_room => drop(self.unknown.insert(state.to_owned(), now)),
            None => {}
        }
    }

    /// Forgets the unknown states that were not seen for a day at `now` (monotonic).
    pub(crate) fn forget_old(&mut self, now: Duration) {
        self.unknown
            .retain(|_, last| now.saturating_sub(*last) < UNKNOWN_FOR);
    }

    /// All of them.
    pub(crate) fn names(&self) -> Vec<String> {
        let known = state::OPEN_REFERENCE
            .into_iter()
            .chain(state::OPEN_NEWER)
            .map(str::to_owned);
        known.chain(self.unknown.keys().cloned()).collect()
    }
}
