//! The page in words and tables.

use std::fmt::Write as _;

use super::figures::Drawn;
use crate::{
    machine::Machine,
    result::{Report, Row},
    table::{compared, number},
};

const HEAD: &str = include_str!("../../page/head.md");
/// How to repeat it, for the end of the page.
const REPEAT: &str = include_str!("../../page/repeat.md");
/// A section for each row: what its time goes into. It is shown where a target is missed, or there is none.
const LIMITS: &str = include_str!("../../page/limits.md");

/// The whole page.
pub(super) fn of(runs: &[Report], drawn: &[Drawn]) -> String {
    let mut page = HEAD.to_owned();
    targets(&mut page, runs, drawn);
    for (run, report) in (1..).zip(runs) {
        for row in &report.rows {
            section(&mut page, row, (runs.len() > 1).then_some(run), drawn);
        }
    }
    page.push_str(REPEAT);
    machines(&mut page, runs);
    page
}

fn machines(page: &mut String, runs: &[Report]) {
    page.push_str("\n## Appendix: where it was measured\n\n");
    for report in runs {
        if report.mode == "quick" || report.machine.operator.contains("debug") {
            page.push_str(
                "**One of these is a quick run or a debug build: its figures are not meaningful.**\n\n",
            );
            break;
        }
    }
    line(page, "", runs, |_| String::new());
    let dashes: String = runs.iter().map(|_| "---|").collect();
    let _ = writeln!(page, "|---|{dashes}");
    line(page, "run", runs, |run| {
        format!("{}, {} s, mode {}", run.started, run.seconds, run.mode)
    });
    let mut machine = |name: &str, value: fn(&Machine) -> String| {
        line(page, name, runs, |run| value(&run.machine));
    };
    machine("processor", |m| format!("{} cores, {}", m.cores, m.cpu));
    machine("memory", |m| format!("{} GiB", m.memory_gib));
    machine("kernel", |m| m.kernel.clone());
    machine("Kubernetes", |m| {
        format!("{}, {}", m.kubernetes, m.control_plane)
    });
    machine("compilers", |m| format!("{}; {}", m.rustc, m.go));
    machine("commit", |m| m.commit.clone());
    machine("operator", |m| m.operator.clone());
    page.push_str(
        "\nOperator, clients, simulated API, API server and etcd share these cores. The load of a row is that of the machine (1 min) when \
         the row began. A load well above 1 means that other work was running, so absolute times are worse.\n",
    );
}

fn line(page: &mut String, name: &str, runs: &[Report], value: impl Fn(&Report) -> String) {
    let mut values: Vec<String> = runs.iter().map(value).collect();
    // What all runs share stands once.
    if let Some((first, others)) = values.split_first_mut()
        && !first.is_empty()
        && !others.is_empty()
        && others.iter().all(|other| other == first)
    {
        first.push_str(", all runs");
        others.iter_mut().for_each(String::clear);
    }
    let _ = writeln!(page, "| {name} | {} |", values.join(" | "));
}

fn targets(page: &mut String, runs: &[Report], drawn: &[Drawn]) {
    page.push_str("\n## Targets\n\nThe targets were set before the first measurement.\n\n");
    page.push_str("| row | measure | measured, and its bound | |\n|---|---|---|---|\n");
    for row in runs.iter().flat_map(|run| &run.rows) {
        for verdict in &row.verdicts {
            let word = if verdict.met { "met" } else { "**missed**" };
            let _ = writeln!(
                page,
                "| [{0}](#{0}) | {1} | {2} | {word} |",
                row.name,
                verdict.measure,
                compared(verdict)
            );
        }
        if row.error.is_some() {
            let _ = writeln!(
                page,
                "| [{0}](#{0}) | | | **could not be measured** |",
                row.name
            );
        }
    }
    plots(page, "", drawn);
}

fn plots(page: &mut String, row: &str, drawn: &[Drawn]) {
    for plot in drawn.iter().filter(|plot| plot.row == row) {
        let _ = writeln!(page, "\n![{}](../performance/{})", plot.caption, plot.file);
    }
}

fn section(page: &mut String, row: &Row, run: Option<u32>, drawn: &[Drawn]) {
    let run = run.map_or_else(String::new, |run| format!("run {run}, "));
    let _ = write!(
        page,
        "\n## {}\n\n{}. ({run}{:.0} s, load {})\n\n{}\n",
        row.name, row.title, row.seconds, row.load, row.how
    );
    if let Some(error) = &row.error {
        // The rest is the operator's log.
        let first = error.lines().next().unwrap_or_default();
        let _ = writeln!(page, "\n**Could not be measured, tried twice:** {first}");
        return;
    }
    page.push_str("\n| | median | least | most | samples |\n|---|---|---|---|---|\n");
    for figure in &row.figures {
        let unit = if figure.unit.is_empty() {
            String::new()
        } else {
            format!(", {}", figure.unit)
        };
        let [median, min, max] = [figure.median, figure.min, figure.max].map(number);
        let count = figure.samples.len();
        let _ = writeln!(
            page,
            "| {}{unit} | {median} | {min} | {max} | {count} |",
            figure.name
        );
    }
    plots(page, &row.name, drawn);
    let reached = !row.verdicts.is_empty() && row.verdicts.iter().all(|verdict| verdict.met);
    if !reached && let Some(limit) = limit(LIMITS, &row.name) {
        let _ = writeln!(page, "\n**What limits it.** {limit}");
    }
}

/// The text of a section of `limits`.
fn limit<'a>(limits: &'a str, row: &str) -> Option<&'a str> {
    let mut sections = limits.split("\n## ").skip(1);
    sections
        .find_map(|section| section.strip_prefix(row)?.strip_prefix('\n'))
        .map(str::trim)
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;
    use crate::{result::Target, rows::Name};

    #[test]
    fn each_limit_belongs_to_a_row_that_there_is() {
        let names: Vec<String> = Name::value_variants()
            .iter()
            .map(|name| name.text())
            .collect();
        let sections = LIMITS.split("\n## ").skip(1);
        for section in sections.filter_map(|section| section.lines().next()) {
            assert!(names.iter().any(|name| name == section), "{section}");
        }
    }

    #[test]
    fn a_missed_row_names_what_limits_it_and_one_that_is_met_does_not() {
        let mut row = Row::new("first-mirror", "Title".to_owned(), "How.".to_owned());
        row.verdict("share", 0.95, "", Target::AtLeast(0.9));
        let shown = |row: &Row| {
            let mut page = String::new();
            section(&mut page, row, None, &[]);
            page
        };
        assert!(!shown(&row).contains("What limits it"));
        row.verdict("share", 0.5, "", Target::AtLeast(0.9));
        assert!(shown(&row).contains("What limits it"));
        let peer = Row::new("peer", "Title".to_owned(), "How.".to_owned());
        assert!(shown(&peer).contains("What limits it"), "it has no target");
        row.error = Some("the operator ended\n{\"secret\": 1}".to_owned());
        assert!(shown(&row).contains("Could not be measured, tried twice:** the operator ended\n"));
        assert!(!shown(&row).contains("secret"));
    }
}
