//! Whether a mirror may still change, and how current it is.

use crate::{
    api::{conditions::of_type, remediation::RemediationStatus},
    mirror::status::Synced,
    together::wire::state::is_final,
};

/// Whether a mirror may still change, and how current it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// Whether the remediation may still change.
    pub open: bool,
    /// How current the mirror is.
    pub synced: Synced,
    /// Whether its status is unreadable, so that it is unknown what people see. Then it counts as open until the API
    /// says otherwise.
    pub unread: bool,
}

impl Lifecycle {
    /// That of a mirror with this status; `None` if the status is unreadable.
    pub(super) fn of(status: Option<&RemediationStatus>) -> Self {
        // The schema has a default, so a status without conditions exists: only an unreadable one is absent.
        let Some(status) = status else {
            return Self {
                open: true,
                synced: Synced::Pending,
                unread: true,
            };
        };
        let synced = of_type(&status.conditions, "Synced");
        let synced = synced.map_or(Synced::Pending, |c| Synced::from_reason(&c.reason));
        let unread = has_lost_its_mark(status, synced);
        Self {
            open: unread || status.open.unwrap_or(true),
            synced,
            unread,
        }
    }

    /// Whether the mirror is open and could be mistaken for current: it is not marked, and it does not wait for its
    /// first status. `has_state`: it has a state.
    pub(super) fn needs_stale_mark(self, has_state: bool) -> bool {
        let empty = self.synced == Synced::Pending && !has_state && !self.unread;
        self.open && !empty && !matches!(self.synced, Synced::Stale | Synced::Forbidden)
    }
}

/// Whether the remediation was gone, and the condition that recorded this is unreadable: it is not open, and its state
/// is not final. Without its mark it could be mistaken for one that ended long ago.
fn has_lost_its_mark(status: &RemediationStatus, synced: Synced) -> bool {
    let state = status.state.as_deref().unwrap_or_default();
    let is_marked = !matches!(synced, Synced::Pending | Synced::Stale | Synced::Forbidden);
    status.open == Some(false) && !is_marked && !is_final(state)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{mirror::status::from_api, testing::item};

    fn of(state: &str) -> (RemediationStatus, Lifecycle) {
        let status = from_api(&item(1, state), &[], 1);
        let lifecycle = Lifecycle::of(Some(&status));
        (status, lifecycle)
    }

    #[test]
    fn the_status_decides_and_an_unreadable_one_counts_as_open() {
        let (_, running) = of("RUNNING");
        assert!(running.open && !running.unread && running.synced == Synced::Listed);
        let (_, ended) = of("SUCCEEDED");
        assert!(!ended.open && !ended.unread && ended.synced == Synced::Final);
        let unreadable = Lifecycle::of(None);
        assert!(unreadable.open && unreadable.unread);
        assert_eq!(unreadable.synced, Synced::Pending);
    }

    #[test]
    fn one_that_is_not_open_without_a_reason_has_lost_its_mark() {
        let (mut status, _) = of("RUNNING");
        status.open = Some(false);
        status.conditions.clear();
        let lost = Lifecycle::of(Some(&status));
        assert!(lost.open && lost.unread, "it counts as open");
    }

    #[test]
    fn only_an_open_one_that_people_may_take_for_current_needs_a_mark() {
        let (_, running) = of("RUNNING");
        assert!(running.needs_stale_mark(true));
        for synced in [Synced::Stale, Synced::Forbidden] {
            assert!(!Lifecycle { synced, ..running }.needs_stale_mark(true));
        }
        assert!(!of("SUCCEEDED").1.needs_stale_mark(true));
        let waiting = Lifecycle {
            synced: Synced::Pending,
            ..running
        };
        assert!(!waiting.needs_stale_mark(false) && waiting.needs_stale_mark(true));
        assert!(Lifecycle::of(None).needs_stale_mark(false));
    }
}
