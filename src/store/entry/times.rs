//! When what happened to a mirrored remediation.

use k8s_openapi::{apimachinery::pkg::apis::meta::v1::Condition, jiff::Timestamp};

use crate::{
    api::{conditions::of_type, remediation::RemediationStatus, timestamp},
    mirror::end::End,
    store::entry::lifecycle::Lifecycle,
};

/// The conditions of a mirror.
const CONDITIONS: [&str; 4] = ["Synced", "Succeeded", "Reconciling", "Stalled"];

/// The conditions, in the order of `CONDITIONS`. Packed, because there is one for every mirror.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConditionFacts {
    /// Indexes into [`STATUSES`].
    statuses: [u8; 4],
    /// Transition times in Unix seconds: the API server stores no fractions.
    since: [i64; 4],
}

/// The possible statuses of a condition; the first one means that the condition is missing.
const STATUSES: [&str; 4] = ["", "True", "False", "Unknown"];

impl ConditionFacts {
    fn of(conditions: &[Condition]) -> Self {
        let mut facts = Self {
            statuses: [0; 4],
            since: [0; 4],
        };
        for (at, type_) in CONDITIONS.into_iter().enumerate() {
            if let Some(found) = of_type(conditions, type_) {
                facts.since[at] = timestamp::to_second(found.last_transition_time.0).as_second();
                let known = (0_u8..).zip(STATUSES).find(|(_, s)| *s == found.status);
                facts.statuses[at] = known.map_or(0, |(place, _)| place);
            }
        }
        facts
    }

    /// The transition time of the condition of this type, if it had this status.
    #[must_use]
    pub fn since(&self, type_: &str, status: &str) -> Option<Timestamp> {
        let at = CONDITIONS.iter().position(|known| *known == type_)?;
        let known = STATUSES.get(usize::from(self.statuses[at]))?;
        let since = Timestamp::from_second(self.since[at]).ok();
        since.filter(|_| *known == status)
    }
}

/// The times of a mirrored remediation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Times {
    /// The API's `create_time`, if valid.
    pub created: Option<Timestamp>,
    /// The API's `update_time`, if valid.
    pub updated: Option<Timestamp>,
    /// When it ended: `end_time`, otherwise `update_time`; only if it is finished.
    pub finished: Option<Timestamp>,
    /// The mirror's conditions.
    pub conditions: ConditionFacts,
}

impl Times {
    /// Those in `status`, of a mirror that is `open` or not.
    pub(super) fn of(status: &RemediationStatus, open: bool) -> Self {
        let finished = if open {
            None
        } else {
            timestamp::ended(status.end_time.as_deref(), status.update_time.as_deref())
        };
        Self {
            created: timestamp::read(status.create_time.as_deref()),
            updated: timestamp::read(status.update_time.as_deref()),
            finished,
            conditions: ConditionFacts::of(&status.conditions),
        }
    }

    /// When it ended, if known; `None` while it is open.
    pub(super) fn end(&self, lifecycle: Lifecycle) -> Option<End> {
        if lifecycle.open {
            return None;
        }
        if !lifecycle.synced.is_gone() {
            return self.finished.map(End::ByApi);
        }
        // The mark may have changed only these two conditions. A remediation that was forbidden before was not Synced
        // either. A time that is not set proves nothing, whatever the other one is.
        let since = |type_| self.conditions.since(type_, "False");
        let synced = since("Synced").filter(timestamp::is_set)?;
        let marked = since("Stalled").map_or(synced, |stalled| stalled.max(synced));
        Some(End::Seen(marked))
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::{mirror::status::Synced, testing::at};

    const ENDED: &str = "2026-11-23T08:00:00Z";
    const MARKED: &str = "2026-11-23T09:00:00Z";

    fn status() -> RemediationStatus {
        let marked = |type_: &str| Condition {
            type_: type_.to_owned(),
            status: "False".to_owned(),
            reason: "NotFound".to_owned(),
            message: String::new(),
            last_transition_time: Time(at(MARKED)),
            observed_generation: None,
        };
        RemediationStatus {
            end_time: Some(ENDED.to_owned()),
            conditions: vec![marked("Synced"), marked("Stalled")],
            ..RemediationStatus::default()
        }
    }

    fn end(open: bool, synced: Synced) -> Option<End> {
        let lifecycle = Lifecycle {
            open,
            synced,
            unread: false,
        };
        Times::of(&status(), open).end(lifecycle)
    }

    #[test]
    fn one_that_is_finished_ended_when_the_api_says_so_and_one_that_is_gone_when_it_was_marked() {
        assert_eq!(end(false, Synced::Final), Some(End::ByApi(at(ENDED))));
        assert_eq!(end(false, Synced::NotFound), Some(End::Seen(at(MARKED))));
        assert_eq!(end(true, Synced::Listed), None);
        assert_eq!(Times::of(&status(), true).finished, None);
    }

    #[test]
    fn a_condition_had_a_status_since_its_transition() {
        let facts = Times::of(&status(), false).conditions;
        assert_eq!(facts.since("Synced", "False"), Some(at(MARKED)));
        assert_eq!(facts.since("Synced", "True"), None);
        assert_eq!(facts.since("Succeeded", "False"), None, "it is missing");
    }
}
