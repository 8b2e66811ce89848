//! The table in the chart's README. `UPDATE_DOCS=1` writes it anew.

use std::fs;

use super::{helm::chart, values};

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
    let path = chart().join("README.md");
    let held = fs::read_to_string(&path).unwrap();
    let (before, rest) = held.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    let wanted = format!("{before}{BEGIN}{}{END}{after}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &wanted).unwrap();
        return;
    }
    assert!(
        held == wanted,
        "the chart's README is out of date: run UPDATE_DOCS=1 cargo test --test integration chart::readme"
    );
}
