//! Who the operator is to the servers that it calls, by `managedFields` and by the API server's own record.

use std::collections::BTreeSet;

use axum::{Router, http::HeaderMap, routing::get};
use k8s_openapi::api::coordination::v1::Lease;
use kube::{Api, ResourceExt};
use serde_json::{Value, json};
use testbed::tools::not_run;
use together_remediation_operator::{
    agent::{FIELD_MANAGER, USER_AGENT},
    api::remediation::Remediation,
};
use tokio::process::Command;

use crate::{
    books::recorded,
    fixture::{Fixture, until},
    process::Process,
    program::PROGRAM,
    steps::{becomes, events},
};

/// An account whose requests the API server records, with the operator's rights in the namespace of a test.
const ACCOUNT: &str = r"
apiVersion: v1
kind: Namespace
metadata: {name: audited}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: operator, namespace: audited}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: operator, namespace: $NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: together-remediation-operator}
subjects: [{kind: ServiceAccount, name: operator, namespace: audited}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: leases, namespace: $NAMESPACE}
rules:
  - {apiGroups: [coordination.k8s.io], resources: [leases], verbs: [get, create, update]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: leases, namespace: $NAMESPACE}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: leases}
subjects: [{kind: ServiceAccount, name: operator, namespace: audited}]
";

/// Every kind of request that the operator makes.
const REQUESTS: [&str; 16] = [
    "create events",
    "create leases",
    "create remediations",
    "delete remediations",
    "get /openapi/v3",
    "get leases",
    "get secrets",
    "list clusterwatches",
    "list remediations",
    "patch events",
    "patch remediations",
    "update clusterwatches/status",
    "update leases",
    "update remediations/status",
    "watch clusterwatches",
    "watch remediations",
];

/// An operator that has made all of [`REQUESTS`], and its namespace.
async fn busy() -> (Fixture, Process) {
    let fixture = Fixture::idle("identity").await;
    // Retention goes by the API's clock.
    fixture.simulator.run_clock(1);
    for (number, state) in [(1, "RUNNING"), (2, "SUCCEEDED"), (3, "FAILED")] {
        fixture.put_in(number, state);
    }
    // It makes the ClusterRole that is bound here.
    fixture.account().await;
    let account = ACCOUNT.replace("$NAMESPACE", &fixture.namespace);
    fixture.control_plane.apply(&account).await.unwrap();
    let account = fixture.control_plane.account("audited", "operator").await;
    let (account, url) = (account.unwrap(), fixture.simulator.url());
    let flags = ["--lease-namespace", &fixture.namespace];
    let flags = [&flags[..], &["--min-interval", "1s", "--api-qps", "1000"]].concat();
    let operator = Process::start(account.kubeconfig(), &url, &fixture.namespace, &flags);
    fixture
        .synced_watch(|spec| {
            spec.interval = Some("5s".to_owned());
            spec.active_interval = Some("5s".to_owned());
        })
        .await;
    let truth = fixture.truth();
    let running = &truth[0].id;
    // The second Event of a kind is a patch of the first.
    for state in ["PENDING", "RUNNING", "PENDING", "RUNNING"] {
        fixture.enter(running, state);

        fixture.mirror_enters(running, state).await;
    }

    fixture.respec(json!({"deletionPolicy": "Retain"})).await;
    let free = |mirror: &Remediation| mirror.owner_references().is_empty();
    fixture.mirror_where(running, "it has no owner", free).await;

    fixture
        .respec(json!({"retention": {"ttlAfterFinished": "1s"}}))
        .await;
    becomes("finished ones are dropped", 1, async || {
        fixture.all().await.len()
    })
    .await;
    (fixture, operator)
}

/// Who wrote what of an object: manager and subresource.
fn managers(object: &impl ResourceExt) -> BTreeSet<(String, String)> {
    let entries = object.managed_fields().iter().map(|entry| {
        let word = |word: &Option<String>| word.clone().unwrap_or_default();
        (word(&entry.manager), word(&entry.subresource))
    });
    entries.collect()
}

/// That the operator's writes of these parts are under its name, and that nothing else of it is there.
fn assert_managed(object: &impl ResourceExt, parts: &[&str]) {
    let expected = parts
        .iter()
        .map(|part| (FIELD_MANAGER.to_owned(), (*part).to_owned()));
    assert_eq!(
        managers(object),
        expected.collect(),
        "{}",
        object.name_any()
    );
}

/// A request in the words of [`REQUESTS`].
fn request(event: &Value) -> String {
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let object = &event["objectRef"];
    let what = match (word(&object["resource"]), word(&object["subresource"])) {
        (none, _) if none.is_empty() => {
            let uri = word(&event["requestURI"]);
            let path = uri.split('?').next().unwrap_or_default();
            path.trim_end_matches("/apis/compute.together.ai/v1alpha1")
                .to_owned()
        }
        (resource, none) if none.is_empty() => resource,
        (resource, part) => format!("{resource}/{part}"),
    };
    format!("{} {what}", word(&event["verb"]))
}

fn assert_signed(event: &Value) {
    assert_eq!(event["userAgent"], USER_AGENT, "{event}");
    let writes = ["create", "update", "patch"].map(Value::from);
    if writes.contains(&event["verb"]) {
        let uri = event["requestURI"].as_str().unwrap_or_default();
        let manager = format!("fieldManager={FIELD_MANAGER}");
        assert!(uri.contains(&manager), "{event}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_write_has_the_field_manager_and_each_request_the_user_agent() {
    let (fixture, _operator) = busy().await;
    let (client, namespace) = (fixture.client.clone(), &fixture.namespace);
    for mirror in fixture.all().await {
        assert_managed(&mirror, &["", "status"]);
    }
    let watch = fixture.watches().get("training").await.unwrap();
    let status = managers(&watch);
    let status: Vec<_> = status.iter().filter(|(_, part)| part == "status").collect();
    assert_eq!(*status, [&(FIELD_MANAGER.to_owned(), "status".to_owned())]);
    let leases = Api::<Lease>::namespaced(client, namespace);
    assert_managed(&leases.get(FIELD_MANAGER).await.unwrap(), &[""]);
    let events = events(&fixture).await;
    assert!(!events.is_empty());
    for event in events {
        assert_managed(&event, &[""]);
    }

    let Some(log) = fixture.control_plane.audit_log() else {
        return not_run::note(
            "an audit log",
            "a control plane of the testbed's own processes",
        );
    };
    until("each kind of request is recorded", async || {
        let recorded: BTreeSet<_> = recorded(&log).iter().map(request).collect();
        let all = REQUESTS.map(str::to_owned).into_iter().collect();
        if recorded.is_superset(&all) {
            Ok(())
        } else {
            Err(format!("{recorded:#?}"))
        }
    })
    .await;
    for event in recorded(&log) {
        assert_signed(&event);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_has_the_user_agent_too() {
    let echo_user_agent = |headers: HeaderMap| async move {
        let agent = headers.get("user-agent");
        String::from_utf8_lossy(agent.unwrap().as_bytes()).into_owned()
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/readyz", listener.local_addr().unwrap());
    let server = axum::serve(
        listener,
        Router::new().route("/readyz", get(echo_user_agent)),
    );
    let server = tokio::spawn(server.into_future());
    let mut command = Command::new(PROGRAM);
    let output = command.args(["check", &url]).output().await.unwrap();
    server.abort();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), USER_AGENT);
}
