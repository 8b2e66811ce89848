//! The states of a remediation, as strings: the API has added some before and will again.

/// Open states of the reference page: waiting for approval, queued, being processed.
pub const OPEN_REFERENCE: [&str; 3] = ["PENDING_APPROVAL", "PENDING", "RUNNING"];

/// Open states that newer SDKs know: the host is being, or has been, taken out of use.
pub const OPEN_NEWER: [&str; 2] = ["QUARANTINING", "QUARANTINED"];

/// States that end a remediation (inferred from the reference page's words).
pub const FINAL: [&str; 4] = ["SUCCEEDED", "FAILED", "CANCELLED", "AUTO_RESOLVED"];

/// Whether nothing further will happen. An unknown state is not final.
#[must_use]
pub fn is_final(state: &str) -> bool {
    FINAL.contains(&state)
}

/// Whether the reference page lists the state, so that every server must take it as a filter.
#[must_use]
pub fn is_reference(state: &str) -> bool {
    is_final(state) || OPEN_REFERENCE.contains(&state)
}

/// Whether the state is one that this program was written for.
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
