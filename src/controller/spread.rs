//! The order and delay of first syncs that would all happen at once, as after a restart: pure.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::jiff::Timestamp;

use crate::clock::MonoTime;

/// Maximum wait for a first sync, however long the interval is.
const LONGEST: Duration = Duration::from_secs(60);

/// This many may start at the same moment: their requests are not a burst.
const FEW: usize = 20;

/// Minimum number of places, one per second. It keeps a few `ClusterWatches` from being spread over half a minute.
const PLACES: usize = 60;

/// The golden ratio's fraction, (sqrt(5) - 1) / 2. The fractional parts of its multiples stay evenly distributed,
/// however many there are.
const GOLDEN: f64 = 0.618_033_988_749_894_8;

/// A place among those that start together: the fraction of the spread time that passes before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, PartialOrd)]
pub struct Place(f64);

impl Place {
    /// The place of `rank` (from 0) out of `many`. The first few all start at once; the others are evenly spaced, at
    /// most a second apart.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
    pub fn of(rank: usize, many: usize) -> Self {
        if many <= FEW {
            return Self::default();
        }
        Self(rank as f64 / many.max(PLACES) as f64)
    }

    /// The place of one that comes after this many others: behind them, or in a gap between them.
    #[allow(clippy::cast_precision_loss, reason = "far fewer than 2^53")]
    fn after(others: usize) -> Self {
        if others < PLACES {
            Self::of(others, PLACES)
        } else {
            Self((others as f64 * GOLDEN).fract())
        }
    }

    /// How long it waits if `interval` is in force.
    #[must_use]
    pub fn wait(self, interval: Duration) -> Duration {
        interval.min(LONGEST).mul_f64(self.0)
    }
}

/// One of those that start together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Begins<'a> {
    /// Time of its last sync; `None`, which comes first, means never.
    pub last_sync: Option<Timestamp>,
    /// Its namespace.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// The place of each, in the given order, after this many `others` got theirs just before. Namespaces can be listed one
/// by one, and still only the first few of all start at once.
#[must_use]
pub fn places(begin: &[Begins<'_>], others: usize) -> Vec<Place> {
    let many = begin.len();
    if others + many <= FEW {
        return vec![Place::default(); many];
    }
    let mut order: Vec<_> = (0..many).collect();
    order.sort_by(|one, other| begin[*one].cmp(&begin[*other]));
    let mut free: Vec<_> = if others == 0 {
        (0..many).map(|rank| Place::of(rank, many)).collect()
    } else {
        (others..others + many).map(Place::after).collect()
    };
    free.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut places = vec![Place::default(); many];
    for (at, place) in order.into_iter().zip(free) {
        places[at] = place;
    }
    places
}

/// Counts recent starts.
#[derive(Debug, Default)]
pub struct RecentStarts {
    since: MonoTime,
    many: usize,
}

impl RecentStarts {
    /// How many started before these `many`, which start `now`, while the first syncs of those are still going on.
    pub fn begin(&mut self, many: usize, now: MonoTime) -> usize {
        if self.many == 0 || now >= self.since + LONGEST {
            (self.since, self.many) = (now, 0);
        }
        let others = self.many;
        self.many += many;
        others
    }
}

/// Entries by namespace and name, counted: a new worker may arrive before the old one is gone.
type Names = BTreeMap<(Box<str>, Box<str>), usize>;

/// All that are currently synced. Clones share one roll.
#[derive(Clone, Debug, Default)]
pub struct Roll(Arc<Mutex<Names>>);

impl Roll {
    /// Adds one to the roll until the entry is dropped.
    #[must_use]
    pub fn enter(&self, namespace: &str, name: &str) -> Entry {
        let key = (namespace.into(), name.into());
        let entry = Entry {
            roll: self.clone(),
            key,
        };
        *self.lock().entry(entry.key.clone()).or_default() += 1;
        entry
    }

    fn lock(&self) -> MutexGuard<'_, Names> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One entry of the roll.
#[derive(Debug, Default)]
pub struct Entry {
    roll: Roll,
    key: (Box<str>, Box<str>),
}

impl Entry {
    /// Its place among all on the roll, if all start together now.
    #[must_use]
    pub fn place(&self) -> Place {
        let names = self.roll.lock();
        Place::of(names.range(..&self.key).count(), names.len())
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let mut names = self.roll.lock();
        if let Some(many) = names.get_mut(&self.key) {
            *many -= 1;
            if *many == 0 {
                names.remove(&self.key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testing::{at, clock::second};

    const MINUTE: Duration = Duration::from_secs(60);

    fn begins(name: &str, last_sync: Option<Timestamp>) -> Begins<'_> {
        Begins {
            last_sync,
            namespace: "ns",
            name,
        }
    }

    #[test]
    fn those_that_never_synced_come_first_then_the_oldest_evenly_spaced() {
        let [old, new] = ["2026-11-23T09:00:00Z", "2026-11-23T10:00:00Z"].map(at);
        let mut begin = vec![begins("a", Some(new)), begins("c", Some(old))];
        begin.extend((0..28).map(|_| begins("b", None)));
        let waits = |begin: &[Begins<'_>]| -> Vec<u64> {
            let places = places(begin, 0).into_iter();
            places.map(|place| place.wait(MINUTE).as_secs()).collect()
        };
        let thirty = waits(&begin);
        assert_eq!((thirty[0], thirty[1]), (29, 28));
        assert!(thirty[2..].iter().copied().eq(0..28), "{thirty:?}");
        let last = waits(&vec![begins("a", None); 120])[119];
        assert_eq!(last, 59);
    }

    #[test]
    fn a_few_begin_together() {
        let few = places(&vec![begins("a", None); FEW], 0);
        assert_eq!(few, vec![Place::default(); FEW]);
    }

    #[test]
    fn a_single_one_waits_for_nothing_and_no_one_longer_than_its_interval_or_a_minute() {
        assert_eq!(places(&[begins("a", None)], 0), [Place::default()]);
        assert_eq!(Place::default().wait(MINUTE), Duration::ZERO);
        let half = Place::of(60, 120);
        assert_eq!(half.wait(MINUTE * 60), MINUTE / 2);
        assert_eq!(half.wait(MINUTE / 4), MINUTE / 8);
        assert_eq!(places(&[], 3), []);
    }

    #[test]
    fn namespaces_that_are_listed_one_by_one_begin_at_once_until_they_are_many() {
        let last = FEW - 1;
        let waits = [0, 1, last, last + 1, last + 2]
            .map(|others| places(&[begins("a", None)], others)[0].wait(MINUTE));
        assert_eq!(waits.map(|wait| wait.as_secs()), [0, 0, 0, 20, 21]);
    }

    #[test]
    fn others_count_while_their_first_syncs_go_on() {
        let mut lately = RecentStarts::default();
        let others = [2, 3, 1].map(|many| lately.begin(many, second(60)));
        assert_eq!(others, [0, 2, 5]);
        assert_eq!(lately.begin(4, second(120)), 0);
        assert_eq!(lately.begin(1, second(120)), 4);
    }

    #[test]
    fn the_roll_knows_the_place_of_each_until_it_leaves() {
        let roll = Roll::default();
        let [a, b, again] = ["a", "b", "a"].map(|name| roll.enter("ns", name));
        let others: Vec<_> = (0..FEW)
            .map(|name| roll.enter("other", &name.to_string()))
            .collect();
        let many = FEW + 2;
        assert_eq!(a.place(), Place::of(0, many));
        assert_eq!(b.place(), Place::of(1, many));
        drop(a);
        assert_eq!(b.place(), Place::of(1, many), "its next worker is there");
        drop(others);
        drop(again);
        assert_eq!(b.place(), Place::default());
        assert_eq!(Entry::default().place(), Place::default());
    }

    proptest! {
        /// However many `ClusterWatches` begin in however many namespaces that are listed one by one: no second has
        /// three times as many as the mean.
        #[test]
        fn no_second_has_more_than_three_times_the_mean(
            first in FEW + 1..40,
            more in prop::collection::vec(1_usize..40, 0..60),
        ) {
            let batches = [vec![first], more].concat();
            let names: Vec<_> = (0..40).map(|name| name.to_string()).collect();
            let mut seconds = [0_u32; 60];
            let mut others = 0;
            for many in batches.iter().copied() {
                let begin: Vec<_> = names[..many].iter().map(|name| begins(name, None)).collect();
                let places = places(&begin, others);
                others += many;
                for place in places {
                    seconds[usize::try_from(place.wait(MINUTE).as_secs()).unwrap_or(59).min(59)] += 1;
                }
            }
            let all: u32 = seconds.iter().sum();
            prop_assume!(all >= 60);
            let most = seconds.iter().max().copied().unwrap_or_default();
            prop_assert!(most * 60 <= 3 * all, "{most} of {all}: {batches:?}");
        }
    }
}
