//! How objects that cannot be read are handled.

use kube::{ResourceExt, api::WatchEvent, core::ObjectList};
use serde_json::{Value, json};

use super::*;

const GOOD: &str = "2026-11-23T10:00:00Z";
/// A time that the API server accepts, and no library reads.
const ODD: &str = "2026-11-23T10:00:00+99:99";

fn object(name: &str, spec: &Value, status: &Value) -> Value {
    json!({
        "apiVersion": "compute.together.ai/v1alpha1",
        "kind": "Remediation",
        "metadata": {"name": name, "namespace": "n", "uid": name, "resourceVersion": "7"},
        "spec": spec,
        "status": status,
    })
}

fn status(time: &str) -> Value {
    json!({
        "state": "RUNNING",
        "conditions": [{"type": "Synced", "status": "True", "reason": "Listed", "message": "", "lastTransitionTime": time}],
    })
}

/// Each object as it may be stored: its name, whether its spec is readable, and the state that it shows.
fn objects() -> Vec<(Value, bool, Option<&'static str>)> {
    let spec = &json!({"clusterId": "c", "id": "i"});
    vec![
        (object("good", spec, &status(GOOD)), true, Some("RUNNING")),
        (object("time", spec, &status(ODD)), true, Some("RUNNING")),
        (
            object("status", spec, &json!({"state": ["RUNNING"]})),
            true,
            None,
        ),
        (object("no-status", spec, &json!("gone")), true, None),
        (
            object("spec", &json!({"clusterId": 7}), &status(GOOD)),
            false,
            None,
        ),
        (object("no-spec", &Value::Null, &status(GOOD)), false, None),
    ]
}

#[test]
fn an_object_that_cannot_be_read_hides_no_other_in_a_list() {
    let items: Vec<_> = objects().into_iter().map(|(object, ..)| object).collect();
    let list = json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": "9"}, "items": items});
    let list: ObjectList<Shown> = serde_json::from_str(&list.to_string()).unwrap();
    let shown = list.items.into_iter().zip(objects());
    for (shown, (object, readable, state)) in shown {
        assert_eq!(shown.is_unreadable(), !readable, "{object}");
        let name = object["metadata"]["name"].as_str().unwrap();
        assert_eq!(shown.name_any(), name);
        assert_eq!(shown.0.resource_version().as_deref(), Some("7"));
        let status = shown.0.status.unwrap_or_default();
        assert_eq!(status.state.as_deref(), state, "{object}");
    }
}

#[test]
fn an_object_that_cannot_be_read_ends_no_watch() {
    for (object, readable, _) in objects() {
        let event = format!(r#"{{"type": "MODIFIED", "object": {object}}}"#);
        let event: WatchEvent<Shown> = serde_json::from_str(&event).unwrap();
        let WatchEvent::Modified(shown) = event else {
            panic!("{object}");
        };
        assert_eq!(shown.is_unreadable(), !readable, "{object}");
    }
}
