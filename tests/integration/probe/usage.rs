//! The command line of `probe`, and where its key comes from.

use std::{fs, io::Write as _};

use serde_json::json;
use tempfile::NamedTempFile;

use super::{Outcome, at, of, run, simulator};
use crate::{conditions::assert_contains, fixture::CLUSTER};

#[tokio::test]
async fn a_wrong_command_line_ends_it_with_one_line_and_exit_2() {
    let cluster = ["--cluster-id", "c"];
    let with = |more: &[&'static str]| [&cluster[..], more].concat();
    for (arguments, key, expected) in [
        (vec![], Some("k"), "--cluster-id"),
        (with(&[]), None, "set TOGETHER_API_KEY"),
        (with(&[]), Some(" \n"), "set TOGETHER_API_KEY"),
        (
            with(&["--api-url", "http://example.org"]),
            Some("k"),
            "https",
        ),
        (with(&["--api-url", "nothing"]), Some("k"), "--api-url"),
        (
            with(&["--api-key-file", "/no/such/file"]),
            None,
            "--api-key-file",
        ),
        (with(&["--output", "yaml"]), Some("k"), "text, json"),
        (with(&["-n", "gpu-ops"]), Some("k"), "--namespace"),
        (vec!["-n", "gpu-ops"], Some("k"), "--from"),
        (with(&["--from", "clusterwatch/a"]), Some("k"), "--from"),
        (vec!["--from", "training"], None, "clusterwatch/NAME"),
        (vec!["--from", "pod/training"], None, "clusterwatch/NAME"),
        (vec!["--from", "clusterwatch/"], None, "clusterwatch/NAME"),
        (vec!["--cluster-id", ""], Some("k"), "--cluster-id"),
        (vec!["--cluster-id", "planted "], Some("k"), "--cluster-id"),
        (
            with(&["--instance-id", " planted"]),
            Some("k"),
            "--instance-id",
        ),
        (with(&["planted-key"]), Some("k"), "unexpected argument"),
    ] {
        let Outcome {
            code,
            stdout,
            stderr,
        } = run(&arguments, key).await;
        assert_eq!(code, Some(2), "{arguments:?}: {stdout}{stderr}");
        assert_eq!(
            (stdout.len(), stderr.lines().count()),
            (0, 1),
            "{arguments:?}: {stderr}"
        );
        assert!(stderr.contains(expected), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("planted"), "{arguments:?}: {stderr}");
    }
}

#[tokio::test]
async fn the_key_of_a_file_goes_before_that_of_the_environment() {
    let simulator = simulator(1).await;
    let mut file = NamedTempFile::new().unwrap();
    writeln!(file, "{}", simulator.key()).unwrap();
    let path = file.path().to_str().unwrap().to_owned();
    let outcome = at(&simulator.url(), "a-wrong-key", &["--api-key-file", &path]).await;
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    fs::write(&path, "").unwrap();
    let empty = of(&simulator, &["--api-key-file", &path]).await;
    assert_eq!(empty.code, Some(1), "{}", empty.stdout);
    assert!(
        empty
            .stdout
            .contains("--api-key-file cannot be used: it is empty"),
        "{}",
        empty.stdout
    );
}

#[tokio::test]
async fn a_malformed_key_is_reported_and_no_call_is_made() {
    let simulator = simulator(1).await;
    let outcome = at(&simulator.url(), "\"planted-key\"", &["--output", "json"]).await;
    assert_eq!(outcome.code, Some(1));
    let failure = &outcome.report()["failure"];
    assert_eq!(failure["reason"], "SecretInvalid");
    assert_eq!(failure["stalled"], true);
    let message = failure["message"].as_str().unwrap();
    let expected = "the API key of TOGETHER_API_KEY cannot be used: it is in quotation marks";
    assert!(message.starts_with(expected), "{message}");
    assert_eq!(simulator.counters().calls(), 0);
}

#[tokio::test]
async fn one_instance_is_asked_for_alone() {
    let simulator = simulator(8).await;
    let instance = &simulator.truth(CLUSTER)[0].instance_id;
    let more = ["--instance-id", instance, "--output", "json"];
    let one = of(&simulator, &more).await.report();
    assert_eq!(one["mirrored"], 1);
    assert_eq!(one["scope"], json!({"oneInstance": true}));
    let absent = of(&simulator, &["--instance-id", "none-such"]).await;
    assert_eq!(absent.code, Some(1));
    assert_contains(&absent.stdout, &["FAILED: InstanceNotFound"]);
    assert!(!absent.stdout.contains("none-such"), "{}", absent.stdout);
}

#[tokio::test]
async fn an_id_that_is_spelled_otherwise_is_found() {
    let simulator = simulator(0).await;
    let body = json!({
        "remediations": [{"id": "r", "cluster_id": "Another-Spelling", "state": "RUNNING"}],
        "has_next": false,
    });
    let fault = testbed::simulator::Fault::Answer {
        status: 200,
        body: body.to_string(),
    };
    simulator.fault(fault, testbed::simulator::Times::UntilCleared);
    let hidden = of(&simulator, &[]).await;
    assert_eq!(hidden.code, Some(1));
    assert_contains(&hidden.stdout, &["FAILED: BadRequest"]);
    assert!(
        !hidden.stdout.contains("Another-Spelling"),
        "{}",
        hidden.stdout
    );
    let shown = of(&simulator, &["--show-ids"]).await.stdout;
    assert_contains(&shown, &["Another-Spelling", CLUSTER]);
}
