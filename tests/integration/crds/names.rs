//! Every name that users, dashboards and scripts hold on to, in one snapshot: a rename must be seen and meant.

use std::{collections::BTreeSet, fmt::Write as _, fs};

use clap::CommandFactory as _;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinitionVersion, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use serde_json::Value;
use strum::VariantArray as _;
use testbed::drift::file;
use together_remediation_operator::{
    api::{Reason, crds},
    config::Cli,
    mirror::labels::{FlagLabels, Labels},
    sync::schedule::request::REQUESTED_AT,
};

/// The paths of all fields below `path`.
fn fields(path: &str, schema: &JSONSchemaProps, into: &mut Vec<String>) {
    for (name, field) in schema.properties.iter().flatten() {
        let path = format!("{path}{name}");
        into.push(path.clone());
        fields(&format!("{path}."), field, into);
        if let Some(JSONSchemaPropsOrArray::Schema(items)) = &field.items {
            fields(&format!("{path}[]."), items, into);
        }
    }
}

/// The names of columns, always shown (0) or in the wide table (1).
fn columns(version: &CustomResourceDefinitionVersion, priority: i32) -> Vec<String> {
    let columns = version.additional_printer_columns.iter().flatten();
    let columns = columns.filter(|column| column.priority.unwrap_or(0) == priority);
    columns.map(|column| column.name.to_uppercase()).collect()
}

/// The names of all flags, with the environment variable of each.
fn flags(command: &str) -> Vec<String> {
    let cli = Cli::command();
    let command = cli.find_subcommand(command).unwrap();
    let flags = command.get_arguments().filter_map(|flag| {
        let variable = flag.get_env().map(|name| name.to_string_lossy());
        let variable = variable.map_or_else(String::new, |name| format!(" {name}"));
        Some(format!("--{}{variable}", flag.get_long()?))
    });
    flags.collect()
}

/// The values of the chart, down to the first list or empty map.
fn values(path: &str, value: &Value, into: &mut Vec<String>) {
    match value.as_object().filter(|map| !map.is_empty()) {
        Some(map) => {
            for (name, value) in map {
                values(&format!("{path}.{name}"), value, into);
            }
        }
        None => into.push(path.trim_start_matches('.').to_owned()),
    }
}

/// The metrics with their labels, as docs/reference/metrics.md has them; another test compares that with what is served.
fn metrics() -> Vec<String> {
    let page = fs::read_to_string(file("docs/reference/metrics.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `together_"));
    let row = |row: &str| {
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        format!("{} {}", cells[1], cells[3]).replace('`', "")
    };
    let rows = rows
        .map(|line| row(line).trim().to_owned())
        .collect::<Vec<_>>();
    assert!(!rows.is_empty(), "docs/reference/metrics.md has no table");
    rows
}

/// The label and annotation keys that the program writes or reads.
fn keys() -> BTreeSet<String> {
    let labels = Labels::of("training", FlagLabels::default());
    let labels = labels.of_mirror("c", Some("i")).into_keys();
    labels.chain([REQUESTED_AT.to_owned()]).collect()
}

fn section(text: &mut String, name: &str, lines: impl IntoIterator<Item = impl AsRef<str>>) {
    writeln!(text, "\n{name}").unwrap();
    for line in lines {
        writeln!(text, "  {}", line.as_ref()).unwrap();
    }
}

#[test]
fn what_others_hold_on_to_keeps_its_name() {
    let mut text = String::new();
    for crd in crds() {
        let (names, version) = (&crd.spec.names, &crd.spec.versions[0]);
        let short = names.short_names.clone().unwrap_or_default().join(" ");
        section(
            &mut text,
            &names.kind,
            [format!("{} {short}", crd.spec.group), version.name.clone()],
        );
        section(&mut text, "columns", columns(version, 0));
        section(&mut text, "wide columns", columns(version, 1));
        let schema = version.schema.as_ref().unwrap().open_api_v3_schema.as_ref();
        let mut paths = vec![];
        fields("", schema.unwrap(), &mut paths);
        section(&mut text, "fields", paths);
        let selectable = version.selectable_fields.iter().flatten();
        section(
            &mut text,
            "selectable fields",
            selectable.map(|field| &field.json_path),
        );
    }
    let reasons: BTreeSet<_> = Reason::VARIANTS.iter().map(|one| one.as_str()).collect();
    section(&mut text, "reasons", reasons);
    section(&mut text, "labels and annotations", keys());
    section(&mut text, "metrics", metrics());
    for command in ["run", "check"] {
        section(&mut text, command, flags(command));
    }
    let chart = fs::read_to_string(file("charts/together-remediation-operator/values.yaml"));
    let mut paths = vec![];
    values(
        "",
        &serde_saphyr::from_str(&chart.unwrap()).unwrap(),
        &mut paths,
    );
    section(&mut text, "values of the chart", paths);
    insta::assert_snapshot!(text.trim_start());
}
