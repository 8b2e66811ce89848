//! Every status that the API can cause fits into the schema.

use std::sync::LazyLock;

use kube::CustomResourceExt;
use regex::Regex;

use super::*;
use crate::api::remediation::Remediation;

/// The schema of a mirror's status, as the server has it.
static SCHEMA: LazyLock<Value> = LazyLock::new(|| {
    let crd = serde_json::to_value(Remediation::crd()).unwrap();
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    schema["properties"]["status"].clone()
});

/// Checks `value` against the lengths and patterns of `schema`.
fn conforms(value: &Value, schema: &Value, path: &str) -> Result<(), TestCaseError> {
    if let Some(text) = value.as_str() {
        let length = text.chars().count() as u64;
        let most = schema["maxLength"].as_u64().unwrap_or(u64::MAX);
        prop_assert!(length <= most, "{path} has {length} of {most} characters");
        if let Some(pattern) = schema["pattern"].as_str() {
            let pattern = Regex::new(pattern).unwrap();
            prop_assert!(pattern.is_match(text), "{path}: {text:?} is not {pattern}");
        }
    }
    for (at, entry) in value.as_array().into_iter().flatten().enumerate() {
        let most = schema["maxItems"].as_u64().unwrap_or(u64::MAX);
        prop_assert!((at as u64) < most, "{path} has more than {most} entries");
        conforms(entry, &schema["items"], path)?;
    }
    for (name, field) in value.as_object().into_iter().flatten() {
        let schema = &schema["properties"][name];
        prop_assert!(schema.is_object(), "{path}.{name} is not in the schema");
        conforms(field, schema, &format!("{path}.{name}"))?;
    }
    Ok(())
}

proptest! {
    #[test]
    fn the_status_of_any_remediation_fits_into_the_schema(
        item in random::remediation(1),
        synced in proptest::option::of(proptest::sample::select(vec![Synced::Stale, Synced::NotFound, Synced::Forbidden])),
    ) {
        let mut status = from_api(&item, &[], 1);
        if let Some(synced) = synced {
            mark(&mut status, synced, &item.id, 1);
        }
        conforms(&serde_json::to_value(&status).unwrap(), &SCHEMA, "status")?;
    }
}
