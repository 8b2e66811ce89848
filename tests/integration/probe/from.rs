//! `probe --from clusterwatch/NAME`: scope and key of a `ClusterWatch`, and the words of its Ready.

use serde_json::{Value, json};
use together_remediation_operator::api::cluster_watch::{ClusterWatch, Query};
use tokio::process::Command;

use super::{Outcome, end};
use crate::{
    conditions::assert_contains,
    fixture::{CLUSTER, Fixture},
    program::PROGRAM,
    steps::kept_for,
};

/// Probes a `ClusterWatch` of the fixture under the operator's account.
async fn from(fixture: &Fixture, name: &str, more: &[&str]) -> Outcome {
    let account = fixture.account().await;
    let url = fixture.simulator.url();
    let from = format!("clusterwatch/{name}");
    let mut command = Command::new(PROGRAM);
    command
        .args(["probe", "--from", &from, "-n", &fixture.namespace])
        .args(["--allow-http", "--api-url", &url])
        .args(more)
        .env("KUBECONFIG", account.kubeconfig())
        .env_remove("TOGETHER_API_KEY");
    end(command).await
}

/// Reason and message of Ready.
fn ready(watch: &ClusterWatch) -> Value {
    let conditions = &watch.status.as_ref().unwrap().conditions;
    let ready = conditions
        .iter()
        .find(|condition| condition.type_ == "Ready");
    let ready = ready.unwrap();
    json!([ready.reason, ready.message])
}

#[tokio::test(flavor = "multi_thread")]
async fn it_prints_the_reason_and_message_of_ready() {
    let fixture = Fixture::new("probe-ready").await;
    let simulator = &fixture.simulator;
    simulator.add_key("foreign", Some(&["another"]));
    fixture.watch("a-good-one", |_| {}).await;
    fixture.ready("a-good-one", "Synced").await;
    fixture
        .put_secret(
            &[
                ("api-key", simulator.key()),
                ("wrong", "no-such-key"),
                ("foreign", "foreign"),
                ("quoted", "\"k\""),
            ],
            "Opaque",
        )
        .await;
    let cases = [
        ("wrong", "Unauthorized", "c-1"),
        ("foreign", "Forbidden", "c-2"),
        ("quoted", "SecretInvalid", "c-3"),
        ("missing", "SecretInvalid", "c-4"),
        ("api-key", "ClusterNotFound", "c-5"),
        ("api-key", "OverlappingClusterWatch", CLUSTER),
    ];
    for (key, reason, cluster) in cases {
        let name = reason.to_lowercase() + "-" + key;
        fixture
            .watch(&name, |spec| {
                cluster.clone_into(&mut spec.cluster_id);
                key.clone_into(&mut spec.api_key_secret_ref.key);
            })
            .await;
        let watch = fixture.ready(&name, reason).await;
        let outcome = from(&fixture, &name, &["--show-ids", "--output", "json"]).await;
        let failure = &outcome.report()["failure"];
        assert_eq!(outcome.code, Some(1), "{name}: {}", outcome.stderr);
        assert_eq!(
            json!([failure["reason"], failure["message"]]),
            ready(&watch)
        );
        let hidden = from(&fixture, &name, &[]).await;
        assert_contains(&hidden.stdout, &[&format!("FAILED: {reason}")]);
        assert!(
            !hidden.stdout.contains(&format!("cluster {cluster} ")),
            "{}",
            hidden.stdout
        );
    }
    fixture
        .watch("no-secret", |spec| {
            "c-6".clone_into(&mut spec.cluster_id);
            "none-such".clone_into(&mut spec.api_key_secret_ref.name);
        })
        .await;
    let watch = fixture.ready("no-secret", "SecretNotFound").await;
    let outcome = from(&fixture, "no-secret", &["--output", "json"]).await;
    let failure = &outcome.report()["failure"];
    assert_eq!(
        json!([failure["reason"], failure["message"]]),
        ready(&watch)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_asks_for_the_scope_and_with_the_query_of_the_cluster_watch() {
    let fixture = Fixture::idle("probe-scope").await;
    for number in 0..30 {
        let mut truth = testbed::simulator::Remediation::numbered(CLUSTER, number);
        truth.state = ["RUNNING", "SUCCEEDED", "FAILED"][number as usize % 3].to_owned();
        truth.end_time = (number % 3 > 0).then(|| "2026-01-01T00:00:00Z".to_owned());
        fixture.simulator.put(truth);
    }
    fixture
        .watch("training", |spec| {
            spec.states = Some(vec!["RUNNING".to_owned(), "FAILED".to_owned()]);
            spec.suspend = true;
            spec.query = Some(Query {
                page_size: Some(7),
                order_by: Some("create_time desc".to_owned()),
            });
            spec.retention = Some(kept_for("1h"));
        })
        .await;
    let outcome = from(&fixture, "training", &["--output", "json"]).await;
    let report = outcome.report();
    assert_eq!(outcome.code, Some(0), "{report}");
    assert_eq!(report["lists"][0]["pages"], 5);
    assert_eq!(
        (&report["mirrored"], &report["excluded"]),
        (&json!(10), &json!(20))
    );
    assert!(report["notes"].to_string().contains("spec.suspend is true"));
    let first = fixture.simulator.counters().recent[0].query.clone();
    assert_eq!(first, "pageSize=7&orderBy=create_time+desc");
    fixture
        .watch("with-final-states", |spec| {
            spec.states = Some(vec!["SUCCEEDED".to_owned()]);
        })
        .await;
    let ended = from(&fixture, "with-final-states", &["--output", "json"])
        .await
        .report();
    assert_eq!(ended["failure"]["reason"], "OverlappingClusterWatch");
    fixture.delete_watch("training").await;
    let ended = from(&fixture, "with-final-states", &["--output", "json"])
        .await
        .report();
    assert_eq!(ended["lists"][0]["of"], "spec.states");
    assert_eq!(ended["mirrored"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn kubernetes_that_does_not_give_it_ends_it_with_one_line_and_exit_1() {
    let fixture = Fixture::idle("probe-none").await;
    let absent = from(&fixture, "none-such", &[]).await;
    assert_eq!(
        (absent.code, absent.stdout.len()),
        (Some(1), 0),
        "{}",
        absent.stderr
    );
    assert_eq!(absent.stderr.lines().count(), 1, "{}", absent.stderr);
    assert!(
        absent
            .stderr
            .contains("ClusterWatch none-such in namespace"),
        "{}",
        absent.stderr
    );
    let nowhere = super::run(&["--from", "clusterwatch/training"], None).await;
    assert_eq!(nowhere.code, Some(1), "{}", nowhere.stderr);
    assert_contains(&nowhere.stderr, &["cannot connect to Kubernetes"]);
}
