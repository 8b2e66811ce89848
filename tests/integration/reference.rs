//! The tables of docs/reference: every call and flag of the program, every field of both CRDs.

use std::fmt::Write as _;

use clap::{Arg, CommandFactory as _};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray,
};
use testbed::drift;
use together_remediation_operator::{api::crds, config::Cli};

const BEGIN: &str =
    "<!-- Made by `UPDATE_DOCS=1 cargo test --test integration reference`; edits are lost. -->\n";
const END: &str = "<!-- End of what is made -->\n";

/// The head of a table of flags.
const FLAGS: &str = "| flag | environment | default | what |\n|---|---|---|---|\n";

/// One cell: nothing in it ends it.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

fn calls() -> String {
    let mut text = "\n## Calls\n\n| call | what it does |\n|---|---|\n".to_owned();
    for call in Cli::command().get_subcommands() {
        let mut line = call.get_name().to_owned();
        for value in call.get_positionals() {
            write!(line, " {}", value.get_id().as_str().to_uppercase()).unwrap();
        }
        let about = call.get_about().map(ToString::to_string);
        writeln!(text, "| `{line}` | {} |", cell(&about.unwrap_or_default())).unwrap();
    }
    text
}

/// What a flag's cell contains beside its help: which words it takes, and what divides the words of its variable.
fn choices(flag: &Arg) -> String {
    let words: Vec<String> = flag
        .get_possible_values()
        .iter()
        .map(|value| format!("`{}`", value.get_name()))
        .collect();
    let mut text = String::new();
    if flag.get_action().takes_values() && !words.is_empty() {
        write!(text, ". One of {}", words.join(", ")).unwrap();
    }
    if flag.get_env().is_some()
        && let Some(divider) = flag.get_value_delimiter()
    {
        write!(
            text,
            ". In the variable, `{divider}` stands between two values"
        )
        .unwrap();
    }
    text
}

/// One row of the flags of a call.
fn flag_row(flag: &Arg, name: &str) -> String {
    let quoted = |value: &str| format!("`{}`", cell(value));
    let variable = flag
        .get_env()
        .and_then(|name| name.to_str())
        .map_or_else(String::new, quoted);
    let defaults = flag
        .get_default_values()
        .iter()
        .filter_map(|value| value.to_str());
    // A switch's default is that it is off.
    let default = defaults
        .filter(|_| flag.get_action().takes_values())
        .map(quoted)
        .collect::<Vec<_>>()
        .join(", ");
    let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
    let help = format!("{}{}", cell(&help), choices(flag));
    format!("| `--{name}` | {variable} | {default} | {help} |\n")
}

/// A section for each call that has flags.
fn flags() -> String {
    let mut text = String::new();
    for call in Cli::command().get_subcommands() {
        let shown = call.get_arguments().filter(|flag| !flag.is_hide_set());
        let rows: String = shown
            .filter_map(|flag| Some(flag_row(flag, flag.get_long()?)))
            .collect();
        if !rows.is_empty() {
            let name = call.get_name();
            write!(text, "\n## Flags of `{name}`\n\n{FLAGS}{rows}").unwrap();
        }
    }
    text
}

/// What a list holds.
fn items(schema: &JSONSchemaProps) -> Option<&JSONSchemaProps> {
    match &schema.items {
        Some(JSONSchemaPropsOrArray::Schema(items)) => Some(items),
        _ => None,
    }
}

/// The type as a reader of YAML knows it.
fn kind(schema: &JSONSchemaProps) -> String {
    match (schema.type_.as_deref(), items(schema).map(kind)) {
        (Some("array"), Some(items)) => format!("list of {items}"),
        (Some(kind), _) => kind.to_owned(),
        (None, _) => "integer or string".to_owned(),
    }
}

/// The rows of all fields below `path`.
fn fields(path: &str, schema: &JSONSchemaProps, text: &mut String) {
    let required = schema.required.as_deref().unwrap_or_default();
    for (name, field) in schema.properties.iter().flatten() {
        let path = format!("{path}.{name}");
        let description = field.description.as_deref().unwrap_or_default();
        let rules = field
            .x_kubernetes_validations
            .iter()
            .flatten()
            .filter_map(|rule| rule.message.as_deref());
        let description = [description]
            .into_iter()
            .chain(rules)
            .map(|text| text.strip_suffix('.').unwrap_or(text))
            .collect::<Vec<_>>()
            .join(". Rule: ")
            + ".";
        let needed = if required.contains(name) { "yes" } else { "" };
        writeln!(
            text,
            "| `{path}` | {} | {needed} | {} |",
            kind(field),
            cell(&description)
        )
        .unwrap();
        fields(&path, field, text);
        if let Some(items) = items(field) {
            fields(&format!("{path}[]"), items, text);
        }
    }
}

/// The tables of one kind: `spec`, then `status`.
fn kind_tables(crd: &CustomResourceDefinition) -> String {
    let version = &crd.spec.versions[0];
    let schema = version
        .schema
        .as_ref()
        .and_then(|schema| schema.open_api_v3_schema.as_ref())
        .unwrap();
    let mut text = String::new();
    for part in ["spec", "status"] {
        write!(
            text,
            "\n### {part}\n\n| field | type | required | what |\n|---|---|---|---|\n"
        )
        .unwrap();
        fields(part, &schema.properties.as_ref().unwrap()[part], &mut text);
    }
    let selectable = version
        .selectable_fields
        .iter()
        .flatten()
        .map(|field| format!("`{}`", field.json_path.trim_start_matches('.')));
    let selectable = selectable.collect::<Vec<_>>().join(", ");
    if !selectable.is_empty() {
        writeln!(text, "\nFor `--field-selector`: {selectable}.").unwrap();
    }
    text.push('\n');
    text
}

fn check_page(page: &str, expected: &str) {
    let path = format!("docs/reference/{page}.md");
    drift::check_part(
        &path,
        (BEGIN, END),
        expected,
        "--test integration reference",
    );
}

#[test]
fn every_call_and_flag_is_in_the_reference() {
    check_page("cli", &format!("{}{}\n", calls(), flags()));
}

#[test]
fn every_field_is_in_the_reference() {
    for crd in crds() {
        check_page(&crd.spec.names.kind.to_lowercase(), &kind_tables(&crd));
    }
}
