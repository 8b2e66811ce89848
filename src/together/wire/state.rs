//! The states of a remediation as texts, because the API adds states over time.

/// Open states of the reference page: awaiting approval, queued, in progress.
pub const OPEN_REFERENCE: [&str; 3] = ["PENDING_APPROVAL", "PENDING", "RUNNING"];

/// Open states that newer SDKs know: the host is being cordoned, or is cordoned.
pub const OPEN_NEWER: [&str; 2] = ["QUARANTINING", "QUARANTINED"];

/// Final states (inferred from the reference page's text).
pub const FINAL: [&str; 4] = ["SUCCEEDED", "FAILED", "CANCELLED", "AUTO_RESOLVED"];

/// Whether nothing further will happen. An unknown state is not final.
#[must_use]
pub fn is_final(state: &str) -> bool {
    FINAL.contains(&state)
}

/// Whether the reference page lists the state, so that every server accepts it as a filter.
#[must_use]
pub fn is_reference(state: &str) -> bool {
    is_final(state) || OPEN_REFERENCE.contains(&state)
}

/// Whether this version knows the state.
#[must_use]
pub fn is_known(state: &str) -> bool {
    is_reference(state) || OPEN_NEWER.contains(&state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn open_states_are_known_and_not_final() {
        for state in OPEN_REFERENCE.into_iter().chain(OPEN_NEWER) {
            assert!(is_known(state) && !is_final(state), "{state}");
        }
    }

    #[test]
    fn only_the_four_ends_are_final() {
        for state in ["SUCCEEDED", "FAILED", "CANCELLED", "AUTO_RESOLVED"] {
            assert!(is_final(state) && is_reference(state), "{state}");
        }
        for state in ["", "succeeded", "SUCCEEDED_LATER", "DRAINING"] {
            assert!(!is_final(state) && !is_known(state), "{state}");
        }
    }

    #[test]
    fn newer_states_are_not_on_the_reference_page() {
        assert!(OPEN_NEWER.iter().all(|state| !is_reference(state)));
    }
}
