//! The program itself: its command line, its exit codes, and a run as a process of its own.

use std::process::{Command, Output, Stdio};

use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use rustix::process::Signal;

use crate::{conditions::assert_contains, fixture::Fixture, process::Process, setup};

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_together-remediation-operator");

fn run(arguments: &[&str]) -> Output {
    Command::new(PROGRAM)
        .args(arguments)
        .env_remove("KUBECONFIG")
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

#[test]
fn what_is_wrong_on_the_command_line_ends_it_with_one_line_and_exit_2() {
    for (arguments, expected) in [
        (&["run", "--api-url", "http://example.org"][..], "https"),
        (&["run", "--api-url", "not a url"], "--api-url"),
        (&["run", "--default-interval", "soon"], "such as 60s"),
        (&["run", "--lease-name", "Not/A/Name"], "an object's name"),
        (
            &["run", "--cluster-watch-selector", "shard in b"],
            "such as shard=b",
        ),
        (&["run", "--admin-addr", "everywhere"], "such as [::]:8080"),
        (
            &["run", "--mirror-label", "team=a b"],
            "such as example.com/team=gpu",
        ),
        (
            &["run", "--mirror-label", "app.kubernetes.io/managed-by=Helm"],
            "Use another key",
        ),
        (&["run", "--no-such-flag"], "--no-such-flag"),
        (&[], "run"),
    ] {
        let output = run(arguments);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {stderr}");
        assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
    }
}

#[test]
fn a_port_that_is_taken_ends_it_with_one_line_and_exit_1() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let output = run(&["run", "--admin-addr", &address]);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{stderr}");
    assert_eq!(stderr.lines().count(), 1, "{stderr}");
    assert_contains(&stderr, &["--admin-addr", &address]);
}

#[test]
fn crds_prints_what_the_files_hold() {
    let output = run(&["crds"]);
    assert!(output.status.success());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        setup::crd_files()
    );
}

#[test]
fn help_and_version_succeed() {
    assert!(run(&["--help"]).status.success());
    let version = run(&["--version"]);
    assert!(
        String::from_utf8(version.stdout)
            .unwrap()
            .contains(env!("CARGO_PKG_VERSION"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_mirrors_under_its_own_account_and_ends_well_on_sigterm() {
    let fixture = Fixture::idle("program").await;
    fixture.put(0..20);
    let account = fixture.account().await;
    let mut program = tokio::process::Command::new(PROGRAM);
    program
        .args(["run", "--allow-http", "--admin-addr", "127.0.0.1:0"])
        .args(["--api-url", &fixture.simulator.url()])
        .args(["--namespace", &fixture.namespace])
        .args(["--log-level", "trace"])
        .args(["--lease-name", &fixture.namespace])
        .env("POD_NAMESPACE", "together-system");
    let program = Process::spawn(program, account.kubeconfig(), &fixture.namespace);
    fixture.synced_watch(|_| {}).await;
    fixture.agrees().await;
    program.signal(Signal::TERM);
    let (status, log) = program.ended().await;
    assert_eq!(status.code(), Some(0), "{log}");
    let lease = Api::<Lease>::namespaced(fixture.client.clone(), "together-system");
    let lease = lease.get(&fixture.namespace).await.unwrap().spec.unwrap();
    assert_eq!(
        lease.holder_identity.as_deref(),
        Some(""),
        "held while it ran, and released"
    );
    assert!(log.contains("\"message\":\"started\""), "the log is JSON");
    assert!(
        !log.contains(fixture.simulator.key()),
        "the key is never logged"
    );
}
