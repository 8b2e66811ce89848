//! Both `CustomResourceDefinition`s, as the program prints them and `crds/` holds them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSON, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;
use serde_json::json;

use super::{cluster_watch::ClusterWatch, remediation::Remediation};

/// The definitions of `ClusterWatch` and `Remediation`.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        finished(ClusterWatch::crd(), "Ready"),
        finished(Remediation::crd(), "Synced"),
    ]
}

/// The definitions as YAML documents with the names of their files in `crds/`. Put one after the other they
/// are one stream of documents.
///
/// # Errors
/// When a definition cannot be written as YAML, which would be a bug.
pub fn crds_yaml() -> Result<Vec<(String, String)>, serde_saphyr::ser::Error> {
    crds()
        .iter()
        .map(|crd| {
            let yaml = serde_saphyr::to_string(crd)?;
            let header =
                "---\n# Written by `together-remediation-operator crds`; edits are lost.\n";
            Ok((
                format!("{}.yaml", crd.spec.names.plural),
                format!("{header}{yaml}"),
            ))
        })
        .collect()
}

/// What the derived definition lacks: a default for the status, and a schema without Rust's own notions.
fn finished(mut crd: CustomResourceDefinition, main_condition: &str) -> CustomResourceDefinition {
    let schemas = crd
        .spec
        .versions
        .iter_mut()
        .filter_map(|version| version.schema.as_mut()?.open_api_v3_schema.as_mut());
    for schema in schemas {
        plain(schema);
        schema.title = None;
        if let Some(status) = schema
            .properties
            .as_mut()
            .and_then(|fields| fields.get_mut("status"))
        {
            status.default = Some(pending(main_condition));
        }
    }
    crd
}

/// The status of an object that no operator has seen: without it such an object counts as healthy.
fn pending(main_condition: &str) -> JSON {
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind,
            "status": status,
            "reason": "Pending",
            "message": "Waiting for the operator",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        })
    };
    JSON(
        json!({ "conditions": [condition(main_condition, "Unknown"), condition("Reconciling", "True")] }),
    )
}

/// Takes off what the API server warns about (`format: uint32`) or what is better said by a rule (`minimum: 0`),
/// `nullable`, so that null means the same as absent, and the line breaks of doc comments.
fn plain(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    schema.description = schema
        .description
        .take()
        .map(|text| text.replace('\n', " "));
    if schema
        .format
        .as_deref()
        .is_some_and(|format| format.starts_with("uint"))
    {
        schema.format = None;
        schema.minimum = None;
    }
    schema
        .properties
        .iter_mut()
        .flat_map(|fields| fields.values_mut())
        .for_each(plain);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        plain(items);
    }
    if let Some(JSONSchemaPropsOrBool::Schema(values)) = &mut schema.additional_properties {
        plain(values);
    }
}
