#![allow(clippy::unwrap_used, clippy::panic)]

use std::{fs, path::Path};

use serde_json::Value;

use super::*;

/// Every schema in both definitions, with the path to it.
fn schemas() -> Vec<(String, JSONSchemaProps)> {
    fn collect(path: &str, schema: &JSONSchemaProps, into: &mut Vec<(String, JSONSchemaProps)>) {
        into.push((path.to_owned(), schema.clone()));
        for (name, field) in schema.properties.iter().flatten() {
            collect(&format!("{path}.{name}"), field, into);
        }
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items {
            collect(&format!("{path}[]"), items, into);
        }
        if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
            collect(&format!("{path}{{}}"), values, into);
        }
    }
    let mut all = Vec::new();
    for crd in crds() {
        collect(&crd.spec.names.kind, &root(&crd), &mut all);
    }
    all
}

fn root(crd: &CustomResourceDefinition) -> JSONSchemaProps {
    let schema = crd.spec.versions[0].schema.as_ref();
    schema
        .and_then(|schema| schema.open_api_v3_schema.clone())
        .unwrap()
}

/// The most bytes that a value of this schema takes as JSON, leaving out names of fields. A character is
/// counted as the six bytes of its longest escape.
fn worst_case(schema: &JSONSchemaProps) -> i64 {
    let text = |most: i64| most * 6;
    let longest = |values: &[JSON]| {
        values
            .iter()
            .filter_map(|value| value.0.as_str().map(str::len))
            .max()
    };
    match schema.type_.as_deref() {
        Some("string") => match &schema.enum_ {
            Some(values) => i64::try_from(longest(values).unwrap()).unwrap(),
            None => text(schema.max_length.unwrap()),
        },
        Some("array") => {
            let Some(JSONSchemaPropsOrArray::Schema(items)) = &schema.items else {
                panic!("items of one kind")
            };
            schema.max_items.unwrap() * worst_case(items)
        }
        Some("object") => match &schema.additional_properties {
            Some(JSONSchemaPropsOrBool::Schema(values)) => {
                schema.max_properties.unwrap()
                    * (text(crate::api::limits::ENUM.into()) + worst_case(values))
            }
            _ => schema
                .properties
                .iter()
                .flatten()
                .map(|(_, field)| worst_case(field))
                .sum(),
        },
        _ => 20,
    }
}

/// `UPDATE_CRDS=1 cargo test` rewrites the files.
#[test]
fn the_files_hold_what_the_program_prints() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("crds");
    for (name, yaml) in crds_yaml().unwrap() {
        let path = folder.join(&name);
        if std::env::var_os("UPDATE_CRDS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&path, &yaml).unwrap();
        }
        let stored = fs::read_to_string(&path).unwrap_or_default();
        let advice = "run UPDATE_CRDS=1 cargo test --lib crd";
        assert!(stored == yaml, "crds/{name} is out of date: {advice}");
    }
}

#[test]
fn the_printed_documents_read_back_as_the_definitions() {
    for ((_, yaml), crd) in crds_yaml().unwrap().iter().zip(crds()) {
        let read: Value = serde_saphyr::from_str(yaml).unwrap();
        assert_eq!(read, serde_json::to_value(crd).unwrap());
    }
}

#[test]
fn everything_is_described() {
    for (path, schema) in schemas() {
        let plain_entry = path.ends_with("[]") || path.ends_with("{}");
        let one_line = |text: String| !text.trim().is_empty() && !text.contains('\n');
        let described = schema.description.is_some_and(one_line);
        let needs_none = plain_entry && schema.properties.is_none();
        assert!(described || needs_none, "{path} has no line of description");
    }
}

#[test]
fn everything_is_bounded() {
    for (path, schema) in schemas() {
        let bound = match schema.type_.as_deref() {
            Some("string") if schema.enum_.is_none() => schema.max_length,
            Some("array") => schema.max_items,
            Some("object") if schema.additional_properties.is_some() => schema.max_properties,
            Some("string" | "object" | "boolean" | "integer") => continue,
            other => panic!("{path} is of type {other:?}"),
        };
        assert!(bound.is_some(), "{path} has no upper bound");
    }
}

#[test]
fn the_largest_object_fits_into_etcd_with_room_to_spare() {
    for crd in crds() {
        let (kind, most) = (&crd.spec.names.kind, worst_case(&root(&crd)));
        assert!(most < 512 * 1024, "{kind} may take {most} bytes");
    }
}

#[test]
fn every_rule_says_in_words_what_to_do() {
    for (path, schema) in schemas() {
        for rule in schema.x_kubernetes_validations.iter().flatten() {
            let message = rule.message.as_deref().unwrap_or_default();
            let begins = ["must ", "cannot be changed: "];
            let begins = begins.iter().any(|begin| message.starts_with(begin));
            assert!(begins, "{path}: {message:?}");
        }
    }
}

#[test]
fn null_is_absent_and_numbers_have_no_format_that_the_server_warns_about() {
    for (path, schema) in schemas() {
        assert_eq!(schema.nullable, None, "{path}");
        let fine = |format: String| ["int64", "date-time"].contains(&format.as_str());
        assert!(schema.format.is_none_or(fine), "{path}");
    }
}

#[test]
fn only_conditions_hold_times_with_a_format() {
    for (path, schema) in schemas() {
        let dated = schema.format.as_deref() == Some("date-time");
        let time = path.ends_with(".status.conditions[].lastTransitionTime");
        assert_eq!(dated, time, "{path}");
    }
}

#[test]
fn both_kinds_are_of_the_group_and_version_of_this_module() {
    for crd in crds() {
        assert_eq!(crd.spec.group, crate::api::GROUP);
        let versions = crd
            .spec
            .versions
            .iter()
            .map(|version| version.name.as_str());
        assert!(versions.eq([crate::api::VERSION]));
    }
}

/// A text block of YAML ends with a line end, and these fields cannot be changed afterwards.
#[test]
fn the_ids_of_a_watch_must_not_begin_or_end_with_white_space() {
    let [watches, _] = &crds()[..] else {
        panic!("two kinds")
    };
    for field in ["clusterId", "instanceId"] {
        let spec = root(watches).properties.unwrap()["spec"].clone();
        let schema = &spec.properties.unwrap()[field];
        let mut rules = schema.x_kubernetes_validations.iter().flatten();
        let trims = rules.any(|rule| rule.rule.contains("self.trim() == self"));
        assert!(trims, "{field}");
    }
}
