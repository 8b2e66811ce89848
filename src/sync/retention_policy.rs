//! The policy in `spec.retention`: how long, and how many, mirrors of finished remediations are kept. Pure.

use std::time::Duration;

use k8s_openapi::jiff::Timestamp;

use crate::{
    api::cluster_watch::Retention,
    mirror::end::{Clocks, End},
};

/// The policy in `spec.retention`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// How long a mirror is kept after the end; `None` means no limit.
    pub ttl: Option<Duration>,
    /// How many are kept per instance, the newest; `None` means no limit.
    pub max_per_instance: Option<usize>,
}

impl Policy {
    /// The policy of `retention`.
    #[must_use]
    pub fn of(retention: Option<&Retention>) -> Self {
        Self {
            ttl: retention.and_then(Retention::ttl_after_finished),
            max_per_instance: retention
                .and_then(|retention| retention.max_finished_per_instance)
                .map(|max| max as usize),
        }
    }

    /// Whether a mirror with this end is expired. It is not if its end is unknown, or if the current time is.
    #[must_use]
    pub fn is_over(&self, end: Option<End>, clocks: Clocks) -> bool {
        match (end, clocks.apis) {
            (Some(End::ByApi(end)), Some(apis)) => self.expired(Some(end), apis),
            // A clock that was set back or ahead must not make mirrors expire early.
            (Some(End::Seen(end)), Some(apis)) => self.expired(Some(end), clocks.ours.min(apis)),
            (None, _) | (_, None) => false,
        }
    }

    /// Whether one that ended at `finished` is expired, `now` by the same clock. Without a valid time it is not.
    #[must_use]
    pub fn expired(&self, finished: Option<Timestamp>, now: Timestamp) -> bool {
        let (Some(ttl), Some(finished)) = (self.ttl, finished) else {
            return false;
        };
        Duration::try_from(now.duration_since(finished)).is_ok_and(|age| age > ttl)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::at;

    #[test]
    fn the_spec_is_read() {
        let retention = Retention {
            ttl_after_finished: Some("2h".into()),
            max_finished_per_instance: Some(20),
        };
        let read = Policy {
            ttl: Some(Duration::from_secs(2 * 3600)),
            max_per_instance: Some(20),
        };
        assert_eq!(Policy::of(Some(&retention)), read);
        assert_eq!(Policy::of(None), Policy::default());
    }

    #[test]
    fn one_that_the_api_lost_expires_once_its_time_is_over_by_both_clocks() {
        let policy = Policy {
            ttl: Some(Duration::from_secs(3600)),
            max_per_instance: None,
        };
        let end = Some(End::Seen(at("2026-11-23T10:00:00Z")));
        let (soon, later) = (at("2026-11-23T10:10:00Z"), at("2026-11-24T06:00:00Z"));
        for (ours, apis, over) in [
            (soon, Some(soon), false),
            (later, Some(soon), false),
            (soon, Some(later), false),
            (later, None, false),
            (later, Some(later), true),
        ] {
            let clocks = Clocks { ours, apis };
            assert_eq!(policy.is_over(end, clocks), over, "{ours} {apis:?}");
        }
    }
}
