use std::time::Duration;

use super::*;
use crate::{
    controller::status::build::{ReadyState, StatusInputs, build},
    sync::credentials::{AGAIN, CredentialsError},
    testing::{condition as condition_of, now},
};

fn keyless(reason: Reason) -> ReadyState {
    let message = "bring it".to_owned();
    ReadyState::Keyless { reason, message }
}

fn stalled() -> ReadyState {
    ReadyState::Stalled {
        reason: Reason::Unauthorized,
        message: String::new(),
    }
}

fn after(
    previous: &ClusterWatchStatus,
    ready_state: &ReadyState,
    seconds: i64,
) -> ClusterWatchStatus {
    let time = now() + SignedDuration::from_secs(seconds);
    build(previous, ready_state, &StatusInputs::default(), time)
}

/// After so many seconds its Secret is not there; whether it has stalled by then.
fn misses(previous: &ClusterWatchStatus, seconds: i64) -> (ClusterWatchStatus, bool) {
    let status = after(previous, &keyless(Reason::SecretNotFound), seconds);
    let stalled = is_stalled(&status);
    (status, stalled)
}

fn is_stalled(status: &ClusterWatchStatus) -> bool {
    let is = |type_| condition_of(&status.conditions, type_).status == "True";
    assert_ne!(is("Stalled"), is("Reconciling"), "{status:?}");
    is("Stalled")
}

/// Missed for the first time by a `ClusterWatch` that stood so for an hour.
fn missed(before: &ReadyState) -> ClusterWatchStatus {
    let before = after(&ClusterWatchStatus::default(), before, -3600);
    after(&before, &keyless(Reason::SecretNotFound), 0)
}

#[test]
fn the_grace_begins_when_the_secret_is_first_missed_whatever_was_before() {
    let failing = ReadyState::Failing {
        reason: Reason::Unavailable,
        message: String::new(),
    };
    for before in [
        ReadyState::Progressing(String::new()),
        ReadyState::Synced(String::new()),
        ReadyState::Suspended,
        stalled(),
        failing,
    ] {
        let first = missed(&before);
        assert!(!is_stalled(&first), "{before:?}");
        let (kept, stalls) = misses(&first, 119);
        assert!(!stalls, "{before:?}");
        assert!(misses(&kept, 120).1, "{before:?}");
    }
}

#[test]
fn the_other_reason_a_suspension_and_another_generation_go_on_with_the_same_grace() {
    let first = missed(&stalled());
    let other = after(&first, &keyless(Reason::SecretInvalid), 60);
    assert!(!is_stalled(&other));
    let suspended = after(&other, &ReadyState::Suspended, 90);
    let (resumed, stalls) = misses(&suspended, 119);
    assert!(!stalls);
    let suspended = after(&resumed, &ReadyState::Suspended, 119);
    assert!(misses(&suspended, 3600).1);
}

#[test]
fn a_secret_that_is_missed_again_after_it_was_good_is_waited_for_again() {
    let (over, _) = misses(&missed(&stalled()), 130);
    let good = after(&over, &ReadyState::Synced(String::new()), 140);
    assert!(!misses(&good, 150).1);
}

#[test]
fn a_clock_that_was_set_back_prolongs_no_grace_for_long_and_ends_no_end() {
    let first = missed(&stalled());
    assert!(misses(&first, -3600).1);
    let (over, _) = misses(&first, 121);
    assert!(misses(&over, 60).1);
}

#[test]
fn only_the_secret_itself_counts() {
    let error = crate::k8s::error::KubeApiError::Unavailable("down".into());
    let name = || "together".to_owned();
    let unavailable = CredentialsError::Unavailable {
        name: name(),
        error,
    };
    assert_eq!(unavailable.reason(), None);
    let missing = CredentialsError::NotFound(name()).reason();
    assert_eq!(missing, Some(Reason::SecretNotFound));
    let none = ClusterWatchStatus::default();
    let reported_of = |ready_state| reported(&after(&none, &ready_state, 0));
    assert_eq!(reported_of(stalled()), None);
    let invalid = Reason::SecretInvalid;
    assert_eq!(reported_of(keyless(invalid)), Some(invalid));
    assert!(AGAIN < Duration::from_secs(15));
}
