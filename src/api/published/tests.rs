use serde_json::{Value, json};

use super::*;

/// The document of a cluster that has `definitions` installed.
fn document(definitions: &[(&str, Value)]) -> Published {
    let schemas: serde_json::Map<String, Value> = definitions
        .iter()
        .map(|(kind, schema)| {
            let mut schema = schema.clone();
            schema["x-kubernetes-group-version-kind"] =
                json!([{"group": GROUP, "version": "v1alpha1", "kind": kind}]);
            (format!("ai.together.compute.v1alpha1.{kind}"), schema)
        })
        .collect();
    serde_json::from_value(json!({"openapi": "3.0.0", "components": {"schemas": schemas}})).unwrap()
}

fn own_schemas() -> [(&'static str, Value); 2] {
    let schemas = crds().into_iter().map(|crd| {
        let schema = crd.spec.versions[0].schema.clone().unwrap();
        serde_json::to_value(schema.open_api_v3_schema.unwrap()).unwrap()
    });
    let [watch, remediation] = schemas.collect::<Vec<_>>().try_into().unwrap();
    [("ClusterWatch", watch), ("Remediation", remediation)]
}

/// The verdict on our own definitions without this field of one kind (`[]`: of the items of a list).
fn without(kind: &str, field: &str) -> Installed {
    let mut schemas = own_schemas();
    let (_, schema) = schemas.iter_mut().find(|(of, _)| *of == kind).unwrap();
    let path = field.replace('.', ".properties.").replace("[]", ".items");
    let path = format!("properties.{path}");
    let (parents, last) = path.rsplit_once('.').unwrap();
    let parents = format!("/{}", parents.replace('.', "/"));
    let parent = schema.pointer_mut(&parents).unwrap().as_object_mut();
    assert!(parent.unwrap().remove(last).is_some(), "{kind} {field}");
    Installed::of(&document(&schemas))
}

#[test]
fn our_own_definitions_fit() {
    assert_eq!(Installed::of(&document(&own_schemas())), Installed::Fit);
}

#[test]
fn newer_definitions_fit() {
    let mut schemas = own_schemas();
    schemas[1].1["properties"]["status"]["properties"]["later"] = json!({"type": "string"});
    assert_eq!(Installed::of(&document(&schemas)), Installed::Fit);
}

#[test]
fn every_missing_field_is_found_where_it_is() {
    for (kind, field) in [
        ("Remediation", "status.trigger"),
        ("ClusterWatch", "status.attention[].since"),
        ("ClusterWatch", "spec.retention.ttlAfterFinished"),
        ("ClusterWatch", "status.remediations"),
    ] {
        let expected = format!("{kind} {}", field.replace("[]", ""));
        assert_eq!(without(kind, field), Installed::Older(vec![expected]));
    }
}

#[test]
fn what_is_not_installed_is_named_and_so_is_the_way_out() {
    let none = Installed::of(&Published::default());
    assert_eq!(
        none.to_string(),
        "CRDs not installed: ClusterWatch and Remediation. Run `kubectl apply -f crds/` or `helm upgrade`"
    );
    let half = Installed::of(&document(&own_schemas()[..1]));
    assert_eq!(half, Installed::Missing(vec!["Remediation".to_owned()]));
}

#[test]
fn a_kind_of_another_group_is_not_ours() {
    let mut published = document(&own_schemas());
    for schema in published.components.schemas.values_mut() {
        schema.kinds[0].group = "example.org".to_owned();
    }
    assert!(matches!(Installed::of(&published), Installed::Missing(kinds) if kinds.len() == 2));
}

#[test]
fn a_message_names_three_fields_and_counts_the_rest() {
    let fields = (1..=5).map(|number| format!("Remediation status.f{number}"));
    let message = Installed::Older(fields.collect()).to_string();
    let named = [1, 2, 3].map(|number| format!("Remediation status.f{number}"));
    let expected = format!("lack {} and 2 more.", named.join(", "));
    assert!(message.contains(&expected), "{message}");
    assert!(message.contains("helm upgrade"));
}
