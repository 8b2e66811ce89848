//! Since when it is in its state.

use super::*;

const CREATED: &str = "2026-11-23T09:00:01Z";
const REVIEWED: &str = "2026-11-23T09:00:02Z";
const STARTED: &str = "2026-11-23T09:00:03Z";
const ENDED: &str = "2026-11-23T09:00:04Z";
const UPDATED: &str = "2026-11-23T09:00:05Z";

#[test]
fn each_state_has_the_time_of_the_api_that_fits() {
    for (state, since) in [
        ("PENDING_APPROVAL", CREATED),
        ("PENDING", REVIEWED),
        ("QUARANTINING", UPDATED),
        ("QUARANTINED", UPDATED),
        ("RUNNING", STARTED),
        ("SUCCEEDED", ENDED),
        ("AUTO_RESOLVED", ENDED),
        ("CANCELLED", ENDED),
        ("FAILED", ENDED),
        ("DREAMING", UPDATED),
    ] {
        assert_eq!(status(state).state_since, some(since), "{state}");
    }
}

#[test]
fn a_time_that_is_not_set_gives_way_to_the_last_update() {
    let zero = ZERO_TIMES.map(Some).into_iter().chain([None]);
    for (none, state) in zero.flat_map(|none| {
        [
            "PENDING_APPROVAL",
            "PENDING",
            "RUNNING",
            "SUCCEEDED",
            "CANCELLED",
        ]
        .map(|state| (none, state))
    }) {
        let unset = |update: Option<&str>| together::Remediation {
            create_time: none.map(Into::into),
            review_time: none.map(Into::into),
            start_time: none.map(Into::into),
            end_time: none.map(Into::into),
            update_time: update.map(Into::into),
            ..full_item(state)
        };
        let since = |update| from_api(&unset(update), &[], 1).state_since;
        assert_eq!(since(Some(UPDATED)), some(UPDATED), "{state} {none:?}");
        assert_eq!(since(none), None, "{state} {none:?}");
    }
}

#[test]
fn what_is_gone_keeps_the_time_of_the_state_that_was_last_seen() {
    let mut gone = status("RUNNING");
    mark(&mut gone, Synced::NotFound, "r", 1);
    assert_eq!(gone.state_since, some(STARTED));
}

proptest! {
    /// The last hop of a history that begins with this state has the same time.
    #[test]
    fn it_is_the_time_of_the_hop_that_leads_to_the_state(item in random::remediation(1)) {
        let status = from_api(&item, &[], 1);
        let mut history = Vec::new();
        transitions::extend(&mut history, None, &status, "2026-11-23T10:00:00Z");
        prop_assert_eq!(history.pop().and_then(|hop| hop.time), status.state_since);
    }
}
