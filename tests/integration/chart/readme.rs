//! The table in the chart's README. `UPDATE_DOCS=1` writes it anew.

use testbed::drift;

use super::values;

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
    drift::settle_part(
        README,
        (BEGIN, END),
        &table(),
        "--test integration chart::readme",
    );
}
