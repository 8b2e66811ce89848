//! Each command of docs/on-call/recipes.md, run as a person would, by the real kubectl.

use std::{ffi::OsString, fs};

use testbed::{drift::file, simulator::Remediation as Truth};
use tokio::process::Command;

mod quickstart;

use crate::{
    fixture::{CLUSTER, Fixture, until},
    run::{kubectl, output_of},
};

/// What each recipe prints, by its heading: the parts in this order, and a part with `!` not at all.
const PRINTS: [(&str, &[&str]); 14] = [
    (
        "Is what I see true, and how old is it?",
        &["STALE AFTER", "training", "True", "Synced"],
    ),
    (
        "What is open?",
        &["PENDING_APPROVAL", "gpu-dp-17", "RUNNING", "!FAILED"],
    ),
    (
        "Which mirrors does one ClusterWatch write?",
        &["gpu-dp-17", "gpu-dp-9"],
    ),
    (
        "What happened to one node, oldest first?",
        &["gpu-dp-17", "FAILED", "gpu-dp-17", "RUNNING", "!gpu-dp-5"],
    ),
    (
        "What awaits approval, the longest first?",
        &["gpu-dp-5", "gpu-dp-6", "!RUNNING"],
    ),
    (
        "What needs a decision?",
        &[
            "/training: ",
            "gpu-dp-5",
            "tg clusters remediations approve",
        ],
    ),
    (
        "What failed in the last seven days?",
        &["gpu-dp-17\t", "!gpu-dp-9"],
    ),
    (
        "Which nodes have the most remediations?",
        &["2 gpu-dp-17", "1 gpu-dp-"],
    ),
    (
        "How did this remediation get into its state?",
        &[" -> RUNNING"],
    ),
    ("Sync now", &["annotated"]),
    ("Wait until the ClusterWatch is in sync", &["condition met"]),
    (
        "Wait until a remediation has finished, in any state",
        &["condition met"],
    ),
    (
        "Which Events does this remediation have?",
        &["Normal", "Succeeded", "gpu-dp-17"],
    ),
    ("Stop calling the Together API for a while", &["patched"]),
];

/// Heading and command of each recipe.
fn recipes() -> Vec<(String, String)> {
    let page = fs::read_to_string(file("docs/on-call/recipes.md")).unwrap();
    let sections = page.split("\n## ").skip(1);
    let recipe = |section: &str| {
        let (heading, rest) = section.split_once('\n')?;
        let (_, rest) = rest.split_once("```sh\n")?;
        let (command, _) = rest.split_once("\n```")?;
        Some((heading.to_owned(), command.to_owned()))
    };
    sections.map(|section| recipe(section).unwrap()).collect()
}

async fn shell(fixture: &Fixture, command: &str, id: &str) -> Result<String, String> {
    let kubectl = fixture.control_plane.kubectl().unwrap();
    let mut path = OsString::from(kubectl.parent().unwrap());
    path.push(":");
    path.push(std::env::var_os("PATH").unwrap());
    let mut bash = Command::new("bash");
    bash.args(["-euo", "pipefail", "-c"])
        .arg(command.replace("gpu-ops", &fixture.namespace))
        .env("PATH", path)
        .env("KUBECONFIG", fixture.control_plane.kubeconfig())
        .env("ID", id);
    output_of(&mut bash).await
}

/// The first of `parts` that `output` lacks in its place, or has though it should not.
fn lacks<'a>(output: &str, parts: &[&'a str]) -> Option<&'a str> {
    let mut rest = output;
    parts
        .iter()
        .copied()
        .find(|part| match part.strip_prefix('!') {
            Some(not) => output.contains(not),
            None => match rest.split_once(*part) {
                Some((_, after)) => {
                    rest = after;
                    false
                }
                None => true,
            },
        })
}

/// Two of one node, two that await approval, and of another node one that failed long ago and a later one that succeeded.
fn nodes(fixture: &Fixture) -> String {
    let now = fixture.simulator.now();
    let one = |number, machine: &str, created: &str| Truth {
        instance_name: Some(machine.to_owned()),
        create_time: Some(created.to_owned()),
        ..Truth::numbered(CLUSTER, number)
    };
    let put = |truth: Truth| {
        fixture.simulator.put(truth.clone());
        truth.id
    };
    let failed = put(one(1, "gpu-dp-17", "2026-11-20T10:00:00Z"));
    fixture.enter(&failed, "FAILED");
    let old = Truth {
        state: "FAILED".to_owned(),
        end_time: Some("2025-01-01T10:00:00Z".to_owned()),
        ..one(2, "gpu-dp-9", "2025-01-01T09:00:00Z")
    };
    let succeeded = Truth {
        instance_id: old.instance_id.clone(),
        state: "SUCCEEDED".to_owned(),
        end_time: Some("2025-01-02T10:00:00Z".to_owned()),
        ..one(6, "gpu-dp-9", "2025-01-02T09:00:00Z")
    };
    put(old);
    put(succeeded);
    put(one(3, "gpu-dp-6", "2026-11-21T11:00:00Z"));
    put(one(4, "gpu-dp-5", "2026-11-21T10:00:00Z"));
    let running = put(Truth {
        instance_id: Truth::numbered(CLUSTER, 1).instance_id,
        ..one(5, "gpu-dp-17", &now.to_string())
    });
    fixture.enter(&running, "RUNNING");
    running
}

#[tokio::test(flavor = "multi_thread")]
async fn each_does_what_its_heading_promises() {
    let fixture = Fixture::new("recipes").await;
    if kubectl(&fixture.control_plane).is_none() {
        return;
    }
    let recipes = recipes();
    let headings: Vec<_> = recipes.iter().map(|(heading, _)| &**heading).collect();
    assert_eq!(headings, PRINTS.map(|(heading, _)| heading));
    fixture
        .simulator
        .set_clock(k8s_openapi::jiff::Timestamp::now());
    let running = nodes(&fixture);
    fixture.synced_watch(|_| {}).await;
    for ((heading, command), (_, parts)) in recipes.iter().zip(PRINTS) {
        if heading.starts_with("Wait until a remediation") {
            fixture.enter(&running, "SUCCEEDED");
            fixture.sync("training").await;
        }
        until(heading, || async {
            let output = shell(&fixture, command, &running).await?;
            match lacks(&output, parts) {
                None => Ok(()),
                Some(part) => Err(format!("{part} in\n{output}")),
            }
        })
        .await;
    }
    fixture
        .watch_where("training", "it is suspended", |status, _| {
            let ready = &status.conditions[0];
            (&*ready.type_, &*ready.message) == ("Ready", "Suspended")
        })
        .await;
}
