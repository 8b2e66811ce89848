//! When a version older than the mirror may overwrite it: pure.

use std::{collections::HashMap, ops::Range, time::Duration};

use k8s_openapi::jiff::Timestamp;

/// Minimum time between two complete lists that show the same older version.
const APART: Duration = Duration::from_secs(300);

#[derive(Clone, Copy, Debug)]
struct Seen {
    version: Timestamp,
    first: Duration,
    last: Duration,
}

/// Older versions in complete lists. After a restore of the API or a correction of its clock they appear in every list;
/// with a lagging replica they do not.
#[derive(Debug, Default)]
pub struct Regressions {
    seen: HashMap<Box<str>, Seen>,
}

impl Regressions {
    /// Whether two complete lists at least five minutes apart showed this older version.
    #[must_use]
    pub fn trusted(&self, name: &str, version: Option<Timestamp>) -> bool {
        self.seen.get(name).is_some_and(|seen| {
            Some(seen.version) == version && seen.last.saturating_sub(seen.first) >= APART
        })
    }

    /// Processes all older versions in a complete list and in the requests by id after it, which ended within `time`
    /// (monotonic). After a `full` sync, versions that it did not show are forgotten.
    pub fn observe(
        &mut self,
        older: Vec<(Box<str>, Timestamp)>,
        full: bool,
        time: Range<Duration>,
    ) {
        let mut before = std::mem::take(&mut self.seen);
        for (name, version) in older {
            let first = before
                .remove(&name)
                .filter(|seen| seen.version == version)
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

    const MINUTE: Duration = Duration::from_secs(60);

    fn shown(regressions: &mut Regressions, second: i64, at: Duration) {
        regressions.observe(
            vec![(
                "a".into(),
                Timestamp::from_second(second).unwrap_or_default(),
            )],
            true,
            at..at,
        );
    }

    #[test]
    fn two_complete_listings_five_minutes_apart_are_believed() {
        let version = Timestamp::from_second(7).ok();
        let mut regressions = Regressions::default();
        shown(&mut regressions, 7, MINUTE);
        shown(&mut regressions, 7, MINUTE * 5);
        assert!(!regressions.trusted("a", version));
        shown(&mut regressions, 7, MINUTE * 6);
        assert!(regressions.trusted("a", version));
        assert!(!regressions.trusted("a", Timestamp::from_second(8).ok()));
    }

    #[test]
    fn what_a_slow_answer_showed_was_not_shown_when_the_listing_ended() {
        let version = Timestamp::from_second(7).ok();
        let older = || vec![("a".into(), version.unwrap_or_default())];
        let mut regressions = Regressions::default();
        regressions.observe(older(), true, MINUTE..MINUTE * 2);
        regressions.observe(older(), true, MINUTE * 6..MINUTE * 7);
        assert!(!regressions.trusted("a", version));
        regressions.observe(older(), true, MINUTE * 7..MINUTE * 9);
        assert!(regressions.trusted("a", version));
    }

    #[test]
    fn what_was_not_listed_is_not_forgotten() {
        let version = Timestamp::from_second(7).ok();
        let mut regressions = Regressions::default();
        shown(&mut regressions, 7, MINUTE);
        regressions.observe(Vec::new(), false, MINUTE * 3..MINUTE * 3);
        shown(&mut regressions, 7, MINUTE * 6);
        assert!(regressions.trusted("a", version));
    }

    #[test]
    fn another_version_or_none_begins_anew() {
        let version = Timestamp::from_second(7).ok();
        let mut regressions = Regressions::default();
        shown(&mut regressions, 7, MINUTE);
        shown(&mut regressions, 6, MINUTE * 2);
        shown(&mut regressions, 7, MINUTE * 6);
        assert!(!regressions.trusted("a", version));
        regressions.observe(Vec::new(), true, MINUTE * 7..MINUTE * 7);
        shown(&mut regressions, 7, MINUTE * 20);
        assert!(!regressions.trusted("a", version));
    }
}
