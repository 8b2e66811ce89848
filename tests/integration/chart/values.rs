//! `values.yaml`: each value with its place, its default and its comment.

use std::fs;

use serde_json::Value;

use super::helm::chart;

/// One value.
pub(crate) struct Row {
    /// Such as `image.tag`.
    pub(crate) path: String,
    pub(crate) default: Value,
    pub(crate) comment: String,
}

/// All values in the order of the file. Every one but a mere parent has a comment, and nothing that has one is a mere parent.
pub(crate) fn rows() -> Vec<Row> {
    let text = fs::read_to_string(chart().join("values.yaml")).unwrap();
    let defaults: Value = serde_saphyr::from_str(&text).unwrap();
    let (mut rows, mut comment, mut parents) = (vec![], vec![], Vec::<&str>::new());
    for line in text.lines() {
        let indented = line.trim_start();
        if let Some(words) = indented.strip_prefix("# ") {
            comment.push(words);
            continue;
        }
        let description = std::mem::take(&mut comment).join(" ");
        let Some((key, _)) = indented.split_once(':') else {
            continue;
        };
        let depth = (line.len() - indented.len()) / 2;
        // Below a value that has a comment is its default.
        if depth > parents.len() {
            continue;
        }
        parents.truncate(depth);
        if description.is_empty() {
            parents.push(key);
            continue;
        }
        let path = [&parents[..], &[key]].concat();
        let default = defaults.pointer(&format!("/{}", path.join("/"))).unwrap();
        rows.push(Row {
            path: path.join("."),
            default: default.clone(),
            comment: description,
        });
    }
    rows
}
