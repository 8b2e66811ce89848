//! A run from the first row to the result file.

use std::{path::Path, time::Instant};

use clap::ValueEnum as _;
use k8s_openapi::jiff::{Timestamp, Unit};
use testbed::program::{build_operator, target_dir};

use crate::{
    Args, Failure,
    machine::{Machine, build, commit, load},
    progress,
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
        None => build_operator(None).await?,
    };
    let names = if args.row.is_empty() {
        let all = Name::value_variants().iter().copied();
        all.filter(|name| *name != Name::Fleet || mode == Mode::Large)
            .collect()
    } else {
        args.row
    };
    let out = match args.out {
        Some(out) => out,
        None => target_dir()?.join("perf.json"),
    };
    let mut ended = std::pin::pin!(testbed::signal::ended());
    let (mut rows, mut machine, mut kept) = (Vec::new(), None::<Machine>, None);
    let earlier = if args.resume {
        earlier(&out, mode, &program).await
    } else {
        None
    };
    if let Some(earlier) = earlier {
        (rows, machine) = (earlier.rows, Some(earlier.machine));
    }
    for (place, name) in (1..).zip(&names) {
        println!("[{place}/{}] {name:?}", names.len());
        if rows.iter().any(|row| row.name == name.text()) {
            progress("measured earlier");
            continue;
        }
        let row = tokio::select! {
            row = one(*name, &program, mode, &mut machine, &mut kept) => row,
            signal = &mut ended => return Err(signal.err().map_or("interrupted".into(), Failure::from)),
        };
        print!("{}", table::of(std::slice::from_ref(&row)));
        rows.push(row);
        // After each row: a run that is interrupted keeps what it has found.
        if let Some(machine) = &machine {
            let report = Report {
                schema: SCHEMA,
                mode: mode.name().to_owned(),
                started: started.to_string(),
                seconds: begun.elapsed().as_secs_f64().round(),
                machine: machine.clone(),
                rows: rows.clone(),
            };
            std::fs::write(&out, serde_json::to_string_pretty(&report)? + "\n")?;
        }
    }
    if let Some(stage) = kept {
        stage.clear().await;
    }
    machine.ok_or("no control plane could be started")?;
    println!("\n{}", table::of(&rows));
    let seconds = begun.elapsed().as_secs_f64();
    println!("{seconds:.0} s; result: {}", out.display());
    Ok(rows.iter().all(|row| row.error.is_none()))
}

/// The rows that an earlier run of the same commit and program measured.
async fn earlier(out: &Path, mode: Mode, program: &Path) -> Option<Report> {
    let mut report: Report = serde_json::from_slice(&std::fs::read(out).ok()?).ok()?;
    report.rows.retain(|row| row.error.is_none());
    let machine = &report.machine;
    let same = report.mode == mode.name()
        && machine.commit == commit().await
        && machine.operator == build(program).await;
    same.then_some(report)
}

/// One row, once more where it could not be measured: a machine under load may lose a Lease.
async fn one(
    name: Name,
    program: &Path,
    mode: Mode,
    machine: &mut Option<Machine>,
    kept: &mut Option<Stage>,
) -> Row {
    let (begun, load) = (Instant::now(), load());
    let mut outcome = attempt(name, program, mode, machine, kept).await;
    if let Err(failure) = &outcome {
        println!("    could not be measured, and is tried once more: {failure}");
        outcome = attempt(name, program, mode, machine, kept).await;
    }
    let mut row = outcome.unwrap_or_else(|failure| {
        let title = name.text();
        let mut row = Row::new(&title, title.clone(), String::new());
        row.error = Some(failure.to_string());
        row
    });
    (row.load, row.seconds) = (load, begun.elapsed().as_secs_f64().round());
    row
}

/// A row has a control plane of its own, so that none measures what another left behind; but in the quick mode, which judges
/// nothing, all share one.
async fn attempt(
    name: Name,
    program: &Path,
    mode: Mode,
    machine: &mut Option<Machine>,
    kept: &mut Option<Stage>,
) -> Result<Row, Failure> {
    let mut stage = match kept.take() {
        Some(stage) => stage,
        None => Stage::set(program).await?,
    };
    if machine.is_none() {
        *machine = Some(Machine::look(&stage.control_plane, program).await);
    }
    let row = rows::measure(name, &mut stage, mode).await;
    if row.is_ok() && mode == Mode::Quick && stage.strike_all().await.is_ok() {
        *kept = Some(stage);
    } else {
        stage.clear().await;
    }
    row
}
