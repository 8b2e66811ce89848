//! The result as a table for a terminal.

use std::fmt::Write as _;

use crate::result::{Figure, Row, Target, Verdict};

/// All figures and verdicts of these rows.
pub(crate) fn of(rows: &[Row]) -> String {
    let mut table = String::new();
    for row in rows {
        let _ = writeln!(
            table,
            "{} ({}, {:.0} s, load {})",
            row.title, row.name, row.seconds, row.load
        );
        if let Some(error) = &row.error {
            let _ = writeln!(table, "  could not be measured: {error}");
        }
        for figure in &row.figures {
            let _ = writeln!(table, "  {:<44} {}", figure.name, spread(figure));
        }
        for verdict in &row.verdicts {
            let word = if verdict.met { "met" } else { "MISSED" };
            let _ = writeln!(
                table,
                "  {:<44} {word}: {}",
                verdict.measure,
                compared(verdict)
            );
        }
    }
    table
}

/// Median, and the least and the most where they differ.
pub(crate) fn spread(figure: &Figure) -> String {
    let unit = unit(&figure.unit);
    let median = number(figure.median);
    if figure.samples.len() < 2 {
        return format!("{median}{unit}");
    }
    let (min, max) = (number(figure.min), number(figure.max));
    format!(
        "{median}{unit} ({min} to {max}, n = {})",
        figure.samples.len()
    )
}

/// The value and its bound.
pub(crate) fn compared(verdict: &Verdict) -> String {
    let (words, bound) = match verdict.target {
        Target::AtLeast(bound) => ("at least", bound),
        Target::AtMost(bound) => ("at most", bound),
    };
    let unit = unit(&verdict.unit);
    format!(
        "{}{unit}, {words} {}{unit}",
        number(verdict.value),
        number(bound)
    )
}

fn unit(unit: &str) -> String {
    if unit.is_empty() {
        String::new()
    } else {
        format!(" {unit}")
    }
}

/// Three digits that count.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    if size >= 100.0 || value.fract() == 0.0 {
        format!("{value:.0}")
    } else if size >= 10.0 {
        format!("{value:.1}")
    } else if size >= 1.0 {
        format!("{value:.2}")
    } else {
        format!("{value:.3}")
    }
}
