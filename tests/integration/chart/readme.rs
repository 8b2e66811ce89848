//! The table in the chart's README. `UPDATE_DOCS=1` writes it anew.

use std::fs;

use super::{super::drift, values};

const README: &str = "charts/together-remediation-operator/README.md";
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
    let held = fs::read_to_string(drift::file(README)).unwrap();
    let (before, rest) = held.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    drift::settle(README, &wanted, "chart::readme");
}
