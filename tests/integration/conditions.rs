//! Conditions of a `ClusterWatch`, and checks of messages.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use together_remediation_operator::api::cluster_watch::ClusterWatch;

/// A condition of the watch.
pub(crate) fn condition(watch: &ClusterWatch, type_: &str) -> Condition {
    let status = watch.status.as_ref().unwrap();
    let found = status
        .conditions
        .iter()
        .find(|condition| condition.type_ == type_);
    found
        .unwrap_or_else(|| panic!("no condition {type_}: {status:#?}"))
        .clone()
}

/// The status of a condition of the watch.
pub(crate) fn condition_status(watch: &ClusterWatch, type_: &str) -> String {
    condition(watch, type_).status
}

/// The message of Ready without any note.
pub(crate) const IN_SYNC: &str = "In sync with Together";

/// Fails unless the text contains each of these parts.
#[track_caller]
pub(crate) fn assert_contains(text: &str, parts: &[&str]) {
    for part in parts {
        assert!(text.contains(part), "no {part:?} in {text}");
    }
}
