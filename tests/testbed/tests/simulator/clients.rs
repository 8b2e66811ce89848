//! The dialect in which the official client and a plain `curl` both get along.

use serde_json::{Value, json};
use testbed::simulator::{Dialect, Names, Remediation, Simulator, StateForm};

use crate::{CLIENT, CLUSTER, ask, encoded, fetched, filled, ids, status};

const REBOOT: &str = "REMEDIATION_MODE_REBOOT_VM";
const EVICT: &str = "REMEDIATION_MODE_EVICT_WITHOUT_REPLACEMENT";
const MANUAL: &str = "REMEDIATION_TRIGGER_MANUAL";

fn id(number: u32) -> String {
    Remediation::numbered(CLUSTER, number).id
}

fn speak(simulator: &Simulator, names: Names, state_form: StateForm) {
    simulator.set_dialect(Dialect {
        names,
        state_form,
        ..Dialect::default()
    });
}

/// Four remediations: 1 runs, 2 is quarantined, 3 failed, 0 awaits approval.
async fn four(names: Names, state_form: StateForm) -> Simulator {
    let simulator = filled(4).await;
    for (number, state) in [(1, "RUNNING"), (2, "QUARANTINED"), (3, "FAILED")] {
        simulator.enter(CLUSTER, &id(number), state);
    }
    speak(&simulator, names, state_form);
    simulator
}

async fn listed(simulator: &Simulator, query: &str) -> Vec<String> {
    let page = fetched(simulator, query).await;
    assert!(page["remediations"].is_array(), "{query}: {page}");
    ids(&page)
}

#[tokio::test]
async fn either_form_takes_repeated_keys_and_commas_and_both_in_one_query() {
    let simulator = four(Names::Both, StateForm::Either).await;
    for (query, expected) in [
        ("state=RUNNING&state=FAILED", [3, 1].as_slice()),
        ("state=RUNNING,FAILED", &[3, 1]),
        ("state=RUNNING%2CFAILED", &[3, 1]),
        ("state=RUNNING,FAILED&state=QUARANTINED", &[3, 2, 1]),
        ("state=RUNNING&state=RUNNING", &[1]),
        ("state=RUNNING,", &[1]),
        ("state=", &[3, 2, 1, 0]),
        ("state=SUCCEEDED", &[]),
        ("", &[3, 2, 1, 0]),
    ] {
        let expected: Vec<String> = expected.iter().copied().map(id).collect();
        assert_eq!(listed(&simulator, query).await, expected, "{query}");
    }
    for query in ["state=NEW", "state=RUNNING,NEW", "state=RUNNING&state=NEW"] {
        assert_eq!(status(&simulator, query).await, 400, "{query}");
    }
}

#[tokio::test]
async fn a_page_token_is_good_under_either_name() {
    let simulator = filled(3).await;
    speak(&simulator, Names::Both, StateForm::Either);
    let page = fetched(&simulator, "page_size=1").await;
    let token = encoded(page["next_page_token"].as_str().unwrap());
    for name in ["pageToken", "page_token"] {
        let next = listed(&simulator, &format!("page_size=1&{name}={token}")).await;
        assert_eq!(next, [id(1)], "{name}");
    }
}

#[tokio::test]
async fn mode_and_trigger_are_filters_of_the_newer_names_alone() {
    let simulator = filled(4).await;
    for (number, mode) in [(1, REBOOT), (2, EVICT)] {
        simulator.change(CLUSTER, &id(number), |r| r.mode = mode.into());
    }
    simulator.change(CLUSTER, &id(2), |r| r.trigger = MANUAL.into());
    for (names, both_modes, manual) in [
        (Names::Camel, 4, 4),
        (Names::Snake, 2, 1),
        (Names::Both, 2, 1),
    ] {
        speak(&simulator, names, StateForm::Either);
        for (query, expected) in [
            (format!("mode={REBOOT},{EVICT}"), both_modes),
            (format!("mode={REBOOT}&mode={EVICT}"), both_modes),
            (format!("trigger={MANUAL}"), manual),
        ] {
            let found = listed(&simulator, &query).await.len();
            assert_eq!(found, expected, "{names:?} {query}");
        }
    }
    for query in ["mode=REBOOT_VM", "trigger=NOBODY"] {
        assert_eq!(status(&simulator, query).await, 400, "{query}");
    }
}

#[tokio::test]
async fn a_key_that_is_known_belongs_to_a_project() {
    let simulator = Simulator::start().await;
    let url = simulator.url().replace("/v1", "/v3/whoami");
    for (key, status, project) in [
        (simulator.key(), 200, json!("simulated")),
        ("other", 401, Value::Null),
    ] {
        let answer = CLIENT.get(&url).bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status(), status, "{key}");
        let body: Value = answer.json().await.unwrap();
        assert_eq!(body["project"]["id"], project, "{key}");
    }
}

#[tokio::test]
async fn a_key_lists_its_own_clusters() {
    let simulator = filled(1).await;
    simulator.add_cluster("c-2");
    simulator.add_key("mine", Some(&["c-2"]));
    let names = |body: &Value| -> Vec<Value> {
        let clusters = body["clusters"].as_array().unwrap();
        clusters.iter().map(|c| c["cluster_id"].clone()).collect()
    };
    let all: Value = ask(&simulator, "/compute/clusters")
        .await
        .json()
        .await
        .unwrap();
    assert_eq!(names(&all), [json!(CLUSTER), json!("c-2")]);
    for (key, status, expected) in [("mine", 200, vec![json!("c-2")]), ("other", 401, vec![])] {
        let call = CLIENT.get(format!("{}/compute/clusters", simulator.url()));
        let answer = call.bearer_auth(key).send().await.unwrap();
        assert_eq!(answer.status(), status, "{key}");
        let body: Value = answer.json().await.unwrap();
        if status == 200 {
            assert_eq!(names(&body), expected, "{key}");
        }
    }
}
