//! `probe` as a process: what it prints of each dialect and fault of the simulator, its exit codes, and what it keeps to itself.

mod dialects;
mod faults;
mod from;
mod hidden;
mod other_make;
mod refused;
mod usage;

use serde_json::Value;
use testbed::simulator::{Remediation as Truth, Simulator};
use tokio::process::Command;

use crate::{conditions::assert_contains, fixture::CLUSTER, program::PROGRAM};

/// The output and the exit status of a process.
pub(crate) struct Outcome {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The report of `--output json`.
    pub(crate) fn report(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}{}", self.stdout, self.stderr))
    }
}

/// Runs `probe` with these arguments, and with this key in the environment if there is one.
pub(crate) async fn run(arguments: &[&str], key: Option<&str>) -> Outcome {
    let mut command = Command::new(PROGRAM);
    command.arg("probe").args(arguments);
    for variable in ["KUBECONFIG", "TOGETHER_BASE_URL", "TOGETHER_API_KEY"] {
        command.env_remove(variable);
    }
    // Where no kubeconfig is.
    command.env("HOME", "/nonexistent");
    if let Some(key) = key {
        command.env("TOGETHER_API_KEY", key);
    }
    end(command).await
}

pub(crate) async fn end(mut command: Command) -> Outcome {
    let output = command.kill_on_drop(true).output().await.unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Probes [`CLUSTER`] at `url` with a key, with `more` arguments.
pub(crate) async fn at(url: &str, key: &str, more: &[&str]) -> Outcome {
    let cluster = ["--cluster-id", CLUSTER, "--allow-http", "--api-url", url];
    run(&[&cluster[..], more].concat(), Some(key)).await
}

/// The same of a simulator.
pub(crate) async fn of(simulator: &Simulator, more: &[&str]) -> Outcome {
    at(&simulator.url(), simulator.key(), more).await
}

/// The report of a simulator.
pub(crate) async fn report(simulator: &Simulator) -> Value {
    of(simulator, &["--output", "json"]).await.report()
}

/// One whose cluster has so many remediations: half of them open, the others finished.
pub(crate) async fn simulator(remediations: u32) -> Simulator {
    let simulator = Simulator::start().await;
    simulator.add_cluster(CLUSTER);
    for number in 0..remediations {
        let state = ["PENDING_APPROVAL", "SUCCEEDED", "RUNNING", "FAILED"][number as usize % 4];
        simulator.put(Truth {
            state: state.to_owned(),
            ..Truth::numbered(CLUSTER, number)
        });
    }
    simulator
}

#[tokio::test]
async fn a_healthy_cluster_is_reported_in_short_aligned_lines() {
    let simulator = simulator(8).await;
    let outcome = of(&simulator, &[]).await;
    assert_eq!((outcome.code, &*outcome.stderr), (Some(0), ""));
    let text = outcome
        .stdout
        .replace(&simulator.url()[7..simulator.url().len() - 3], "HOST");
    let text = regex::Regex::new(r"\d+\.\d\d s")
        .unwrap()
        .replace_all(&text, "N s");
    insta::assert_snapshot!(text, @r"
    result        OK: run can mirror this
    version       together-remediation-operator 0.1.0
    API           HOST
    scope         all instances of one cluster (ids: --show-ids)
    calls         3, none repeated
    everything    8 remediations on 1 page, N s
    open states   4 remediations on 1 page, N s
    query names   pageSize, pageToken, orderBy (reference page), not proven
    state filter  state=A&state=B (reference page)
    field style   snake_case
    lookup by id  works
    states        FAILED 2, PENDING_APPROVAL 2, RUNNING 2, SUCCEEDED 2
    modes         VM_ONLY 8
    triggers      AUTOMATED 8
    unknown       nothing
    mirrors       8
    API clock     agrees with the local clock
    note          Everything fits on one page, so that the names of the query are not proven. run
                  switches to the others if a second page repeats the first.
    ");
    assert!(text.lines().all(|line| line.chars().count() <= 100));
}

#[tokio::test]
async fn json_has_the_same_content_for_programs() {
    let simulator = simulator(250).await;
    let report = report(&simulator).await;
    assert_eq!(report["ok"], true);
    assert_eq!(report["failure"], Value::Null);
    assert_eq!(report["lists"][0]["of"], "everything");
    assert_eq!(report["lists"][0]["pages"], 3);
    assert_eq!(report["lists"][0]["items"], 250);
    assert_eq!(report["lists"][1]["of"], "open states");
    assert_eq!(report["mirrored"], 250);
    assert_eq!(report["states"]["RUNNING"], 62);
    assert_eq!(report["dialect"]["queryNamesProven"], true);
}

#[tokio::test]
async fn it_only_reads_and_counts_its_calls() {
    let simulator = simulator(250).await;
    let report = report(&simulator).await;
    let counters = simulator.counters();
    assert_eq!(report["calls"]["made"], counters.calls());
    assert_eq!((counters.mutations, counters.unknown), (0, 0));
    assert_eq!(counters.by_id, 1);
    assert!(counters.recent.iter().all(|call| call.method == "GET"));
}

#[tokio::test]
async fn an_empty_cluster_can_be_mirrored_and_is_reported() {
    let simulator = simulator(0).await;
    let outcome = of(&simulator, &[]).await;
    assert_eq!(outcome.code, Some(0));
    assert_contains(&outcome.stdout, &["The list is empty"]);
}

#[tokio::test]
async fn unknown_states_modes_triggers_and_fields_are_named() {
    let simulator = simulator(2).await;
    let mut odd = Truth {
        state: "DEFROSTING".to_owned(),
        mode: "REMEDIATION_MODE_TURN_AROUND".to_owned(),
        trigger: "REMEDIATION_TRIGGER_MOON".to_owned(),
        ..Truth::numbered(CLUSTER, 7)
    };
    odd.extra.insert("gpu_serial".to_owned(), "1".into());
    simulator.put(odd);
    let outcome = of(&simulator, &["--output", "json"]).await;
    let report = outcome.report();
    assert_eq!(outcome.code, Some(0));
    let expected = serde_json::json!({
        "states": ["DEFROSTING"],
        "modes": ["TURN_AROUND"],
        "triggers": ["MOON"],
        "fields": ["remediations[].gpu_serial"],
        "moreFields": 0,
    });
    assert_eq!(report["unknown"], expected);
    assert_eq!(report["dialect"]["stateFilter"], "repeated-known");
}

#[tokio::test]
async fn the_clock_skew_is_reported() {
    let simulator = simulator(1).await;
    simulator.set_clock(simulator.now() + std::time::Duration::from_secs(600));
    let skewed = report(&simulator).await;
    let skew = skewed["clock"]["skewSeconds"].as_f64().unwrap();
    assert!((580.0..620.0).contains(&skew), "{skew}");
    assert!(skewed["notes"].to_string().contains("time is synchronized"));
    simulator.set_date(Some("Mon, 01 Jan 2024 00:00:00 GMT"));
    assert_eq!(report(&simulator).await["clock"]["moreThanADay"], true);
    simulator.set_date(Some("soon"));
    let text = of(&simulator, &[]).await.stdout;
    assert_contains(&text, &["unknown: no successful answer had a usable Date"]);
}

#[tokio::test]
async fn a_missing_get_by_id_is_reported() {
    let simulator = simulator(1).await;
    assert_eq!(report(&simulator).await["dialect"]["lookupById"], "works");
    simulator.set_by_id(Some(404));
    let outcome = of(&simulator, &[]).await;
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    assert_contains(
        &outcome.stdout,
        &["does not answer for a single remediation by its id (404)"],
    );
}
