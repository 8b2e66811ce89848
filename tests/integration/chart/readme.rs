//! The table in the chart's README. `UPDATE_DOCS=1` regenerates it.

use std::fs;

use regex::Regex;
use testbed::drift::{self, file};

use super::values;

const README: &str = "charts/together-remediation-operator/README.md";
const PAGE: &str = "docs/reference/chart-values.md";
const BEGIN: &str =
    "<!-- Values: made by `UPDATE_DOCS=1 cargo test --test integration chart::readme` -->\n";
const END: &str = "<!-- End of values -->\n";

fn table() -> String {
    let rows = values::rows();
    let lines = rows.iter().map(|row| {
        let (path, default) = (&row.path, &row.default);
        let comment = row.comment.replace('|', "\\|");
        format!("| `{path}` | `{default}` | {comment} |\n")
    });
    "| value | default | what |\n|---|---|---|\n".to_owned() + &lines.collect::<String>()
}

#[test]
fn the_readme_lists_every_value() {
    drift::check_part(
        README,
        (BEGIN, END),
        &table(),
        "--test integration chart::readme",
    );
}

#[test]
fn the_book_lists_every_value() {
    drift::check_part(
        PAGE,
        (BEGIN, END),
        &table(),
        "--test integration chart::readme",
    );
}

#[test]
fn every_value_that_a_page_names_is_there() {
    let there: Vec<String> = values::rows().into_iter().map(|row| row.path).collect();
    let named =
        Regex::new(r"(?:`|--set(?:-string)? '?|,)([a-z][A-Za-z]*(?:\.[A-Za-z]+)*)=").unwrap();
    let mut all = 0;
    let folders = ["docs/guides", "docs/on-call"];
    let pages = folders.map(|folder| fs::read_dir(file(folder)).unwrap());
    for page in pages.into_iter().flatten().map(|page| page.unwrap().path()) {
        let text = fs::read_to_string(&page).unwrap();
        for found in named.captures_iter(&text) {
            let value = &found[1];
            if value.starts_with("status.") || value.starts_with("spec.") {
                continue;
            }
            let is_there = |path: &String| {
                value == path
                    || value
                        .strip_prefix(&**path)
                        .is_some_and(|rest| rest.starts_with('.'))
            };
            assert!(
                there.iter().any(is_there),
                "{}: there is no value {value}",
                page.display()
            );
            all += 1;
        }
    }
    assert!(all > 20, "only {all} were found");
}
