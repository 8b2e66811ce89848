//! Which plots there are, and what is on them.

use std::path::Path;

use super::plot::{self, Bar, Line};
use crate::{
    Failure,
    result::{Figure, Report, Row, Target, sorted},
    table::{compared, spread},
};

/// A plot and the row that it belongs to; an empty one: to all.
pub(super) struct Drawn {
    pub(super) row: &'static str,
    pub(super) file: &'static str,
    pub(super) caption: &'static str,
}

/// Figures of a row, side by side: of which row, the figures' names, the file, and its caption.
const SIDES: [(&str, &[&str], &str, &str); 3] = [
    (
        "first-mirror",
        &["operator", "tight Rust client", "tight Go client"],
        "first-mirror.svg",
        "Time of the first mirror, in seconds: less is better",
    ),
    (
        "unchanged",
        &["operator, CPU", "fetch and parse only, CPU"],
        "unchanged.svg",
        "Processor time of a sync without changes, in milliseconds: less is better",
    ),
    (
        "peer",
        &[
            "operator: first mirror",
            "script: first mirror",
            "operator: first mirror, CPU",
            "script: first mirror, CPU",
        ],
        "peer.svg",
        "First mirror by the operator and by the script, in seconds: less is better",
    ),
];
/// Samples of a row, in ascending order: row, figure, file, and caption.
const SPREADS: [(&str, &str, &str, &str); 2] = [
    (
        "change",
        "page to status, each",
        "change.svg",
        "Part of the changes that are visible within so many milliseconds",
    ),
    (
        "latency",
        "change to visible, each",
        "latency.svg",
        "Part of the changes that are visible within so many seconds",
    ),
];

/// Draws all plots that these runs have figures for.
pub(super) fn draw(runs: &[Report], folder: &Path) -> Result<Vec<Drawn>, Failure> {
    let rows = || runs.iter().flat_map(|run| &run.rows);
    let find = |name: &str| rows().find(|row| row.name == name && row.error.is_none());
    let mut drawn = Vec::new();
    let targets: Vec<Bar> = rows().flat_map(targets).collect();
    if !targets.is_empty() {
        let caption = "How much of each bound is used: up to the line it is met; bars are cut at four times the bound";
        plot::bars(&folder.join("targets.svg"), caption, &targets, Some(1.0))?;
        drawn.push(Drawn {
            row: "",
            file: "targets.svg",
            caption,
        });
    }
    for (row, names, file, caption) in SIDES {
        let Some(measured) = find(row) else { continue };
        let bars: Vec<Bar> = names
            .iter()
            .filter_map(|name| figure(measured, name))
            .map(side)
            .collect();
        plot::bars(&folder.join(file), caption, &bars, None)?;
        drawn.push(Drawn { row, file, caption });
    }
    for (row, name, file, caption) in SPREADS {
        let Some(figure) = find(row).and_then(|row| figure(row, name)) else {
            continue;
        };
        plot::lines(&folder.join(file), caption, &[shares(figure)])?;
        drawn.push(Drawn { row, file, caption });
    }
    if let Some(lines) = find("memory").map(memory) {
        let (file, caption) = (
            "memory.svg",
            "Peak memory in MiB over the number of mirrors",
        );
        plot::lines(&folder.join(file), caption, &lines)?;
        drawn.push(Drawn {
            row: "memory",
            file,
            caption,
        });
    }
    Ok(drawn)
}

fn figure<'a>(row: &'a Row, name: &str) -> Option<&'a Figure> {
    row.figures.iter().find(|figure| figure.name == name)
}

fn side(figure: &Figure) -> Bar {
    Bar {
        label: figure.name.clone(),
        value: figure.median,
        range: Some((figure.min, figure.max)),
        text: spread(figure),
        ours: figure.name.starts_with("operator"),
    }
}

/// A bar for each bound of the row that is more than nothing.
fn targets(row: &Row) -> Vec<Bar> {
    let bars = row.verdicts.iter().filter_map(|verdict| {
        let value = match verdict.target {
            Target::AtMost(bound) => verdict.value / bound,
            Target::AtLeast(bound) => bound / verdict.value,
        };
        value.is_finite().then(|| Bar {
            label: format!("{}: {}", row.name, verdict.measure),
            value,
            range: None,
            text: compared(verdict),
            ours: verdict.met,
        })
    });
    bars.collect()
}

#[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
fn shares(figure: &Figure) -> Line {
    let sorted = sorted(&figure.samples);
    let all = sorted.len() as f64;
    let points = (1..)
        .zip(sorted)
        .map(|(place, value)| (value, f64::from(place) / all));
    Line {
        label: figure.name.clone(),
        points: std::iter::once((0.0, 0.0)).chain(points).collect(),
        ours: true,
    }
}

/// The measured peaks, and their bounds.
fn memory(row: &Row) -> Vec<Line> {
    let size = |name: &str, before: &str, after: &str| {
        name.strip_prefix(before)?
            .strip_suffix(after)?
            .parse::<f64>()
            .ok()
    };
    let peaks = row
        .figures
        .iter()
        .filter_map(|figure| Some((size(&figure.name, "", ": peak")?, figure.median)));
    let bounds = row
        .verdicts
        .iter()
        .filter_map(|verdict| match verdict.target {
            Target::AtMost(bound) => Some((size(&verdict.measure, "peak at ", "")?, bound)),
            Target::AtLeast(_) => None,
        });
    vec![
        Line {
            label: "measured".to_owned(),
            points: peaks.collect(),
            ours: true,
        },
        Line {
            label: "bound".to_owned(),
            points: bounds.collect(),
            ours: false,
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bound_is_used_up_at_one_whichever_way_it_looks() {
        let mut row = Row::new("row", String::new(), String::new());
        row.verdict("share", 0.45, "", Target::AtLeast(0.9));
        row.verdict("time", 3.0, "s", Target::AtMost(2.0));
        row.verdict("writes", 0.0, "", Target::AtMost(0.0));
        let used: Vec<f64> = targets(&row).iter().map(|bar| bar.value).collect();
        assert!(
            (used[0] - 2.0).abs() < 1e-9 && (used[1] - 1.5).abs() < 1e-9,
            "{used:?}"
        );
        assert_eq!(used.len(), 2, "a bound of nothing has no bar");
    }

    #[test]
    fn memory_is_drawn_over_the_number_of_mirrors_with_its_bounds() {
        let mut row = Row::new("memory", String::new(), String::new());
        row.figure("1000: start, first mirror, idle", "MiB", vec![11.0]);
        row.figure("1000: peak", "MiB", vec![12.0]);
        row.verdict("peak at 1000", 12.0, "MiB", Target::AtMost(15.0));
        let lines = memory(&row);
        assert_eq!(lines[0].points, [(1000.0, 12.0)]);
        assert_eq!(lines[1].points, [(1000.0, 15.0)]);
    }
}
