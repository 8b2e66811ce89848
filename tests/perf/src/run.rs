//! A run from the first row to the result file.

use std::{
    path::{Path, PathBuf},
    time::Instant,
};

use clap::ValueEnum as _;
use k8s_openapi::jiff::{Timestamp, Unit};
use testbed::program::target_dir;
use tokio::process::Command;

use crate::{
    Args, Failure,
    machine::{Machine, load},
    result::{Report, Row, SCHEMA},
    rows::{self, Mode, Name},
    stage::Stage,
    table,
};

/// Whether every row could be measured; a target that is missed is a finding, no failure.
pub(crate) async fn run(args: Args) -> Result<bool, Failure> {
    let begun = Instant::now();
    let started = Timestamp::now().round(Unit::Second)?;
    let mode = match (args.quick, args.large) {
        (true, _) => Mode::Quick,
        (_, true) => Mode::Large,
        _ => Mode::Full,
    };
    let program = match args.operator {
        Some(program) => std::path::absolute(program)?,
        None => build_operator().await?,
    };
    let names = if args.row.is_empty() {
        Name::value_variants().to_vec()
    } else {
        args.row
    };
    let mut ended = std::pin::pin!(testbed::signal::ended());
    let (mut rows, mut machine) = (Vec::new(), None);
    for (place, name) in (1..).zip(&names) {
        println!("[{place}/{}] {name:?}", names.len());
        let row = tokio::select! {
            row = one(*name, &program, mode, &mut machine) => row,
            signal = &mut ended => return Err(signal.err().map_or("interrupted".into(), Failure::from)),
        };
        print!("{}", table::of(std::slice::from_ref(&row)));
        rows.push(row);
    }
    let report = Report {
        schema: SCHEMA,
        mode: mode.name().to_owned(),
        started: started.to_string(),
        seconds: begun.elapsed().as_secs_f64().round(),
        machine: machine.ok_or("no control plane could be had")?,
        rows,
    };
    let out = match args.out {
        Some(out) => out,
        None => target_dir()?.join("perf.json"),
    };
    std::fs::write(&out, serde_json::to_string_pretty(&report)? + "\n")?;
    println!("\n{}", table::of(&report.rows));
    println!("{} s; result: {}", report.seconds, out.display());
    Ok(report.rows.iter().all(|row| row.error.is_none()))
}

/// One row on a control plane of its own, so that none measures what another left behind.
async fn one(name: Name, program: &Path, mode: Mode, machine: &mut Option<Machine>) -> Row {
    let (begun, load) = (Instant::now(), load());
    let measured = async {
        let mut stage = Stage::set(program).await?;
        if machine.is_none() {
            *machine = Some(Machine::look(&stage.control_plane, program).await);
        }
        let row = rows::measure(name, &mut stage, mode).await;
        stage.clear().await;
        row
    };
    let mut row = measured.await.unwrap_or_else(|failure: Failure| {
        println!("    FAILED: {failure}");
        let title = name.to_possible_value();
        let title = title.map_or_else(String::new, |value| value.get_name().to_owned());
        let mut row = Row::new(&title, title.clone(), String::new());
        row.error = Some(failure.to_string());
        row
    });
    (row.load, row.seconds) = (load, begun.elapsed().as_secs_f64().round());
    row
}

/// Builds the operator as it is shipped: by itself, so that nothing else has a say in its dependencies' features.
async fn build_operator() -> Result<PathBuf, Failure> {
    const NAME: &str = "together-remediation-operator";
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--package", NAME, "--bin", NAME]);
    if !cfg!(debug_assertions) {
        cargo.arg("--release");
    }
    let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
    let status = cargo.current_dir(root).status().await?;
    if !status.success() {
        return Err(format!("the operator does not build ({status})").into());
    }
    Ok(target_dir()?.join(NAME))
}
