//! The control interface, for programs that cannot hold a handle.

use reqwest::Method;
use serde_json::{Value, json};
use testbed::simulator::{Remediation, Simulator};

use crate::{CLIENT, CLUSTER, fetched, ids, status};

async fn control(simulator: &Simulator, method: Method, path: &str, body: Value) -> Value {
    let url = format!("{}/{path}", simulator.control_url());
    let answer = CLIENT
        .request(method, url)
        // Without a Content-Type, as `kubectl create --raw` does.
        .body(body.to_string())
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success(), "{path}: {}", answer.status());
    let text = answer.text().await.unwrap();
    serde_json::from_str(&text).unwrap_or(Value::Null)
}

#[tokio::test]
async fn all_that_the_handle_can_do() {
    let simulator = Simulator::start().await;
    let call = async |method: Method, path: &str, body: Value| {
        control(&simulator, method, path, body).await
    };
    let remediation = json!(Remediation::numbered(CLUSTER, 1));
    call(Method::PUT, "remediations", remediation.clone()).await;
    let all = format!("clusters/{CLUSTER}/remediations");
    assert_eq!(
        call(Method::GET, &all, Value::Null).await,
        json!([remediation])
    );

    let fault = json!({"fault": {"kind": "status", "status": 503}, "times": {"next": 1}});
    call(Method::POST, "faults", fault).await;
    assert_eq!(status(&simulator, "").await, 503);
    let drip = json!({"fault": {"kind": "slowDrip", "pauseMs": 1}, "times": "untilCleared"});
    call(Method::POST, "faults", drip).await;
    call(Method::DELETE, "faults", Value::Null).await;
    assert_eq!(status(&simulator, "").await, 200);
    let counters = call(Method::GET, "counters", Value::Null).await;
    assert_eq!(counters["byFault"], json!({"status": 1}));
    assert_eq!(counters["pages"], 2);

    call(
        Method::PUT,
        "dialect",
        json!({"names": "snake", "stateForm": "comma"}),
    )
    .await;
    let page = fetched(&simulator, "state=RUNNING,PENDING").await;
    assert!(ids(&page).is_empty());
    call(
        Method::PUT,
        "limit",
        json!({"perSecond": 0.01, "burst": 0.0}),
    )
    .await;
    assert_eq!(status(&simulator, "").await, 429);
    call(Method::PUT, "limit", Value::Null).await;

    call(Method::PUT, "keys/mine", json!({"clusters": ["c-2"]})).await;
    call(Method::DELETE, "keys/mine", Value::Null).await;
    call(Method::PUT, "by-id", json!({"status": 404})).await;
    let id = Remediation::numbered(CLUSTER, 1).id;
    call(Method::DELETE, &format!("{all}/{id}"), Value::Null).await;
    call(
        Method::PUT,
        &format!("clusters/{CLUSTER}/instances/i-9"),
        json!({"name": "gpu-dp-9"}),
    )
    .await;
    assert!(simulator.truth(CLUSTER).is_empty());

    call(
        Method::POST,
        "clusters/c-2/life",
        json!({"seed": 1, "machines": 5}),
    )
    .await;
    let before = simulator.now();
    call(Method::POST, "advance", json!({"seconds": 2400})).await;
    assert_eq!((simulator.now() - before).get_seconds(), 2400);
    assert!(simulator.truth("c-2").len() >= 5);
    assert_eq!(simulator.lives_left(), 0);
}
