//! Each fault of the simulator, and servers that are none.

use std::time::Duration;

use futures::future::join_all;
use serde_json::Value;
use testbed::simulator::{Fault, Times};
use together_remediation_operator::{
    api::cluster_watch::{ClusterWatch, ClusterWatchSpec},
    probe::ask,
    together::{ApiKey, BaseUrl, Client, Limits},
};
use tokio::net::TcpListener;

use super::{at, of, simulator};
use crate::{conditions::assert_contains, fixture::CLUSTER, tls_front::TlsFront};

fn status(status: u16) -> Fault {
    Fault::Status {
        status,
        retry_after: Some("120".to_owned()),
    }
}

/// Each fault that keeps `run` from mirroring: reason, whether it would be Stalled, and a part of the message.
fn fatal() -> Vec<(Fault, &'static str, bool, &'static str)> {
    let body = |body: &str| Fault::Answer {
        status: 200,
        body: body.to_owned(),
    };
    let redirect = Fault::Redirect {
        location: "http://127.0.0.1:9/".to_owned(),
    };
    vec![
        (status(400), "BadRequest", true, "spec.clusterId"),
        (status(401), "Unauthorized", true, "(401)"),
        (status(402), "Forbidden", true, "billing"),
        (status(403), "Forbidden", true, "cluster CLUSTER_ID (403)"),
        (
            status(404),
            "ClusterNotFound",
            true,
            "cluster CLUSTER_ID (404)",
        ),
        (status(408), "Unavailable", false, "408"),
        (status(429), "RateLimited", false, "429"),
        (status(503), "Unavailable", false, "503"),
        (Fault::Html { status: 502 }, "Unavailable", false, "502"),
        (
            Fault::Html { status: 200 },
            "InvalidResponse",
            false,
            "not JSON",
        ),
        (Fault::NotJson, "InvalidResponse", false, "--api-url"),
        (Fault::OtherShape, "InvalidResponse", false, "--api-url"),
        (
            body("{\"remediations\": []}"),
            "InvalidResponse",
            false,
            "has_next",
        ),
        (redirect, "InvalidResponse", false, "redirect"),
        (Fault::CutBody, "Unavailable", false, "connection cut"),
        (
            Fault::RepeatedToken,
            "IncompleteListing",
            false,
            "same page",
        ),
        (Fault::MissingToken, "IncompleteListing", false, "token"),
    ]
}

#[tokio::test]
async fn each_fault_that_keeps_run_from_mirroring_ends_it_with_exit_1_and_the_reason_of_run() {
    let cases = fatal()
        .into_iter()
        .map(|(fault, reason, stalled, part)| async move {
            let simulator = simulator(120).await;
            simulator.fault(fault.clone(), Times::UntilCleared);
            let outcome = of(&simulator, &["--output", "json"]).await;
            let failure = &outcome.report()["failure"];
            assert_eq!(outcome.code, Some(1), "{fault:?}: {failure}");
            assert_eq!(outcome.stderr, "", "{fault:?}");
            assert_eq!(failure["reason"], reason, "{fault:?}: {failure}");
            assert_eq!(failure["stalled"], stalled, "{fault:?}: {failure}");
            let message = failure["message"].as_str().unwrap();
            assert!(message.contains(part), "{fault:?}: {message}");
            let text = of(&simulator, &[]).await.stdout;
            assert!(
                text.starts_with(&format!("result        FAILED: {reason}\n")),
                "{text}"
            );
            assert!(text.contains("in run"), "{text}");
        });
    join_all(cases).await;
}

#[tokio::test]
async fn what_run_tolerates_is_reported_with_exit_0() {
    let cases = [
        (Fault::ItemWithoutId, "field id: "),
        (Fault::MalformedItem, "field state: "),
        (Fault::UnknownEnum, "DEFROSTING"),
        (Fault::EmptyList, "The list is empty"),
        (Fault::ShiftedPage, "OK: run can mirror this"),
        (Fault::DoubledPage, "OK: run can mirror this"),
        (Fault::LostPage, "OK: run can mirror this"),
        (Fault::OldVersion, "OK: run can mirror this"),
        (Fault::SlowDrip { pause_ms: 0 }, "OK: run can mirror this"),
    ];
    for (fault, part) in cases {
        let simulator = simulator(8).await;
        simulator.fault(fault.clone(), Times::UntilCleared);
        let outcome = of(&simulator, &[]).await;
        assert_eq!(outcome.code, Some(0), "{fault:?}: {}", outcome.stdout);
        assert!(
            outcome.stdout.contains(part),
            "{fault:?}: {}",
            outcome.stdout
        );
    }
}

#[tokio::test]
async fn a_call_that_fails_once_is_repeated_as_run_repeats_it() {
    let simulator = simulator(4).await;
    simulator.fault(Fault::CutBody, Times::Next(1));
    let outcome = of(&simulator, &[]).await;
    assert_eq!(outcome.code, Some(0), "{}", outcome.stdout);
    assert_contains(&outcome.stdout, &["of which 1 repeated a failed one"]);
}

#[tokio::test]
async fn a_list_that_breaks_off_reports_what_came_before() {
    let simulator = simulator(250).await;
    simulator.fault(status(403), Times::After(1));
    let outcome = of(&simulator, &[]).await;
    assert_eq!(outcome.code, Some(1), "{}", outcome.stdout);
    assert_contains(&outcome.stdout, &["100 remediations on 1 page"]);
    assert_contains(&outcome.stdout, &["NOT COMPLETE"]);
}

#[tokio::test]
async fn an_unreachable_api_is_reported_with_the_cause() {
    let closed = TcpListener::bind("127.0.0.1:0")
        .await
        .unwrap()
        .local_addr()
        .unwrap();
    let url = format!("http://{closed}");
    let nothing = at(&url, "key", &["--output", "json"]).await;
    let message = nothing.report()["failure"]["message"].to_string();
    assert_eq!(nothing.code, Some(1));
    assert_contains(&message, &["connection refused", "host and port"]);
}

#[tokio::test]
async fn an_untrusted_certificate_is_reported_with_what_to_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let front = TlsFront::start(&["127.0.0.1"], port).await;
    let url = format!("https://{}", front.address());
    let outcome = at(&url, "key", &["--output", "json"]).await;
    let failure = &outcome.report()["failure"];
    assert_eq!(outcome.code, Some(1));
    assert_eq!(failure["reason"], "Unavailable");
    let message = failure["message"].to_string();
    assert_contains(&message, &["certificate untrusted", "SSL_CERT_FILE"]);
}

#[tokio::test]
async fn an_api_that_hangs_is_given_up_after_the_time_of_run() {
    let simulator = simulator(1).await;
    simulator.fault(Fault::Hang, Times::UntilCleared);
    let base = BaseUrl::parse(&simulator.url(), true).unwrap();
    let limits = Limits {
        read_timeout: Duration::from_millis(50),
        total_timeout: Duration::from_millis(50),
        ..Limits::default()
    };
    let client = Client::new(base, limits, None).unwrap();
    let key = ApiKey::parse(simulator.key().as_bytes()).unwrap();
    let spec = ClusterWatchSpec {
        cluster_id: CLUSTER.to_owned(),
        ..ClusterWatchSpec::default()
    };
    let report = ask(&client, &key, &ClusterWatch::new("probe", spec), false).await;
    let report: Value = serde_json::to_value(report).unwrap();
    assert_eq!(report["failure"]["reason"], "Unavailable");
    assert_contains(&report["failure"]["message"].to_string(), &["timed out"]);
    assert_eq!(report["calls"]["made"], 3);
}
