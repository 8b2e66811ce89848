//! What a replica does about the Lease, based on what it has observed: pure.

use std::time::Duration;

use k8s_openapi::{
    api::coordination::v1::LeaseSpec, apimachinery::pkg::apis::meta::v1::MicroTime, jiff::Timestamp,
};

use crate::clock::MonoTime;

/// How long a holder counts after a renewal.
pub(super) const LEASE_DURATION: Duration = Duration::from_secs(15);

/// The Lease as first observed in its current form. Times of other nodes are never compared with ours: a holder counts
/// from `at` on our monotonic clock.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct ObservedLease {
    /// Its content.
    pub(super) spec: LeaseSpec,
    /// When a response first showed it.
    pub(super) at: MonoTime,
}

/// What to do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Decision {
    /// Write our name into it.
    Acquire,
    /// Renew it.
    Renew,
    /// Another replica holds it.
    Wait,
    /// It is free, but this replica does not know enough to lead yet.
    Unready,
    /// We held it, but it no longer names us.
    Lost,
}

/// The observation after a response at `now`: unchanged if the Lease is.
pub(super) fn observe(
    before: Option<ObservedLease>,
    answer: Option<LeaseSpec>,
    now: MonoTime,
) -> Option<ObservedLease> {
    let spec = answer?;
    match before {
        Some(before) if before.spec == spec => Some(before),
        _ => Some(ObservedLease { spec, at: now }),
    }
}

/// What the replica `me` does at `now`; `seen` is the Lease, if it exists.
pub(super) fn decide(
    me: &str,
    leading: bool,
    seen: Option<&ObservedLease>,
    now: MonoTime,
) -> Decision {
    let holder = seen.and_then(|seen| holder(&seen.spec));
    if leading {
        return if holder == Some(me) {
            Decision::Renew
        } else {
            Decision::Lost
        };
    }
    match (holder, seen) {
        (Some(holder), Some(seen))
            if holder != me && now < seen.at.saturating_add(duration(&seen.spec)) =>
        {
            Decision::Wait
        }
        _ => Decision::Acquire,
    }
}

/// The holder, if any.
pub(super) fn holder(spec: &LeaseSpec) -> Option<&str> {
    spec.holder_identity
        .as_deref()
        .filter(|holder| !holder.is_empty())
}

/// How long its holder counts after each renewal.
fn duration(spec: &LeaseSpec) -> Duration {
    spec.lease_duration_seconds
        .map_or(LEASE_DURATION, |seconds| {
            Duration::from_secs(u64::try_from(seconds).unwrap_or_default())
        })
}

/// What `me` writes to acquire or renew it at `now`, after `before`.
pub(super) fn renewed_spec(before: Option<&LeaseSpec>, me: &str, now: Timestamp) -> LeaseSpec {
    let mut spec = before.cloned().unwrap_or_default();
    if holder(&spec) != Some(me) {
        spec.lease_transitions = Some(match before {
            Some(before) => before
                .lease_transitions
                .unwrap_or_default()
                .saturating_add(1),
            None => 0,
        });
        spec.acquire_time = Some(MicroTime(now));
        spec.holder_identity = Some(me.to_owned());
    }
    spec.lease_duration_seconds = i32::try_from(LEASE_DURATION.as_secs()).ok();
    spec.renew_time = Some(MicroTime(now));
    spec
}

/// What its holder writes to release it at `now`, so that the next one need not wait.
pub(super) fn released(before: &LeaseSpec, now: Timestamp) -> LeaseSpec {
    LeaseSpec {
        holder_identity: Some(String::new()),
        lease_duration_seconds: Some(1),
        acquire_time: Some(MicroTime(now)),
        renew_time: Some(MicroTime(now)),
        ..before.clone()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;
    use crate::testing::clock::second;

    const ME: &str = "me";

    fn lease(holder: &str) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        }
    }

    fn seen(holder: &str, at: u64) -> ObservedLease {
        ObservedLease {
            spec: lease(holder),
            at: second(at),
        }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_free_lease_or_one_that_names_itself_is_acquired_at_once() {
        let now = second(100);
        assert_eq!(decide(ME, false, None, now), Decision::Acquire);
        let released = released(&lease("other"), at(0));
        // The last one: the answer to its acquisition was lost.
        for spec in [released, LeaseSpec::default(), lease(ME)] {
            let seen = ObservedLease { spec, at: now };
            assert_eq!(decide(ME, false, Some(&seen), now), Decision::Acquire);
        }
    }

    #[test]
    fn another_holder_is_waited_for_until_its_duration_has_passed_unrenewed() {
        let other = seen("other", 100);
        for (ms, decision) in [
            (100_000, Decision::Wait),
            (114_999, Decision::Wait),
            (115_000, Decision::Acquire),
        ] {
            let now = MonoTime::at(Duration::from_millis(ms));
            assert_eq!(decide(ME, false, Some(&other), now), decision, "{ms}");
        }
    }

    #[test]
    fn a_leader_renews_what_names_it_and_has_lost_all_else() {
        let now = second(100);
        for (known, decision) in [
            (Some(seen(ME, 90)), Decision::Renew),
            (Some(seen("other", 0)), Decision::Lost),
            (Some(seen("", 90)), Decision::Lost),
            (None, Decision::Lost),
        ] {
            assert_eq!(decide(ME, true, known.as_ref(), now), decision);
        }
    }

    #[test]
    fn a_new_holder_counts_a_transition_and_a_renewal_does_not() {
        let first = renewed_spec(None, ME, at(1));
        assert_eq!(first.lease_transitions, Some(0));
        assert_eq!(first.lease_duration_seconds, Some(15));
        let renewed = renewed_spec(Some(&first), ME, at(2));
        assert_eq!(renewed.acquire_time, Some(MicroTime(at(1))));
        assert_eq!(renewed.renew_time, Some(MicroTime(at(2))));
        assert_eq!(renewed.lease_transitions, Some(0));
        let next = renewed_spec(Some(&released(&renewed, at(3))), "other", at(4));
        assert_eq!(next.acquire_time, Some(MicroTime(at(4))));
        assert_eq!(next.lease_transitions, Some(1));
        assert_eq!(next.lease_duration_seconds, Some(15));
    }

    proptest! {
        #[test]
        fn no_other_acquires_within_the_duration_of_the_last_change_seen(
            looks in prop::collection::vec((0_u64..20_000, 0_i64..3), 1..50),
        ) {
            let (mut now, mut known, mut changed) = (MonoTime::ZERO, None, MonoTime::ZERO);
            let mut last = None;
            for (pause, renewal) in looks {
                now += Duration::from_millis(pause);
                let spec = renewed_spec(Some(&lease("other")), "other", at(renewal));
                if last.as_ref() != Some(&spec) {
                    (changed, last) = (now, Some(spec.clone()));
                }
                known = observe(known, Some(spec), now);
                let expected = if now < changed + LEASE_DURATION { Decision::Wait } else { Decision::Acquire };
                prop_assert_eq!(decide(ME, false, known.as_ref(), now), expected);
            }
        }

        #[test]
        fn the_times_it_holds_decide_nothing(
            acquired in -1_000_000_i64..9_000_000_000, renewed in -1_000_000_i64..9_000_000_000,
            leading: bool, holder in prop::sample::select(vec!["", "me", "other"]), now in 0_u64..100,
        ) {
            let plain = seen(holder, 50);
            let mut dated = plain.clone();
            dated.spec.acquire_time = Some(MicroTime(at(acquired)));
            dated.spec.renew_time = Some(MicroTime(at(renewed)));
            let now = second(now);
            prop_assert_eq!(decide(ME, leading, Some(&plain), now), decide(ME, leading, Some(&dated), now));
        }

        #[test]
        fn odd_numbers_in_it_do_no_harm(seconds: Option<i32>, transitions: Option<i32>, now in 0_u64..u64::MAX) {
            let mut other = seen("other", now);
            other.spec.lease_duration_seconds = seconds;
            other.spec.lease_transitions = transitions;
            let _ = decide(ME, false, Some(&other), second(now));
            let mine = renewed_spec(Some(&other.spec), ME, at(0));
            prop_assert_eq!(holder(&mine), Some(ME));
        }
    }
}
