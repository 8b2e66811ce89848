//! The states that an active sync requests.

use std::{collections::BTreeMap, time::Duration};

use crate::{clock::MonoTime, together::wire::state};

/// Maximum number of unknown states that are requested by name, so that a broken API cannot make the query grow.
const UNKNOWN_STATES: usize = 8;
/// How long an unknown state is requested after it was last seen: a repair lasts hours, and each state makes the query
/// longer.
const UNKNOWN_FOR: Duration = Duration::from_secs(24 * 60 * 60);

/// The known open states, and the unknown states that the API returned. Unknown states count as open, so they are
/// requested too.
#[derive(Debug, Default)]
pub(crate) struct OpenStates {
    /// When each was last seen.
    unknown: BTreeMap<String, MonoTime>,
}

impl OpenStates {
    /// Records a state that the API returned at `now`.
    pub(crate) fn seen(&mut self, state: &str, now: MonoTime) {
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

    /// Forgets the unknown states that were not seen for a day at `now`.
    pub(crate) fn forget_old(&mut self, now: MonoTime) {
        self.unknown
            .retain(|_, last| now.duration_since(*last) < UNKNOWN_FOR);
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
