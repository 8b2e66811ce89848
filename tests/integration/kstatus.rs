//! What kstatus makes of an object, by its published rules.

use serde_json::Value;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kstatus {
    Terminating,
    InProgress,
    Failed,
    Current,
}

/// The first rule that fits.
pub(crate) fn kstatus(object: &Value) -> Kstatus {
    let (meta, status) = (&object["metadata"], &object["status"]);
    if !meta["deletionTimestamp"].is_null() {
        return Kstatus::Terminating;
    }
    let observed = &status["observedGeneration"];
    if !observed.is_null() && *observed != meta["generation"] {
        return Kstatus::InProgress;
    }
    let conditions = status["conditions"].as_array();
    let conditions = || conditions.into_iter().flatten();
    for condition in conditions() {
        match (condition["type"].as_str(), condition["status"].as_str()) {
            (Some("Reconciling"), Some("True")) => return Kstatus::InProgress,
            (Some("Stalled"), Some("True")) => return Kstatus::Failed,
            _ => {}
        }
    }
    let ready = conditions().find(|condition| condition["type"] == "Ready");
    match ready {
        Some(ready) if ready["status"] != "True" => Kstatus::InProgress,
        _ => Kstatus::Current,
    }
}
