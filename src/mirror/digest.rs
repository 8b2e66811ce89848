//! Digests of what is written: equal digests mean that no write is needed.

use std::hash::{Hash, Hasher};

use siphasher::sip::SipHasher13;

use crate::api::remediation::RemediationStatus;

/// A digest of `status` without its history and the transition times, which follow from the rest.
#[must_use]
pub fn digest(status: &RemediationStatus) -> u64 {
    // All fields are named, so that the compiler reports a new one.
    let RemediationStatus {
        observed_generation,
        node,
        state,
        mode,
        trigger,
        open,
        instance_id,
        instance_name,
        reason,
        active_health_check_run_id,
        passive_health_check_event_id,
        requested_by,
        create_time,
        reviewed_by,
        review_time,
        review_comment,
        start_time,
        end_time,
        error_message,
        update_time,
        linked_alerts,
        state_since,
        conditions,
        transitions: _,
    } = status;
    let mut hash = SipHasher13::new();
    (observed_generation, open, linked_alerts).hash(&mut hash);
    let texts = [
        node,
        state,
        mode,
        trigger,
        instance_id,
        instance_name,
        reason,
        active_health_check_run_id,
        passive_health_check_event_id,
        requested_by,
        create_time,
        reviewed_by,
        review_time,
        review_comment,
        start_time,
        end_time,
        error_message,
        update_time,
        state_since,
    ];
    texts.hash(&mut hash);
    let mut conditions: Vec<_> = conditions.iter().collect();
    conditions.sort_unstable_by_key(|condition| &condition.type_);
    for c in conditions {
        (&c.type_, &c.status, &c.reason, &c.message).hash(&mut hash);
        c.observed_generation.hash(&mut hash);
    }
    hash.finish()
}

/// A digest of any other value.
#[must_use]
pub fn of(value: &impl Hash) -> u64 {
    let mut hash = SipHasher13::new();
    value.hash(&mut hash);
    hash.finish()
}

#[cfg(test)]
mod tests;
