//! The messages that do not stand in the code: help, CRDs, the chart and Argo CD's health scripts.

use std::{collections::BTreeSet, fs};

use clap::CommandFactory as _;
use regex::Regex;
use serde_json::Value;
use testbed::drift::file;
use together_remediation_operator::{api::crds, config::Cli};

/// Where a text shows, and the text.
pub(super) type Shown = (String, String);

const CHART: &str = "charts/together-remediation-operator";

fn read(path: &str) -> String {
    fs::read_to_string(file(path)).unwrap()
}

fn yaml(path: &str) -> Value {
    serde_saphyr::from_str(&read(path)).unwrap()
}

/// The `--help` text of each subcommand and flag.
pub(super) fn help() -> Vec<Shown> {
    let about = |command: &clap::Command| command.get_about().map(ToString::to_string);
    let root = Cli::command();
    let mut all = vec![("--help".to_owned(), about(&root).unwrap_or_default())];
    for command in root.get_subcommands() {
        let name = command.get_name();
        all.push((name.to_owned(), about(command).unwrap_or_default()));
        for flag in command.get_arguments() {
            let what = flag.get_long().map_or_else(
                || flag.get_id().as_str().to_uppercase(),
                |long| format!("--{long}"),
            );
            let help = flag.get_help().map(ToString::to_string).unwrap_or_default();
            all.push((format!("{name} {what}"), help));
            for value in flag.get_possible_values() {
                if let Some(help) = value.get_help() {
                    let place = format!("{name} {what}={}", value.get_name());
                    all.push((place, help.to_string()));
                }
            }
        }
    }
    all
}

/// Descriptions, messages of rules and the default status of both CRDs.
pub(super) fn crd_texts() -> Vec<Shown> {
    fn collect(path: &str, schema: &Value, into: &mut Vec<Shown>) {
        if let Some(text) = schema["description"].as_str() {
            into.push((path.to_owned(), text.to_owned()));
        }
        for rule in schema["x-kubernetes-validations"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let text = rule["message"].as_str().unwrap_or_default();
            into.push((format!("{path} (rule)"), text.to_owned()));
        }
        for condition in schema["default"]["conditions"]
            .as_array()
            .into_iter()
            .flatten()
            .take(1)
        {
            let text = condition["message"].as_str().unwrap_or_default();
            into.push((format!("{path} (default)"), text.to_owned()));
        }
        for (name, field) in schema["properties"].as_object().into_iter().flatten() {
            // Every condition of both kinds is described alike, once.
            collect(&format!("{path}.{name}"), field, into);
        }
        for inner in ["items", "additionalProperties"] {
            if schema[inner].is_object() {
                collect(&format!("{path}[]"), &schema[inner], into);
            }
        }
    }
    let mut all = Vec::new();
    for crd in crds() {
        let crd = serde_json::to_value(crd).unwrap();
        let kind = crd["spec"]["names"]["kind"].as_str().unwrap().to_owned();
        let version = &crd["spec"]["versions"][0];
        for column in version["additionalPrinterColumns"]
            .as_array()
            .into_iter()
            .flatten()
        {
            let name = column["name"].as_str().unwrap();
            let text = column["description"].as_str().unwrap();
            all.push((format!("{kind} column {name}"), text.to_owned()));
        }
        collect(&kind, &version["schema"]["openAPIV3Schema"], &mut all);
    }
    all
}

/// The lines of NOTES.txt that are prose.
fn notes() -> Vec<Shown> {
    let text = read(&format!("{CHART}/templates/NOTES.txt"));
    let prose = text.lines().filter(|line| {
        !line.starts_with("  ") && super::code::is_prose(line) && !line.starts_with("{{-")
    });
    prose
        .map(|line| ("NOTES.txt".to_owned(), line.to_owned()))
        .collect()
}

/// What templates refuse values with, and what the admission policy answers.
fn refusals() -> Vec<Shown> {
    let helpers = read(&format!("{CHART}/templates/_helpers.tpl"));
    let refused = Regex::new(r#"fail (?:\(printf )?"([^"]+)""#).unwrap();
    let values = refused
        .captures_iter(&helpers)
        .map(|found| ("values".to_owned(), found[1].to_owned()));
    let policy = read(&format!("{CHART}/templates/admission-policy.yaml"));
    let messages = Regex::new(r"(?s)messageExpression: >-\n(.*?)\n    message: ([^\n]+)").unwrap();
    let found = messages.captures(&policy).unwrap();
    let lines = found[1]
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ");
    let policy = [lines, found[2].to_owned()].map(|text| ("admission policy".to_owned(), text));
    values.chain(policy).collect()
}

/// Each alert's summary and description.
fn alerts() -> Vec<Shown> {
    let rules = yaml(&format!("{CHART}/files/rules.yaml"));
    let groups = rules["groups"].as_array().unwrap().iter();
    let rules = groups.flat_map(|group| group["rules"].as_array().unwrap());
    let mut all = Vec::new();
    for rule in rules.filter(|rule| rule["alert"].is_string()) {
        for part in ["summary", "description"] {
            let place = format!("{}, {part}", rule["alert"].as_str().unwrap());
            let text = rule["annotations"][part].as_str().unwrap_or_default();
            all.push((place, text.to_owned()));
        }
    }
    all
}

/// Each panel's title and description.
fn panels() -> Vec<Shown> {
    let dashboard: Value =
        serde_json::from_str(&read(&format!("{CHART}/files/dashboard.json"))).unwrap();
    let panels = dashboard["panels"].as_array().into_iter().flatten();
    let texts = [&dashboard].into_iter().chain(panels).map(|panel| {
        let title = panel["title"].as_str().unwrap_or_default();
        let text = panel["description"].as_str().unwrap_or_default();
        (format!("dashboard, {title}"), text.to_owned())
    });
    texts.filter(|(_, text)| !text.is_empty()).collect()
}

/// The comments of values.yaml.
fn values() -> Vec<Shown> {
    let text = read(&format!("{CHART}/values.yaml"));
    let comments = text
        .lines()
        .filter_map(|line| line.trim().strip_prefix("# "));
    comments
        .map(|text| ("values.yaml".to_owned(), text.to_owned()))
        .collect()
}

/// Everything that the chart shows.
pub(super) fn chart() -> Vec<Shown> {
    [notes(), refusals(), alerts(), panels(), values()].concat()
}

/// The texts of the health scripts of Argo CD.
pub(super) fn health() -> Vec<Shown> {
    let literal = Regex::new(r#""([^"]+)""#).unwrap();
    let mut all = Vec::new();
    for kind in ["ClusterWatch", "Remediation"] {
        let path =
            format!("docs/argo-cd/resource_customizations/compute.together.ai/{kind}/health.lua");
        let script = read(&path);
        let texts: BTreeSet<_> = literal
            .captures_iter(&script)
            .map(|found| found[1].to_owned())
            .collect();
        let prose = texts.into_iter().filter(|text| super::code::is_prose(text));
        all.extend(prose.map(|text| (format!("{kind}/health.lua"), text)));
    }
    all
}
