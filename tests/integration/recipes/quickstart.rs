//! What docs/quickstart.md lets kubectl ask, by the real kubectl: each command works and has the columns that the page shows.

use std::fs;

use testbed::drift::file;

use super::{nodes, shell};
use crate::{
    fixture::{Fixture, until},
    run::kubectl,
};

/// Each command for kubectl with the first line of what the page shows below it.
fn commands() -> Vec<(String, Option<String>)> {
    let page = fs::read_to_string(file("docs/quickstart.md")).unwrap();
    let sections = page.split("\n```sh\n").skip(1);
    let command = |section: &str| {
        let (command, rest) = section.split_once("\n```\n").unwrap();
        let shown = rest.trim_start().strip_prefix("```\n");
        let shown = shown.map(|shown| shown.lines().next().unwrap().to_owned());
        (command.to_owned(), shown)
    };
    let all = sections.map(command);
    all.filter(|(command, _)| command.starts_with("kubectl "))
        .collect()
}

/// The headings of a table.
fn columns(line: &str) -> Vec<&str> {
    let cells = line.split("  ").map(str::trim);
    cells.filter(|cell| !cell.is_empty()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_question_is_answered_as_the_page_shows() {
    let fixture = Fixture::new("quickstart").await;
    if kubectl(&fixture.control_plane).is_none() {
        return;
    }
    nodes(&fixture);
    fixture.synced_watch(|_| {}).await;
    let commands = commands();
    assert_eq!(commands.len(), 4);
    for (command, shown) in commands {
        let here = command.replace("together-try", "gpu-ops");
        until(&command, || async {
            let output = shell(&fixture, &here, "").await?;
            let first = output.lines().next().unwrap_or_default();
            let line = shown.as_deref().unwrap_or_default();
            // A sentence names a node and a time, which differ from run to run.
            let agrees = if line.contains("awaits approval") {
                first.contains("awaits approval")
            } else {
                columns(first) == columns(line)
            };
            if agrees { Ok(()) } else { Err(output) }
        })
        .await;
    }
}
