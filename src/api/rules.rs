//! Validation rules (CEL) of both kinds, with messages that say what to write.
//!
//! The API server evaluates every rule whatever the others say, so each one guards itself against the input
//! that another one is about.

use kube::core::Rule;

use super::duration;

/// A duration that [`duration::parse`] takes.
pub(super) fn is_duration() -> Rule {
    Rule::new(matches("self"))
        .message("must be whole numbers with ms, s, m or h: write for instance 30s, 10m or 1h30m")
}

/// A duration of five seconds or more.
pub(super) fn at_least_5s() -> Rule {
    let guard = matches("self");
    Rule::new(format!("{guard} ? duration(self) >= duration('5s') : true"))
        .message("must not be below 5s: write 5s or more")
}

/// The duration in `lower` is not above the one in `upper`; the error points at `blamed`. One that is not given
/// is the operator's to choose, so nothing is compared then.
pub(super) fn not_above(lower: &str, upper: &str, blamed: &str, message: &str) -> Rule {
    let (low, high) = (format!("self.{lower}"), format!("self.{upper}"));
    let guard = format!(
        "has({low}) && has({high}) && {} && {}",
        matches(&low),
        matches(&high)
    );
    Rule::new(format!(
        "{guard} ? duration({low}) <= duration({high}) : true"
    ))
    .message(message)
    .field_path(blamed)
}

/// A text with at least one character that is not a space.
pub(super) fn not_empty(what_to_write: &str) -> Rule {
    Rule::new("self.matches('[^\\\\s]')")
        .message(format!("must not be empty: {what_to_write}").as_str())
}

/// A text without white space at its ends, which a text block of YAML has. What is nothing but white space is another
/// rule's.
pub(super) fn trimmed() -> Rule {
    Rule::new("self.trim() == '' || self.trim() == self").message(
        "must not begin or end with white space: write it on one line, without a line end behind it",
    )
}

/// A value that stays as it was at the object's creation.
pub(super) fn immutable(what_to_do: &str) -> Rule {
    Rule::new("self == oldSelf").message(format!("cannot be changed: {what_to_do}").as_str())
}

/// `instanceId` stays as it was; left out and `-` are the same.
pub(super) fn immutable_instance() -> Rule {
    let instance = |of: &str| format!("(has({of}.instanceId) ? {of}.instanceId : '-')");
    Rule::new(format!("{} == {}", instance("self"), instance("oldSelf")))
        .message("cannot be changed: create another ClusterWatch for other instances")
        .field_path(".instanceId")
}

/// A number within both bounds.
pub(super) fn within(least: u32, greatest: u32) -> Rule {
    Rule::new(format!("self >= {least} && self <= {greatest}"))
        .message(format!("must be a number from {least} to {greatest}").as_str())
}

/// A list that names at least one state.
pub(super) fn some_states() -> Rule {
    Rule::new("self.size() > 0")
        .message("must not be empty: name at least one state, or leave states out for all")
}

/// States as the API spells them; which ones there are is the API's to say.
pub(super) fn state_names() -> Rule {
    Rule::new("self.all(state, state.matches('^[A-Z][A-Z_]*$'))").message(
        "must hold states in capital letters and underscores: write for instance PENDING_APPROVAL",
    )
}

/// The name of a Secret. Also keeps it from being read as more than one part of a URL's path.
pub(super) fn secret_name() -> Rule {
    let label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    Rule::new(format!("self.matches('^{label}(\\\\.{label})*$')")).message(
        "must be the name of a Secret in this namespace: write small letters, digits, - and .",
    )
}

/// A key in the data of a Secret.
pub(super) fn secret_key() -> Rule {
    Rule::new("self.matches('^[-._a-zA-Z0-9]+$')").message(
        "must be a key of the Secret: write letters, digits, -, _ and ., for instance api-key",
    )
}

fn matches(operand: &str) -> String {
    format!("{operand}.matches('{}')", duration::PATTERN)
}
