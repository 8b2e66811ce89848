//! Validation rules (CEL) of both kinds. Their messages say which values are valid.
//!
//! The API server evaluates every rule even if another one fails, so each rule guards itself against input that another
//! rule rejects.

use kube::core::Rule;

use super::duration;

/// A duration that [`duration::parse`] accepts.
pub(super) fn is_duration() -> Rule {
    Rule::new(matches("self"))
        .message("must be whole numbers with ms, s, m or h, such as 30s, 10m or 1h30m")
}

/// A duration of five seconds or more.
pub(super) fn at_least_5s() -> Rule {
    let guard = matches("self");
    Rule::new(format!("{guard} ? duration(self) >= duration('5s') : true"))
        .message("must be at least 5s")
}

/// The duration in `lower` must not exceed the one in `upper`; the error points at `blamed`. If one is not set, nothing
/// is compared, because the operator chooses its value.
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

/// A text that does not begin or end with white space. YAML's block scalars end with a line break. Another rule rejects
/// text that is only white space.
pub(super) fn trimmed() -> Rule {
    Rule::new("self.trim() == '' || self.trim() == self")
        .message("must not begin or end with white space or a line break")
}

/// A value that must not change after the object's creation.
pub(super) fn immutable(what_to_do: &str) -> Rule {
    Rule::new("self == oldSelf").message(format!("cannot be changed: {what_to_do}").as_str())
}

/// `instanceId` must not change; absent and `-` are equal.
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
        .message("must not be empty: set at least one state, or omit states for all")
}

/// States as the API spells them. The set is open, because the API may add states.
pub(super) fn state_names() -> Rule {
    Rule::new("self.all(state, state.matches('^[A-Z][A-Z_]*$'))")
        .message("must be states in upper-case letters and underscores, such as PENDING_APPROVAL")
}

/// The name of a Secret. The rule also keeps the name from forming more than one segment of a URL path.
pub(super) fn secret_name() -> Rule {
    let label = "[a-z0-9]([-a-z0-9]*[a-z0-9])?";
    Rule::new(format!("self.matches('^{label}(\\\\.{label})*$')"))
        .message("must be a valid Secret name: lower-case letters, digits, - and .")
}

/// A key in the data of a Secret.
pub(super) fn secret_key() -> Rule {
    Rule::new("self.matches('^[-._a-zA-Z0-9]+$')")
        .message("must be a valid Secret key: letters, digits, -, _ and ., such as api-key")
}

fn matches(operand: &str) -> String {
    format!("{operand}.matches('{}')", duration::PATTERN)
}
