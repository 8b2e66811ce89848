//! How soon an edited watch is polled: at once, but edits in a row wait for their turn, so that they cost no more calls than
//! polls in turn do.

use std::{
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::schedule::FULL_APART;

/// An edit is heeded at once where none was for so long.
const EDITS_APART: Duration = Duration::from_secs(60);

/// What outlives one generation of a watch. All times are monotonic.
#[derive(Debug, Default)]
pub struct Pace(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When a poll last began.
    polled: Option<Duration>,
    /// When an edit last had its poll out of turn.
    edited: Option<Duration>,
    /// When a full listing last began, and whether the last good one took several pages.
    full: Option<Duration>,
    several: bool,
    /// Before this the last full listing keeps its distance.
    full_at: Duration,
}

impl Pace {
    /// When the first poll of a generation that begins `now` may begin; it is a full one. `turn`: between polls.
    #[must_use]
    pub fn first_poll(&self, now: Duration, turn: Duration) -> Duration {
        let mut state = self.lock();
        let Some(polled) = state.polled else {
            return now;
        };
        let at_once = state
            .edited
            .is_none_or(|edited| now >= edited + EDITS_APART);
        let earliest = if at_once {
            state.edited = Some(now);
            now
        } else {
            now.max(polled + turn)
        };
        let apart = state.full.filter(|_| state.several);
        let apart = apart.map_or(Duration::ZERO, |began| began + FULL_APART);
        // Never for so long that what is open gets stale unseen.
        let spaced = state.full_at.min(polled + FULL_APART);
        earliest.max(apart).max(spaced)
    }

    /// A poll begins; `full`: it lists everything, as far as that is known.
    pub fn polls(&self, now: Duration, full: bool) {
        let mut state = self.lock();
        state.polled = Some(now);
        if full {
            state.full = Some(now);
        }
    }

    /// The last full listing began at `began`, took `several` pages, and the next one may begin at `next`.
    pub fn listed(&self, began: Option<Duration>, several: bool, next: Duration) {
        let mut state = self.lock();
        state.full = state.full.max(began);
        (state.several, state.full_at) = (several, next);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TURN: Duration = Duration::from_secs(15);

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn one_edit_is_heeded_at_once_and_those_in_a_row_in_their_turn() {
        let pace = Pace::default();
        assert_eq!(pace.first_poll(at(5), TURN), at(5), "the first of all");
        pace.polls(at(5), true);
        assert_eq!(pace.first_poll(at(6), TURN), at(6));
        pace.polls(at(6), true);
        assert_eq!(pace.first_poll(at(7), TURN), at(21));
        assert_eq!(pace.first_poll(at(20), TURN), at(21), "its turn stays");
        assert_eq!(pace.first_poll(at(22), TURN), at(22));
        pace.polls(at(22), true);
        assert_eq!(pace.first_poll(at(66), TURN), at(66));
    }

    #[test]
    fn full_listings_keep_their_distance_whoever_edits() {
        let pace = Pace::default();
        pace.polls(at(5), true);
        pace.listed(Some(at(5)), true, at(40));
        assert_eq!(
            pace.first_poll(at(10), TURN),
            at(65),
            "it takes several pages"
        );
        pace.polls(at(100), false);
        pace.listed(Some(at(5)), true, at(400));
        assert_eq!(
            pace.first_poll(at(101), TURN),
            at(160),
            "it takes long, and yet something must be listed"
        );
    }

    proptest! {
        /// Whenever somebody edits: in a minute no more polls than in turn, and one.
        #[test]
        fn edits_cost_one_poll_a_minute_at_most(gaps in prop::collection::vec(1_u64..40, 1..200)) {
            let pace = Pace::default();
            let (mut now, mut due, mut polls) = (at(0), Some(at(0)), Vec::new());
            for gap in gaps {
                let next = now + at(gap);
                while let Some(poll) = due.filter(|poll| *poll <= next) {
                    pace.polls(poll, true);
                    polls.push(poll);
                    due = Some(poll + TURN);
                }
                now = next;
                due = Some(pace.first_poll(now, TURN));
            }
            for (first, poll) in polls.iter().enumerate() {
                let minute = polls[first..].iter().take_while(|other| **other < *poll + at(60));
                prop_assert!(minute.count() <= 5, "{polls:?}");
            }
        }
    }
}
