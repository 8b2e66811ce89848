//! When a version older than the mirror may overwrite it: pure.

use std::{collections::HashMap, ops::Range, time::Duration};

use k8s_openapi::jiff::Timestamp;

use crate::clock::MonoTime;

/// Minimum time between two complete lists that show the same older version: far longer than a replica of the API lags.
const APART: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug)]
struct Seen {
    version: Timestamp,
    first: MonoTime,
    last: MonoTime,
}

/// What a complete list and the requests by id after it showed, by name.
#[derive(Debug, Default)]
pub struct ShownVersions {
    /// Versions older than their mirror.
    pub older: Vec<(Box<str>, Timestamp)>,
    /// Mirrors of which an older version was seen before, and not this time.
    pub current: Vec<Box<str>>,
}

/// Older versions in complete lists. After a restore of the API or a correction of its clock every list shows them;
/// with a lagging replica some do not.
#[derive(Debug, Default)]
pub struct Regressions {
    seen: HashMap<Box<str>, Seen>,
}

impl Regressions {
    /// Whether complete lists have shown nothing but this older version, or one between it and them, for five minutes.
    /// A remediation goes on after a restore of the API too.
    #[must_use]
    pub fn trusted(&self, name: &str, version: Option<Timestamp>) -> bool {
        self.seen.get(name).is_some_and(|seen| {
            Some(seen.version) <= version && seen.last.duration_since(seen.first) >= APART
        })
    }

    /// Whether the last complete list that showed this mirror showed an older version.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.seen.contains_key(name)
    }

    /// Processes what a complete list and the requests by id after it showed, within `time`. After a `full` sync,
    /// versions that it did not show are forgotten.
    pub fn observe(&mut self, shown: ShownVersions, full: bool, time: Range<MonoTime>) {
        for name in shown.current {
            self.seen.remove(&name);
        }
        let mut before = std::mem::take(&mut self.seen);
        for (name, version) in shown.older {
            let first = before
                .remove(&name)
                .filter(|seen| seen.version <= version)
                .map_or(time.end, |seen| seen.first);
            self.seen.insert(
                name,
                Seen {
                    version,
                    first,
                    last: time.start,
                },
            );
        }
        if !full {
            before.extend(self.seen.drain());
            self.seen = before;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::clock::second;

    fn at(minute: u64) -> MonoTime {
        second(60 * minute)
    }

    fn older(second: i64) -> ShownVersions {
        let version = Timestamp::from_second(second).unwrap_or_default();
        ShownVersions {
            older: vec![("a".into(), version)],
            ..ShownVersions::default()
        }
    }

    fn shown(regressions: &mut Regressions, second: i64, at: MonoTime) {
        regressions.observe(older(second), true, at..at);
    }

    fn trusted(regressions: &Regressions, second: i64) -> bool {
        regressions.trusted("a", Timestamp::from_second(second).ok())
    }

    #[test]
    fn two_complete_listings_five_minutes_apart_are_believed() {
        let mut regressions = Regressions::default();
        shown(&mut regressions, 7, at(1));
        shown(&mut regressions, 7, at(5));
        assert!(!trusted(&regressions, 7));
        shown(&mut regressions, 7, at(6));
        assert!(trusted(&regressions, 7));
        assert!(!trusted(&regressions, 6));
    }

    #[test]
    fn what_a_slow_answer_showed_was_not_shown_when_the_listing_ended() {
        let mut regressions = Regressions::default();
        regressions.observe(older(7), true, at(1)..at(2));
        regressions.observe(older(7), true, at(6)..at(7));
        assert!(!trusted(&regressions, 7));
        regressions.observe(older(7), true, at(7)..at(9));
        assert!(trusted(&regressions, 7));
    }

    #[test]
    fn what_was_not_listed_is_not_forgotten() {
        let mut regressions = Regressions::default();
        shown(&mut regressions, 7, at(1));
        regressions.observe(ShownVersions::default(), false, at(3)..at(3));
        shown(&mut regressions, 7, at(6));
        assert!(trusted(&regressions, 7));
    }

    #[test]
    fn another_version_or_none_starts_over() {
        let mut regressions = Regressions::default();
        shown(&mut regressions, 7, at(1));
        shown(&mut regressions, 6, at(2));
        shown(&mut regressions, 7, at(6));
        assert!(!trusted(&regressions, 7));
        regressions.observe(ShownVersions::default(), true, at(7)..at(7));
        shown(&mut regressions, 7, at(20));
        assert!(!trusted(&regressions, 7));
    }

    #[test]
    fn a_remediation_that_goes_on_after_a_restore_is_believed_too() {
        let mut regressions = Regressions::default();
        for (second, minute) in [(1, 0), (2, 2), (3, 4), (4, 6)] {
            assert!(!trusted(&regressions, second), "{minute}");
            shown(&mut regressions, second, at(minute));
        }
        assert!(trusted(&regressions, 5));
        assert!(!trusted(&regressions, 3));
        assert!(!regressions.trusted("a", None));
    }

    #[test]
    fn a_list_between_that_shows_the_mirrored_version_starts_over() {
        let mut regressions = Regressions::default();
        shown(&mut regressions, 7, at(1));
        let current = ShownVersions {
            current: vec!["a".into()],
            ..ShownVersions::default()
        };
        regressions.observe(current, false, at(3)..at(3));
        shown(&mut regressions, 7, at(6));
        assert!(!trusted(&regressions, 7));
    }
}
