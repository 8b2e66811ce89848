//! Both `CustomResourceDefinition`s, as the program prints them and `crds/` holds them.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceColumnDefinition, CustomResourceDefinition, JSON, JSONSchemaProps,
    JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use kube::CustomResourceExt as _;
use serde_json::json;

use super::{Reason, cluster_watch::ClusterWatch, remediation::Remediation};

mod columns;

/// The CRDs of `ClusterWatch` and `Remediation`.
#[must_use]
pub fn crds() -> Vec<CustomResourceDefinition> {
    vec![
        finished(ClusterWatch::crd(), &columns::cluster_watch(), "Ready"),
        finished(Remediation::crd(), &columns::remediation(), "Synced"),
    ]
}

/// The CRDs as YAML documents, with the names of their files in `crds/`. Concatenated, they form one YAML stream.
///
/// # Errors
/// If a CRD cannot be serialized, which would be a bug.
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

/// Adds what the derived CRD lacks: columns, a default for the status, and a schema free of Rust specifics.
fn finished(
    mut crd: CustomResourceDefinition,
    columns: &[CustomResourceColumnDefinition],
    main_condition: &str,
) -> CustomResourceDefinition {
    for version in &mut crd.spec.versions {
        version.additional_printer_columns = Some(columns.to_vec());
        let Some(schema) = version
            .schema
            .as_mut()
            .and_then(|schema| schema.open_api_v3_schema.as_mut())
        else {
            continue;
        };
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

/// The default status of an object that no operator has processed. Without it, tools such as Argo CD would count the
/// object as healthy.
fn pending(main_condition: &str) -> JSON {
    let condition = |kind: &str, status: &str| {
        json!({
            "type": kind,
            "status": status,
            "reason": Reason::Pending.as_str(),
            "message": "Waiting for the operator. If this persists, check that it is running and watches this namespace",
            "lastTransitionTime": "1970-01-01T00:00:00Z",
        })
    };
    JSON(
        json!({ "conditions": [condition(main_condition, "Unknown"), condition("Reconciling", "True")] }),
    )
}

/// Removes Rust specifics from a schema and puts each description on one line.
///
/// The API server warns about `format: uint32`; a rule replaces `minimum: 0`; and without `nullable`, null means
/// absent.
fn plain(schema: &mut JSONSchemaProps) {
    schema.nullable = None;
    if schema
        .format
        .as_deref()
        .is_some_and(|format| format.starts_with("uint"))
    {
        schema.format = None;
        schema.minimum = None;
    }
    schema.description = schema
        .description
        .as_deref()
        .map(|text| text.replace('\n', " "));
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

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod kube_state_metrics;
#[cfg(test)]
mod tests;
