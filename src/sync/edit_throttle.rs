//! How soon an edited or recreated `ClusterWatch` syncs. One edit takes effect at once. Edits in a row, and recreated
//! `ClusterWatches`, wait for their turn, so that they cost no more requests than regular syncs.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{clock::MonoTime, sync::schedule::FULL_APART};

/// An edit takes effect at once if there was none for this long.
const EDITS_APART: Duration = Duration::from_secs(60);

/// How many throttles are kept in addition to those of running workers.
const KEPT: usize = 1024;

/// What is synced: the namespace, the cluster and the instance (`None`: all).
type Of = (Box<str>, Box<str>, Option<Box<str>>);

/// The throttles of everything that is or was synced. They outlive workers and `ClusterWatches`.
#[derive(Debug, Default)]
pub struct EditThrottles {
    throttles: HashMap<Of, Arc<EditThrottle>>,
    /// This many entries make a sweep due.
    sweep_at: usize,
}

impl EditThrottles {
    /// The throttle of this `instance` (`None`: all) of `cluster`, synced for `namespace`.
    #[must_use]
    pub fn of(
        &mut self,
        namespace: &str,
        cluster: &str,
        instance: Option<&str>,
    ) -> Arc<EditThrottle> {
        if self.throttles.len() >= self.sweep_at {
            self.sweep();
        }
        let of = (namespace.into(), cluster.into(), instance.map(Into::into));
        self.throttles.entry(of).or_default().clone()
    }

    /// Of the throttles without a worker, keeps the [`KEPT`] that synced last.
    fn sweep(&mut self) {
        let in_use = |throttle: &Arc<EditThrottle>| Arc::strong_count(throttle) > 1;
        let unused = self.throttles.values().filter(|throttle| !in_use(throttle));
        let mut synced: Vec<_> = unused.map(|throttle| throttle.lock().synced).collect();
        synced.sort_unstable_by(|one, other| other.cmp(one));
        let dropped = synced.get(KEPT).copied().flatten();
        self.throttles
            .retain(|_, throttle| in_use(throttle) || throttle.lock().synced > dropped);
        self.sweep_at = (2 * self.throttles.len()).max(KEPT);
    }
}

/// The state that outlives one worker.
#[derive(Debug, Default)]
pub struct EditThrottle(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// When a sync last started.
    synced: Option<MonoTime>,
    /// When an edit last caused an early sync.
    edited: Option<MonoTime>,
    /// When a full sync last started, and whether the last successful one had several pages.
    full: Option<MonoTime>,
    several: bool,
    /// Until then no other full sync may start.
    full_at: MonoTime,
}

impl EditThrottle {
    /// When the first sync of a worker that starts `now` may start; it is a full one. `turn` is the time between syncs;
    /// `edited` means that the worker replaces one of an earlier generation.
    #[must_use]
    pub fn first_poll(&self, now: MonoTime, turn: Duration, edited: bool) -> MonoTime {
        let mut state = self.lock();
        let Some(synced) = state.synced else {
            return now;
        };
        let at_once = edited
            && state
                .edited
                .is_none_or(|edited| now >= edited + EDITS_APART);
        let earliest = if at_once {
            state.edited = Some(now);
            now
        } else {
            // An edit does not wait for an hour because syncs are an hour apart.
            now.max(synced + turn.min(EDITS_APART))
        };
        let apart = state.full.filter(|_| state.several);
        let apart = apart.map_or(MonoTime::ZERO, |began| began + FULL_APART);
        // Never so long that open mirrors become stale without being marked.
        let spaced = state.full_at.min(synced + FULL_APART);
        earliest.max(apart).max(spaced)
    }

    /// A sync starts; `full` means that it lists everything, as far as known.
    pub fn polls(&self, now: MonoTime, full: bool) {
        let mut state = self.lock();
        state.synced = Some(now);
        if full {
            state.full = Some(now);
        }
    }

    /// The last full sync started at `began`, had `several` pages, and the next one may start at `next`.
    pub fn listed(&self, began: Option<MonoTime>, several: bool, next: MonoTime) {
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
    use crate::testing::clock::second as at;

    const TURN: Duration = Duration::from_secs(15);

    #[test]
    fn one_edit_takes_effect_at_once_and_those_in_a_row_in_their_turn() {
        let throttle = EditThrottle::default();
        // When it is edited, when it is polled first for that, and whether that poll is made.
        for (edited, polls, made) in [
            (5, 5, true),
            (6, 6, true),
            (7, 21, false),
            // Its turn stays.
            (20, 21, false),
            (22, 22, true),
            (66, 66, false),
        ] {
            let first = throttle.first_poll(at(edited), TURN, true);
            assert_eq!(first, at(polls), "{edited}");
            if made {
                throttle.polls(first, true);
            }
        }
    }

    #[test]
    fn what_is_created_again_waits_for_its_turn_or_a_minute() {
        let throttle = EditThrottle::default();
        let first = |created, turn| throttle.first_poll(at(created), turn, false);
        assert_eq!(first(5, TURN), at(5), "the first of all");
        throttle.polls(at(5), true);
        assert_eq!(first(10, TURN), at(20));
        assert_eq!(first(30, TURN), at(30), "it is past");
        assert_eq!(first(10, Duration::from_secs(3600)), at(65));
    }

    #[test]
    fn a_pace_is_known_by_what_is_polled_for_whom() {
        let mut throttles = EditThrottles::default();
        throttles.of("ns", "c", None).polls(at(5), true);
        let same = |throttle: Arc<EditThrottle>| throttle.lock().synced == Some(at(5));
        assert!(same(throttles.of("ns", "c", None)));
        assert!(!same(throttles.of("ns", "c", Some("i"))));
        assert!(!same(throttles.of("ns", "d", None)));
        assert!(!same(throttles.of("other", "c", None)));
    }

    #[test]
    fn paces_are_bounded_and_those_in_use_stay() {
        let mut throttles = EditThrottles::default();
        let used = throttles.of("ns", "c", None);
        for number in 0..100_000 {
            let instance = number.to_string();
            let throttle = throttles.of("ns", "c", Some(&instance));
            throttle.polls(at(10 + number), true);
        }
        assert!(
            throttles.throttles.len() <= 2 * KEPT + 2,
            "{}",
            throttles.throttles.len()
        );
        used.polls(at(1), true);
        let again = throttles.of("ns", "c", None);
        assert_eq!(again.lock().synced, Some(at(1)), "a worker has it");
        let last = throttles.of("ns", "c", Some("99999"));
        assert_eq!(last.lock().synced, Some(at(100_009)), "polled last");
    }

    #[test]
    fn full_listings_keep_their_distance_despite_edits() {
        let throttle = EditThrottle::default();
        throttle.polls(at(5), true);
        throttle.listed(Some(at(5)), true, at(40));
        let first = |edited| throttle.first_poll(at(edited), TURN, true);
        assert_eq!(first(10), at(65), "it takes several pages");
        throttle.polls(at(100), false);
        throttle.listed(Some(at(5)), true, at(400));
        // It takes long, and yet something must be listed.
        assert_eq!(first(101), at(160));
    }

    proptest! {
        /// Whenever somebody edits: in a minute no more polls than in turn, and one.
        #[test]
        fn edits_cost_one_poll_a_minute_at_most(gaps in prop::collection::vec(1_u64..40, 1..200)) {
            let throttle = EditThrottle::default();
            let (mut now, mut due, mut polls) = (at(0), Some(at(0)), Vec::new());
            for gap in gaps {
                let next = now + Duration::from_secs(gap);
                while let Some(poll) = due.filter(|poll| *poll <= next) {
                    throttle.polls(poll, true);
                    polls.push(poll);
                    due = Some(poll + TURN);
                }
                now = next;
                due = Some(throttle.first_poll(now, TURN, true));
            }
            for (first, poll) in polls.iter().enumerate() {
                let minute = polls[first..].iter().take_while(|other| **other < *poll + Duration::from_secs(60));
                prop_assert!(minute.count() <= 5, "{polls:?}");
            }
        }
    }
}
