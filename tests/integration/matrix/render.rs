//! docs/reference/faults.md, from the table. Pure.

use std::fmt::Write;

use super::{
    cluster,
    expected::{Age, Effect, Phase},
    rows::Row,
};

const HEAD: &str = "# Faults

What you see for each kind of failure, and what to do. `UPDATE_DOCS=1 cargo test --test integration matrix` tests each row on a real
API server and writes this page.

## Faults of the Together API

- **At first** means: until the mirror is stale, three intervals and two minutes after the last complete list. **Then** means: from that
  time until the API recovers.
- After the API recovers, the next sync corrects the mirror. After a refused key, that takes up to ten minutes. To sync now, set the
  annotation `compute.together.ai/requestedAt` to a new value.
- `Ready` is a condition of the ClusterWatch, `Synced` a condition of each Remediation. Finished mirrors (`Final`) never change.
- A failing API never causes a mirror to be marked gone or to be deleted.

| What the API does | At a first sync | While nothing changes | During a change | What to do |
|---|---|---|---|---|
";

const CLUSTER: &str = "
## Faults of the cluster or a clock

| What happens | What you see | What to do |
|---|---|---|
";

/// The whole file.
pub(super) fn render(rows: &[Row]) -> String {
    let mut page = HEAD.to_owned();
    for row in rows {
        let [first, steady, change] = Phase::ALL.map(|phase| cell(row, phase));
        let _ = writeln!(
            page,
            "| {} | {first} | {steady} | {change} | {} |",
            row.name, row.advice
        );
    }
    page += CLUSTER;
    for cluster::Row {
        name, seen, advice, ..
    } in cluster::ROWS
    {
        let _ = writeln!(page, "| {name} | {seen} | {advice} |");
    }
    page
}

fn cell(row: &Row, phase: Phase) -> String {
    if let (Effect::Listed { note }, mirrored) = (row.effect, row.mirrored) {
        let note = note.map_or(String::new(), |note| {
            format!(", its message says \"{note}\"")
        });
        return match phase {
            Phase::FirstSync => format!("Ready True `Synced`{note}. {mirrored}"),
            Phase::Steady => format!("Ready True `Synced`{note}; no mark"),
            Phase::DuringAChange => {
                format!("Ready True `Synced`{note}; what the API shows is mirrored")
            }
        };
    }
    let [early, late] = [Age::Hiccup, Age::Outage].map(|age| {
        let expected = row.effect.expected(phase, age);
        let (status, reason) = expected.ready;
        let stalled = if expected.stalled == "True" {
            ", Stalled"
        } else {
            ""
        };
        let marked = match (phase, expected.open) {
            (_, "Stale") if phase != Phase::FirstSync => "; open ones: Synced Unknown `Stale`",
            (Phase::DuringAChange, "Listed") if status != "True" || age == Age::Hiccup => {
                "; open ones as last seen"
            }
            _ => "",
        };
        format!("Ready {status} `{reason}`{stalled}{marked}")
    });
    if early == late {
        early
    } else {
        format!("At first: {early}. Then: {late}")
    }
}
