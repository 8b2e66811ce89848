//! docs/kube-state-metrics.yaml names what the definitions hold.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::Value;

use super::*;

/// The schema at `path`; of a list, that of its items.
fn at<'a>(schema: &'a JSONSchemaProps, path: &[Value]) -> Option<&'a JSONSchemaProps> {
    let mut schema = schema;
    for name in path {
        schema = schema.properties.as_ref()?.get(name.as_str()?)?;
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
            schema = items;
        }
    }
    Some(schema)
}

fn path(value: &Value) -> Vec<Value> {
    value.as_array().unwrap().clone()
}

fn schema(crd: &CustomResourceDefinition) -> &JSONSchemaProps {
    let schema = crd.spec.versions[0].schema.as_ref().unwrap();
    schema.open_api_v3_schema.as_ref().unwrap()
}

#[test]
fn each_path_is_in_the_definitions() {
    let text = include_str!("../../../docs/kube-state-metrics.yaml");
    let config: Value = serde_saphyr::from_str(text).unwrap();
    assert_eq!(config["kind"], "CustomResourceStateMetrics");
    let resources = config["spec"]["resources"].as_array().unwrap();
    let crds = crds();
    assert_eq!(resources.len(), crds.len());
    for resource in resources {
        let of = &resource["groupVersionKind"];
        let crd = crds
            .iter()
            .find(|crd| crd.spec.names.kind == of["kind"])
            .unwrap();
        assert_eq!(of["group"], crd.spec.group);
        assert_eq!(of["version"], crd.spec.versions[0].name);
        for metric in resource["metrics"].as_array().unwrap() {
            let each = &metric["each"];
            let kind = each["type"].as_str().unwrap().to_lowercase();
            let what = &each[&kind];
            let base = what.get("path").map(path).unwrap_or_default();
            assert!(at(schema(crd), &base).is_some(), "{base:?}");
            let labels = what.get("labelsFromPath").and_then(Value::as_object);
            let labels = labels.into_iter().flat_map(|labels| labels.values());
            for below in labels.chain(what.get("valueFrom")) {
                let whole = [base.clone(), path(below)].concat();
                assert!(at(schema(crd), &whole).is_some(), "{whole:?}");
            }
        }
    }
}
