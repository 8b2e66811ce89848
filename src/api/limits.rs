//! Maximum lengths of texts and lists, as both schemas state them.
//!
//! Lengths are in characters (Unicode scalar values), as the API server counts `maxLength`. Values from the Together
//! API are truncated to them before they are written, so that one long text does not make the API server reject a whole
//! status.

/// An id from the Together API: cluster, instance, remediation, health check. The API documents no format.
pub const ID: u32 = 1024;

/// A human-readable name or the name of a Kubernetes object: node, instance, person, alert.
pub const NAME: u32 = 253;

/// A value of one of the API's open enums: state, mode, trigger, severity.
pub const ENUM: u32 = 63;

/// A time, as the API returned it or in RFC 3339.
pub const TIME: u32 = 64;

/// Free text: reason, review comment, error message.
pub const TEXT: u32 = 4096;

/// One line about an alert: title, summary.
pub const TITLE: u32 = 253;

/// The description of an alert.
pub const DESCRIPTION: u32 = 768;

/// A duration. Short enough that no accepted duration overflows 64 bits of nanoseconds.
pub const DURATION: u32 = 20;

/// The API's `orderBy` expression.
pub const ORDER_BY: u32 = 253;

/// The value of the `requestedAt` annotation, which is copied into the status.
pub const REQUESTED_AT: u32 = 253;

/// The type of a condition.
pub const CONDITION_TYPE: u32 = 63;

/// The reason of a condition.
pub const CONDITION_REASON: u32 = 63;

/// The message of a condition.
pub const CONDITION_MESSAGE: u32 = 4096;

/// Conditions of one object.
pub const CONDITIONS: u32 = 8;

/// States in `spec.states` of a `ClusterWatch`.
pub const STATES: u32 = 32;

/// Entries of `status.remediations.byState`.
pub const BY_STATE: u32 = 64;

/// Entries of `status.attention`.
pub const ATTENTION: u32 = 10;

/// Entries of a Remediation's `status.linkedAlerts`.
pub const LINKED_ALERTS: u32 = 10;

/// Entries of a linked alert's `xids`.
pub const XIDS: u32 = 10;

/// Entries of a Remediation's `status.transitions`.
pub const TRANSITIONS: u32 = 20;

/// The minimum of `spec.query.pageSize`.
pub const PAGE_SIZE_MIN: u32 = 1;

/// The maximum of `spec.query.pageSize`.
pub const PAGE_SIZE_MAX: u32 = 1000;

/// The maximum of `spec.retention.maxFinishedPerInstance`.
pub const FINISHED_PER_INSTANCE_MAX: u32 = 100_000;

/// `value` in at most `limit` characters; if it was truncated, the last one is `…`.
#[must_use]
pub fn bounded(value: Option<&str>, limit: u32) -> Option<String> {
    let value = value?;
    if fits(value, limit) {
        return Some(value.to_owned());
    }
    let kept = (limit as usize).saturating_sub(1);
    Some(value.chars().take(kept).chain(['…']).collect())
}

/// Whether `value` has at most `limit` characters.
#[must_use]
pub fn fits(value: &str, limit: u32) -> bool {
    let limit = limit as usize;
    value.len() <= limit || value.chars().count() <= limit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_at_a_character() {
        assert_eq!(bounded(Some("üüü"), 3).as_deref(), Some("üüü"));
        assert_eq!(bounded(Some("üüüü"), 3).as_deref(), Some("üü…"));
        assert_eq!(bounded(None, 3), None);
    }
}
