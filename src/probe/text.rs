//! A report as text: short, aligned, and narrow enough for a terminal. Pure.

use std::{collections::BTreeMap, fmt::Write as _};

use super::{
    findings::Problem,
    report::{Clock, Dialect, Failed, List, Mirrors, Report, Unknown},
};

/// Columns of the labels.
const LABEL: usize = 14;
/// What stands for an empty list of unknown things.
const NOTHING: &str = "nothing";
/// Columns of what follows.
const WIDTH: usize = 84;

/// The report, line by line.
#[must_use]
pub fn render(report: &Report) -> String {
    let rows = [result(report), asked(report), found(report), wrong(report)];
    let mut text = String::new();
    for (label, value) in rows.into_iter().flatten() {
        let mut label = label;
        for line in wrapped(&value) {
            // Writing to a String never fails.
            let _ = writeln!(text, "{label:LABEL$}{line}");
            label = "";
        }
    }
    text
}

/// A label, and what follows it.
type Row = (&'static str, String);

/// Whether `run` could mirror it, and why not.
fn result(report: &Report) -> Vec<Row> {
    match &report.outcome.failure {
        None => vec![("result", "OK: run can mirror this".to_owned())],
        Some(failed) => vec![
            ("result", format!("FAILED: {}", failed.reason)),
            ("", failed.message.clone()),
            ("in run", in_run(failed).to_owned()),
        ],
    }
}

/// What was asked, and how.
fn asked(report: &Report) -> Vec<Row> {
    let version = format!("{} {}", env!("CARGO_PKG_NAME"), report.version);
    let mut rows = vec![
        ("version", version),
        ("API", report.exchange.api.clone()),
        ("scope", scope(report)),
        ("calls", calls(report)),
    ];
    rows.extend(
        report
            .exchange
            .lists
            .iter()
            .map(|list| (list.of, listed(list))),
    );
    rows.extend(of_dialect(&report.exchange.dialect));
    rows
}

/// What the answers hold.
fn found(report: &Report) -> Vec<Row> {
    let unknown = unknown(&report.contents.unknown);
    // Nothing was listed, so there is nothing to report.
    if report.exchange.lists.iter().all(|list| list.items == 0)
        && !report.outcome.ok
        && unknown == NOTHING
    {
        return Vec::new();
    }
    vec![
        ("states", counted(&report.contents.states)),
        ("modes", counted(&report.contents.modes)),
        ("triggers", counted(&report.contents.triggers)),
        ("unknown", unknown),
        ("mirrors", mirrors(&report.mirrors)),
        ("API clock", clock(&report.clock)),
    ]
}

/// The problems of items, and other notes.
fn wrong(report: &Report) -> Vec<Row> {
    let of = |label, problems: &[Problem]| {
        let rows = problems
            .iter()
            .map(|problem| (label, problem_text(problem)));
        rows.collect::<Vec<Row>>()
    };
    let notes = report.notes.iter().map(|note| ("note", note.clone()));
    let problems = [
        of("left out", &report.mirrors.left_out),
        of("shortened", &report.mirrors.shortened),
        of("unreadable", &report.mirrors.unreadable_fields),
    ];
    problems.into_iter().flatten().chain(notes).collect()
}

/// `text` in lines of whole words; none where it is empty.
fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

fn in_run(failed: &Failed) -> &'static str {
    match (failed.reason, failed.stalled) {
        ("SecretNotFound" | "SecretInvalid", _) => {
            "Ready is False at once, and Stalled is True after two minutes."
        }
        (_, true) => "Ready is False and Stalled is True at once, until this is fixed.",
        (_, false) => {
            "run retries. Ready turns False once nothing was synced for three intervals and two minutes."
        }
    }
}

fn scope(report: &Report) -> String {
    let scope = &report.exchange.scope;
    match (&scope.cluster_id, &scope.instance_id, scope.one_instance) {
        (Some(cluster), Some(instance), _) => format!("instance {instance} of cluster {cluster}"),
        (Some(cluster), None, _) => format!("all instances of cluster {cluster}"),
        (None, _, true) => "one instance of one cluster (ids: --show-ids)".to_owned(),
        (None, _, false) => "all instances of one cluster (ids: --show-ids)".to_owned(),
    }
}

fn calls(report: &Report) -> String {
    let calls = &report.exchange.calls;
    match (calls.made, calls.repeated) {
        (0, _) => "none: nothing was asked".to_owned(),
        (made, 0) => format!("{made}, none repeated"),
        (made, repeated) => format!("{made}, of which {repeated} repeated a failed one"),
    }
}

fn listed(list: &List) -> String {
    let (items, pages) = (
        number(list.items, "remediation"),
        number(list.pages, "page"),
    );
    let broken = if list.complete { "" } else { ", NOT COMPLETE" };
    format!("{items} on {pages}, {:.2} s{broken}", list.seconds)
}

/// `count` and the noun `name`, in the plural unless `count` is 1.
fn number(count: usize, name: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {name}{plural}")
}

fn of_dialect(dialect: &Dialect) -> Vec<Row> {
    let proven = if dialect.query_names_proven {
        ""
    } else {
        ", not proven"
    };
    let names = dialect.query_names.map(|names| match names {
        "sdk" => format!("page_size, page_token, order_by (SDKs){proven}"),
        _ => format!("pageSize, pageToken, orderBy (reference page){proven}"),
    });
    let filter = dialect.state_filter.map(|word| {
        let form = match word {
            "repeated" => "state=A&state=B (reference page)",
            "repeated-known" => "state=A&state=B, without unknown states",
            "repeated-reference" => "state=A&state=B, without newer states",
            "comma" => "state=A,B (SDKs)",
            "comma-known" => "state=A,B, without unknown states",
            "comma-reference" => "state=A,B, without newer states",
            "ignored" => "none: the API ignores it",
            _ => "none: the API refuses it",
        };
        form.to_owned()
    });
    let lookup = dialect.lookup_by_id.map(str::to_owned);
    let rows = [
        ("query names", names),
        ("state filter", filter),
        ("field style", dialect.field_style.map(str::to_owned)),
        ("lookup by id", lookup),
    ];
    let rows = rows.into_iter();
    rows.filter_map(|(label, value)| Some((label, value?)))
        .collect()
}

fn counted(counts: &BTreeMap<String, usize>) -> String {
    let all = counts
        .iter()
        .map(|(value, count)| format!("{value} {count}"));
    all.collect::<Vec<_>>().join(", ")
}

fn unknown(unknown: &Unknown) -> String {
    let kinds = [
        ("states", &unknown.states),
        ("modes", &unknown.modes),
        ("triggers", &unknown.triggers),
        ("fields", &unknown.fields),
    ];
    let kinds = kinds.iter().filter(|(_, names)| !names.is_empty());
    let mut parts: Vec<_> = kinds
        .map(|(kind, names)| format!("{kind} {}", names.join(", ")))
        .collect();
    if unknown.more_fields > 0 {
        parts.push(format!(
            "{} not shown",
            number(unknown.more_fields, "field")
        ));
    }
    if parts.is_empty() {
        return NOTHING.to_owned();
    }
    parts.join("; ")
}

fn mirrors(mirrors: &Mirrors) -> String {
    match mirrors.excluded {
        0 => mirrors.mirrored.to_string(),
        excluded => format!(
            "{}; {excluded} excluded (spec.states, spec.retention)",
            mirrors.mirrored
        ),
    }
}

fn clock(clock: &Clock) -> String {
    match clock.skew_seconds {
        _ if clock.more_than_a_day => "more than a day off the local clock".to_owned(),
        None => "unknown: no successful answer had a usable Date".to_owned(),
        Some(ahead) if ahead.abs() < 1.5 => "agrees with the local clock".to_owned(),
        Some(ahead) if ahead > 0.0 => format!("{ahead:.0} s ahead of the local clock"),
        Some(ahead) => format!("{:.0} s behind the local clock", -ahead),
    }
}

fn problem_text(problem: &Problem) -> String {
    let places: Vec<_> = if problem.ids.is_empty() {
        problem.items.iter().map(ToString::to_string).collect()
    } else {
        problem
            .ids
            .iter()
            .map(|id| id.escape_debug().to_string())
            .collect()
    };
    let more = if problem.count > places.len() {
        ", …"
    } else {
        ""
    };
    let (count, what) = (problem.count, &problem.problem);
    format!("{count}: {what} (item {}{more})", places.join(", "))
}

#[cfg(test)]
mod tests;
