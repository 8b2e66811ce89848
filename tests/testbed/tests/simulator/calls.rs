//! Who may ask, for which machine, and what is counted.

use reqwest::Client;
use serde_json::{Value, json};
use testbed::simulator::{RateLimit, Remediation, Simulator};

use crate::{CLIENT, CLUSTER, ask, encoded, filled, get, status};

async fn admitted(simulator: &Simulator, key: &str, cluster: &str) -> u16 {
    let path = format!("/compute/clusters/{cluster}/instances/-/remediations");
    CLIENT
        .get(format!("{}{path}", simulator.url()))
        .bearer_auth(key)
        .send()
        .await
        .unwrap()
        .status()
        .as_u16()
}

#[tokio::test]
async fn a_key_sees_its_clusters_until_it_is_revoked() {
    let simulator = filled(1).await;
    simulator.add_cluster("c-2");
    simulator.add_key("mine", Some(&["c-2"]));
    assert_eq!(admitted(&simulator, "mine", "c-2").await, 200);
    assert_eq!(admitted(&simulator, "mine", CLUSTER).await, 403);
    assert_eq!(admitted(&simulator, "other", CLUSTER).await, 401);
    assert_eq!(admitted(&simulator, simulator.key(), "c-3").await, 404);
    simulator.revoke("mine");
    assert_eq!(admitted(&simulator, "mine", "c-2").await, 401);
    let without = CLIENT.get(format!(
        "{}/compute/clusters/{CLUSTER}/instances/-/remediations",
        simulator.url()
    ));
    let answer = without.send().await.unwrap();
    assert_eq!(answer.status(), 401);
    let body: Value = answer.json().await.unwrap();
    assert_eq!(
        body,
        json!({"code": 16, "message": "invalid API key", "details": []})
    );
    assert_eq!(simulator.counters().by_key[""], 1);
}

#[tokio::test]
async fn a_machine_lists_its_own_and_any_text_is_an_id() {
    let simulator = filled(1).await;
    for odd in ["a/b", "../x", "gpu dp 1", "größe", "%2F", "?q=1#f"] {
        simulator.put(Remediation::new(CLUSTER, odd, odd));
        let name = encoded(odd);
        let list = format!("/compute/clusters/{CLUSTER}/instances/{name}/remediations");
        let page: Value = ask(&simulator, &list).await.json().await.unwrap();
        assert_eq!(page["remediations"].as_array().unwrap().len(), 1, "{odd}");
        let one: Value = ask(&simulator, &format!("{list}/{name}"))
            .await
            .json()
            .await
            .unwrap();
        assert_eq!(one["id"], odd);
        let any = format!("/compute/clusters/{CLUSTER}/instances/-/remediations/{name}");
        assert_eq!(ask(&simulator, &any).await.status(), 200);
    }
    let unknown = format!("/compute/clusters/{CLUSTER}/instances/nobody/remediations");
    assert_eq!(ask(&simulator, &unknown).await.status(), 404);
    simulator.add_instance(CLUSTER, "nobody", "gpu-dp-99");
    assert_eq!(ask(&simulator, &unknown).await.status(), 200);
    let elsewhere = format!("{unknown}/{}", encoded("a/b"));
    assert_eq!(
        ask(&simulator, &elsewhere).await.status(),
        404,
        "another machine's"
    );
}

#[tokio::test]
async fn questions_by_id_can_be_switched_off() {
    let simulator = filled(1).await;
    let id = Remediation::numbered(CLUSTER, 0).id;
    let path = format!("/compute/clusters/{CLUSTER}/instances/-/remediations/{id}");
    assert_eq!(ask(&simulator, &path).await.status(), 200);
    simulator.set_by_id(Some(403));
    assert_eq!(ask(&simulator, &path).await.status(), 403);
    simulator.set_by_id(Some(404));
    assert_eq!(ask(&simulator, &path).await.status(), 404);
    simulator.set_by_id(None);
    assert_eq!(ask(&simulator, &path).await.status(), 200);
    assert_eq!(simulator.counters().by_id, 4);
}

#[tokio::test]
async fn reviews_move_only_what_can_be_moved_and_are_counted() {
    let simulator = filled(3).await;
    let review = async |number: u32, verb: &str| {
        let id = Remediation::numbered(CLUSTER, number).id;
        let path = format!("/compute/clusters/{CLUSTER}/instances/-/remediations/{id}/{verb}");
        let call = CLIENT.post(format!("{}{path}", simulator.url()));
        let call = call
            .bearer_auth(simulator.key())
            .json(&json!({"comment": "seen"}));
        call.send().await.unwrap().status().as_u16()
    };
    let state = |number: u32| {
        let id = Remediation::numbered(CLUSTER, number).id;
        let all = simulator.truth(CLUSTER);
        all.into_iter().find(|r| r.id == id).unwrap()
    };
    assert_eq!(review(0, "approve").await, 200);
    assert_eq!(review(0, "approve").await, 400);
    assert_eq!(review(0, "cancel").await, 200);
    assert_eq!(review(1, "reject").await, 200);
    assert_eq!(review(1, "cancel").await, 400);
    assert_eq!(review(2, "praise").await, 404);
    assert_eq!(state(0).state, "CANCELLED");
    assert_eq!(state(1).review_comment.as_deref(), Some("seen"));
    assert_eq!(state(2).state, "PENDING_APPROVAL");
    assert_eq!(simulator.counters().mutations, 6);
}

#[tokio::test]
async fn a_rate_limited_key_gets_a_retry_after() {
    let simulator = filled(1).await;
    simulator.set_limit(Some(RateLimit {
        per_second: 0.01,
        burst: 2.0,
    }));
    assert_eq!(status(&simulator, "").await, 200);
    assert_eq!(status(&simulator, "").await, 200);
    let refused = get(&simulator, "").await;
    assert_eq!(refused.status(), 429);
    let seconds: u64 = refused.headers()["retry-after"]
        .to_str()
        .unwrap()
        .parse()
        .unwrap();
    assert!((1..=100).contains(&seconds), "{seconds}");
    simulator.set_limit(None);
    assert_eq!(status(&simulator, "").await, 200);
}

#[tokio::test]
async fn dropping_it_closes_port_and_connections() {
    let simulator = filled(1).await;
    let client = Client::new();
    let url = simulator.url();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 404);
    drop(simulator);
    while client.get(&url).send().await.is_ok() {
        tokio::task::yield_now().await;
    }
}
