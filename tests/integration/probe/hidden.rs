//! The output can be pasted into an issue: markers stand wherever a key, an id or a person may, and the output is searched for
//! them, whatever fails.

use serde_json::json;
use testbed::simulator::{Fault, Remediation as Truth, Simulator, Times};

use super::{Outcome, at};
use crate::privacy::{faults, markers::Markers, talkative};

/// Ids that look like ids; none of their parts may be shown.
const CLUSTER: &str = "planted-cluster";
const INSTANCE: &str = "planted-instance-7f3a9c21";

/// A simulator whose every text is planted.
async fn planted(markers: &Markers) -> Simulator {
    let simulator = Simulator::start().await;
    simulator.add_key(&markers.key, None);
    for (number, state) in (0..).zip(["PENDING_APPROVAL", "RUNNING", "FAILED", "SUCCEEDED"]) {
        let mut truth = Truth {
            id: format!("planted-id-{number}"),
            cluster_id: CLUSTER.to_owned(),
            instance_id: INSTANCE.to_owned(),
            instance_name: Some(markers.of("node")),
            active_health_check_run_id: Some(markers.of("run")),
            passive_health_check_event_id: Some(markers.of("event")),
            ..talkative(markers, number, state)
        };
        let key = markers.key.clone();
        truth.extra.insert(markers.of("field"), json!(key));
        truth.extra.insert(key, json!("x"));
        simulator.put(truth);
    }
    simulator
}

async fn probe(simulator: &Simulator, key: &str, more: &[&str]) -> Outcome {
    let url = simulator.url();
    let scope = [
        "probe",
        "--cluster-id",
        CLUSTER,
        "--allow-http",
        "--api-url",
        &url,
    ];
    super::run(&[&scope[1..], more].concat(), Some(key)).await
}

/// Fails where the process shows a marker in either form.
async fn shows_nothing(simulator: &Simulator, markers: &Markers, more: &[&str]) {
    for form in ["text", "json"] {
        let all = [more, &["--output", form]].concat();
        let Outcome { stdout, stderr, .. } = probe(simulator, &markers.key, &all).await;
        assert!(!stdout.is_empty(), "{stderr}");
        markers.absent_in(&(stdout + &stderr));
    }
}

#[tokio::test]
async fn no_key_no_id_and_no_person_is_shown_whatever_fails() {
    let markers = Markers::new("probe");
    let simulator = planted(&markers).await;
    shows_nothing(&simulator, &markers, &[]).await;
    shows_nothing(&simulator, &markers, &["--instance-id", INSTANCE]).await;
    shows_nothing(&simulator, &markers, &["--instance-id", "planted-other"]).await;
    let mut all = faults(&markers);
    all.extend([
        Fault::ItemWithoutId,
        Fault::MalformedItem,
        Fault::UnknownEnum,
    ]);
    let spelled = json!({
        "remediations": [
            {"id": "planted-id", "cluster_id": "planted-spelling", "state": markers.of("state"), "mode": markers.of("mode")},
        ],
        "has_next": false,
    });
    let elsewhere = json!({
        "remediations": [
            {"id": "planted-id", "cluster_id": CLUSTER, "state": markers.of("state"), "mode": markers.key, "trigger": "planted-trigger"},
            {"id": "planted-id-2", "cluster_id": "planted-spelling", "state": "RUNNING", "requested_by": ["planted-person"]},
        ],
        "has_next": false,
        "next_page_token": markers.key,
    });
    all.extend([spelled, elsewhere].map(|body| Fault::Answer {
        status: 200,
        body: body.to_string(),
    }));
    for fault in all {
        simulator.fault(fault, Times::UntilCleared);
        shows_nothing(&simulator, &markers, &[]).await;
        simulator.clear_faults();
    }
    simulator.revoke(&markers.key);
    shows_nothing(&simulator, &markers, &[]).await;
}

#[tokio::test]
async fn with_show_ids_the_ids_are_shown_and_still_no_key_and_no_person() {
    let markers = Markers::new("probe-ids");
    let simulator = planted(&markers).await;
    simulator.fault(Fault::MalformedItem, Times::UntilCleared);
    let more = ["--show-ids", "--output", "json"];
    let outcome = probe(&simulator, &markers.key, &more).await;
    let report = outcome.report();
    assert_eq!(report["scope"]["clusterId"], CLUSTER);
    let left_out = report["leftOut"][0]["ids"][0].as_str().unwrap();
    assert!(left_out.starts_with("planted-id-"), "{left_out}");
    markers.persons_absent_in(&outcome.stdout);
    markers.absent_in(
        &outcome
            .stdout
            .replace(CLUSTER, "")
            .replace("planted-id-", ""),
    );
}

#[tokio::test]
async fn a_key_in_a_wrong_place_is_not_repeated() {
    let markers = Markers::new("probe-place");
    let simulator = planted(&markers).await;
    let url = format!("http://user:{}@127.0.0.1:9/v1", markers.key);
    for more in [
        &["--api-url", &*url][..],
        &["--api-key-file", &markers.key],
        &[&*markers.key],
        &["--api-url", &markers.key],
    ] {
        let Outcome {
            code,
            stdout,
            stderr,
        } = super::run(
            &[&["--cluster-id", "c", "--allow-http"], more].concat(),
            Some("k"),
        )
        .await;
        assert_eq!(code, Some(2), "{stdout}{stderr}");
        markers.absent_in(&(stdout + &stderr));
    }
    let quoted = format!("\"{}\"", markers.key);
    let Outcome { stdout, stderr, .. } = at(&simulator.url(), &quoted, &[]).await;
    assert!(stdout.contains("quotation marks"));
    markers.absent_in(&(stdout + &stderr));
}
