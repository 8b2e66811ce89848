//! The API server's own table, set in columns as kubectl sets it.

use anstyle::{AnsiColor, Style};
use serde::Deserialize;
use serde_json::Value;

/// Spaces between two columns, as in kubectl.
const GAP: usize = 3;
/// Columns whose longest value is known from the start, so that the first lines fit the last.
const LONGEST: [(&str, usize); 5] = [
    ("Name", "14d61d75-1440-4141-8a78-0db7867925d3".len()),
    ("Node", "gpu-dp-99".len()),
    ("State", "PENDING_APPROVAL".len()),
    ("Mode", "EVICT_WITHOUT_REPLACEMENT".len()),
    ("Sync", "NotListed".len()),
];

/// `meta.k8s.io/v1` Table, as far as it is shown.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Table {
    pub(crate) metadata: Metadata,
    /// Null in all events of a watch but the first.
    pub(crate) column_definitions: Option<Vec<Column>>,
    pub(crate) rows: Vec<Row>,
}

/// Of the list, or of a row's object.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    pub(crate) name: String,
    pub(crate) resource_version: String,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Column {
    pub(crate) name: String,
    /// 0: shown without `-o wide`.
    #[serde(default)]
    pub(crate) priority: i32,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Row {
    pub(crate) cells: Vec<Value>,
    #[serde(default)]
    pub(crate) object: Object,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Object {
    pub(crate) metadata: Metadata,
}

/// The columns that are shown, and how wide each has become.
pub(crate) struct Layout {
    shown: Vec<(usize, String, usize)>,
    /// Where the state of a remediation is.
    state: Option<usize>,
}

impl Layout {
    pub(crate) fn new(columns: &[Column]) -> Self {
        let shown = columns.iter().enumerate().filter(|(_, c)| c.priority == 0);
        let width = |name: &str| {
            let known = LONGEST.iter().find(|(column, _)| *column == name);
            known.map_or(name.len(), |(_, longest)| name.len().max(*longest))
        };
        Self {
            shown: shown
                .map(|(at, column)| (at, column.name.to_uppercase(), width(&column.name)))
                .collect(),
            state: columns.iter().position(|column| column.name == "State"),
        }
    }

    /// Whether the remediation of this row has a status: its state is never empty then.
    pub(crate) fn has_state(&self, row: &Row) -> bool {
        self.state.is_none_or(|at| !cell(row, at).is_empty())
    }

    /// Makes room for these rows.
    pub(crate) fn fit(&mut self, rows: &[Row]) {
        for (at, _, width) in &mut self.shown {
            for row in rows {
                *width = (*width).max(cell(row, *at).chars().count());
            }
        }
    }

    pub(crate) fn header(&self) -> String {
        let names = self.shown.iter().map(|(_, name, _)| name.clone());
        self.line(names.map(|name| (Style::new(), name)))
    }

    /// The row with its state in the state's colour.
    pub(crate) fn coloured_row(&self, row: &Row) -> String {
        self.line(self.shown.iter().map(|(at, ..)| {
            let text = cell(row, *at);
            let style = if self.state == Some(*at) {
                style(&text)
            } else {
                Style::new()
            };
            (style, text)
        }))
    }

    /// Columns are as wide as their plain text wants them.
    fn line(&self, cells: impl Iterator<Item = (Style, String)>) -> String {
        let columns = cells.zip(&self.shown);
        let padded = columns.map(|((style, text), (.., width))| {
            let gap = (width + GAP).saturating_sub(text.chars().count());
            format!("{style}{text}{style:#}{:gap$}", "")
        });
        padded.collect::<String>().trim_end().to_owned()
    }
}

fn style(state: &str) -> Style {
    match state {
        "PENDING_APPROVAL" => AnsiColor::Yellow.on_default(),
        "PENDING" | "QUARANTINING" | "QUARANTINED" | "RUNNING" => AnsiColor::Cyan.on_default(),
        "SUCCEEDED" | "AUTO_RESOLVED" => AnsiColor::Green.on_default(),
        "FAILED" => AnsiColor::Red.on_default().bold(),
        "CANCELLED" => Style::new().dimmed(),
        _ => Style::new(),
    }
}

fn cell(row: &Row, at: usize) -> String {
    match row.cells.get(at) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.lines().next().unwrap_or_default().to_owned(),
        Some(other) => other.to_string(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    fn table() -> Table {
        let column = |name: &str, priority: i32| json!({"name": name, "priority": priority});
        serde_json::from_value(json!({
            "metadata": {"resourceVersion": "7"},
            "columnDefinitions": [
                column("Name", 0), column("Node", 0), column("State", 0), column("Since", 0),
                column("Mode", 0), column("Sync", 0), column("Reason", 1),
            ],
            "rows": [
                {"cells": ["14d61d75-1440-4141-8a78-0db7867925d3", "gpu-dp-17", "RUNNING",
                           "12m", "VM_ONLY", "Listed", "GPU lost"]},
                {"cells": ["fa7b75df-1a27-4757-80ac-2835cfd06024", null, null, "<invalid>", null,
                           "Pending", null]},
            ],
        }))
        .unwrap()
    }

    fn plain_row(layout: &Layout, row: &Row) -> String {
        anstream::adapter::strip_str(&layout.coloured_row(row)).to_string()
    }

    #[test]
    fn the_state_alone_is_coloured_and_columns_still_stand_below_their_names() {
        let mut table = table();
        let layout = Layout::new(table.column_definitions.as_ref().unwrap());
        let start_of_mode = layout.header().find("MODE").unwrap();
        let colours = [
            ("PENDING_APPROVAL", "\u{1b}[33m"),
            ("RUNNING", "\u{1b}[36m"),
            ("SUCCEEDED", "\u{1b}[32m"),
            ("AUTO_RESOLVED", "\u{1b}[32m"),
            ("FAILED", "\u{1b}[1m\u{1b}[31m"),
            ("CANCELLED", "\u{1b}[2m"),
            ("OF_TOMORROW", ""),
        ];
        for (state, colour) in colours {
            table.rows[0].cells[2] = json!(state);
            let coloured = layout.coloured_row(&table.rows[0]);
            let end = if colour.is_empty() { "" } else { "\u{1b}[0m" };
            assert!(
                coloured.contains(&format!(" {colour}{state}{end} ")),
                "{coloured:?}"
            );
            let plain = plain_row(&layout, &table.rows[0]);
            assert_eq!(plain.find("VM_ONLY"), Some(start_of_mode), "{plain}");
        }
    }

    #[test]
    fn columns_stand_below_their_names_and_wide_ones_are_left_out() {
        let table = table();
        let mut layout = Layout::new(table.column_definitions.as_ref().unwrap());
        layout.fit(&table.rows);
        assert_eq!(
            layout.header(),
            "NAME                                   NODE        STATE              \
             SINCE       MODE                        SYNC"
        );
        assert_eq!(
            plain_row(&layout, &table.rows[0]),
            "14d61d75-1440-4141-8a78-0db7867925d3   gpu-dp-17   RUNNING            \
             12m         VM_ONLY                     Listed"
        );
        assert!(plain_row(&layout, &table.rows[1]).starts_with("fa7b75df"));
    }

    #[test]
    fn events_after_the_first_have_no_columns() {
        let event = json!({"metadata": {}, "columnDefinitions": null, "rows": []});
        assert!(
            serde_json::from_value::<Table>(event)
                .unwrap()
                .rows
                .is_empty()
        );
    }

    #[test]
    fn the_longest_line_of_the_demo_fits_120_columns() {
        let mut table = table();
        let cells = &mut table.rows[0].cells;
        cells[2] = json!("PENDING_APPROVAL");
        cells[3] = json!("<invalid>");
        cells[4] = json!("EVICT_WITHOUT_REPLACEMENT");
        cells[5] = json!("NotListed");
        let mut layout = Layout::new(table.column_definitions.as_ref().unwrap());
        layout.fit(&table.rows);
        assert!(plain_row(&layout, &table.rows[0]).chars().count() <= 120);
        assert!(layout.header().chars().count() <= 120);
    }
}
