//! Every fault of the simulated API, at a first sync, while nothing changes, and during a change: what a reader sees, and
//! that everything shown is either true or explained. `UPDATE_DOCS=1` regenerates docs/reference/faults.md.

mod cell;
mod cluster;
mod expected;
mod render;
mod rows;

use std::collections::BTreeSet;

use futures::{StreamExt, stream};
use serde_json::json;
use testbed::{drift, simulator::Fault};

use self::{cell::Cell, expected::Phase};
use crate::setup;

/// Cells at a time: most of a cell is waiting.
const CONCURRENCY: usize = 10;

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_is_reported_as_the_contract_requires_and_nothing_false_is_shown() {
    let control_plane = setup::control_plane().await;
    let cells: Vec<_> = rows::all()
        .into_iter()
        .flat_map(|row| Phase::ALL.map(|phase| (row.clone(), phase)))
        .collect();
    let all = cells.len();
    let ended = stream::iter(cells)
        .map(async |(row, phase)| {
            let name = format!("{} / {phase:?}", row.name);
            let cell =
                tokio::spawn(
                    async move { Cell::set(control_plane, row, phase).await.play().await },
                );
            (name, cell.await)
        })
        .buffer_unordered(CONCURRENCY)
        .collect::<Vec<_>>()
        .await;
    let mut audits = 0;
    let mut failures = Vec::new();
    for (name, outcome) in ended {
        match outcome {
            Ok(looks) => audits += looks,
            Err(error) => {
                let panic = error.into_panic();
                let message = panic.downcast_ref::<String>().cloned();
                failures.push(format!("{name}: {}", message.unwrap_or_default()));
            }
        }
    }
    setup::print_line(&format!(
        "fault matrix: {all} cells, {audits} audits while a fault lasted, {} cells failed",
        failures.len()
    ));
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

#[test]
fn every_fault_of_the_simulator_has_a_row() {
    let unknown = serde_json::from_value::<Fault>(json!({"kind": "?"})).unwrap_err();
    let message = unknown.to_string();
    let (_, names) = message.split_once("expected one of ").unwrap();
    let names: BTreeSet<_> = names
        .split(", ")
        .map(|name| name.trim_matches('`').to_owned())
        .collect();
    let rows: BTreeSet<_> = rows::all().iter().map(|row| row.fault.name()).collect();
    assert_eq!(rows, names);
}

#[test]
fn every_fault_of_the_cluster_has_the_test_that_its_row_names() {
    for row in cluster::ROWS {
        let (module, test) = row.test.rsplit_once("::").unwrap();
        let file = format!("tests/integration/{}.rs", module.replace("::", "/"));
        let text = std::fs::read_to_string(drift::file(&file)).unwrap();
        assert!(text.contains(&format!("async fn {test}()")), "{}", row.name);
    }
}

#[test]
fn docs_match() {
    drift::check(
        "docs/reference/faults.md",
        &render::render(&rows::all()),
        "--test integration matrix",
    );
}
