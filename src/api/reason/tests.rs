use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use regex::Regex;

use super::*;
use crate::api::limits;

const CONDITIONS: &str = include_str!("../../../docs/on-call/troubleshooting.md");
const EVENTS: &str = include_str!("../../../docs/reference/events.md");

#[test]
fn every_reason_is_a_camel_case_word_that_fits_and_reads_back() {
    let camel_case = Regex::new("^([A-Z][a-z]+)+$").unwrap();
    for reason in Reason::VARIANTS {
        let word = reason.as_str();
        assert!(camel_case.is_match(word), "{word}");
        assert!(word.len() <= limits::CONDITION_REASON as usize, "{word}");
        assert_eq!(word.parse(), Ok(*reason));
        assert_eq!(reason.to_string(), word);
    }
}

/// The words in code style in the table column `reason` of `page`.
fn reasons_in(page: &str) -> BTreeSet<String> {
    let word = Regex::new("`([A-Z][A-Za-z_]+)`").unwrap();
    let mut column = None;
    let mut reasons = BTreeSet::new();
    for line in page.lines() {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        if cells.len() < 3 {
            column = None;
        } else if let Some(cell) = column.and_then(|at: usize| cells.get(at)) {
            reasons.extend(word.captures_iter(cell).map(|found| found[1].to_owned()));
        } else {
            column = cells.iter().position(|cell| *cell == "reason");
        }
    }
    reasons
}

#[test]
fn the_page_of_conditions_lists_each_reason_and_no_other() {
    let all: BTreeSet<String> = Reason::VARIANTS.iter().map(ToString::to_string).collect();
    assert_eq!(reasons_in(CONDITIONS), all);
}

#[test]
fn the_page_of_events_names_no_other_reason() {
    let reasons = reasons_in(EVENTS);
    assert!(reasons.len() > 15, "{reasons:?}");
    for word in reasons {
        assert!(word.parse::<Reason>().is_ok(), "{word}");
    }
}

/// The program's own source files, without their tests.
fn sources(folder: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        if ["tests", "testing", "simulation"].contains(&name) {
            continue;
        }
        if path.is_dir() {
            found.extend(sources(&path));
        } else {
            let text = fs::read_to_string(&path).unwrap();
            let program = text.split("#[cfg(test)]").next().unwrap_or_default();
            found.push((path, program.to_owned()));
        }
    }
    found
}

/// Conditions and Events of Kubernetes take any text as a reason. Each is made in one place, which takes a [`Reason`].
#[test]
fn conditions_and_events_are_made_in_one_place_each() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let files = sources(&root);
    assert!(files.len() > 80, "{}", files.len());
    let with = |matches: fn(&str) -> bool| -> Vec<PathBuf> {
        let found = files.iter().filter(|(_, text)| text.lines().any(matches));
        let path = |path: &Path| path.strip_prefix(&root).unwrap().to_owned();
        found.map(|(file, _)| path(file)).collect()
    };
    let conditions = with(|line| line.contains("Condition {") && !line.contains("->"));
    assert_eq!(conditions, [Path::new("api/conditions.rs")]);
    let events = with(|line| line.trim_start().starts_with("Event {"));
    assert_eq!(events, [Path::new("events/recent.rs")]);
}
