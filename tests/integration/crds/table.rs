//! What `kubectl get` shows, through the server's own tables, and what it can select by.

use kube::{ResourceExt, api::ListParams, core::Request};
use serde_json::{Value, json};
use together_remediation_operator::api::{GROUP, VERSION};

use super::objects::{Objects, remediation, watch};
use crate::{
    run::{kubectl, output_of},
    setup,
};

/// The server's table of one kind: always-shown columns, wide ones, and the rows' cells.
async fn table(objects: &Objects, plural: &str) -> (String, String, Vec<Value>) {
    let path = format!(
        "/apis/{GROUP}/{VERSION}/namespaces/{}/{plural}",
        objects.namespace
    );
    let mut request = Request::new(path).list(&ListParams::default()).unwrap();
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io"
        .parse()
        .unwrap();
    request.headers_mut().insert("accept", accept);
    let table: Value = objects.client.request(request).await.unwrap();
    let columns = |priority: i64| {
        let all = table["columnDefinitions"].as_array().unwrap().iter();
        let shown = all.filter(|column| column["priority"] == priority);
        let names = shown.map(|column| column["name"].as_str().unwrap().to_uppercase());
        names.collect::<Vec<_>>().join(", ")
    };
    let rows = table["rows"].as_array().unwrap().iter();
    (
        columns(0),
        columns(1),
        rows.map(|row| row["cells"].clone()).collect(),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_shows_how_it_goes_in_numbers() {
    let objects = Objects::new().await;
    let new = watch(&json!({ "instanceId": "i", "interval": "60s" }));
    objects.create(&new).await;
    let status = json!({
        "conditions": [{
            "type": "Ready", "status": "True", "reason": "Synced", "message": "All is well",
            "lastTransitionTime": "2026-11-23T10:00:00Z",
        }],
        "lastSyncTime": "not a time",
        "remediations": { "total": 41, "open": 3, "awaitingApproval": 1, "failedNodes": 2 },
    });
    objects.write(&new, &status).await.unwrap();

    let (always, wide, rows) = table(&objects, "clusterwatches").await;
    let expected = "NAME, READY, REASON, OPEN, AWAITING, FAILED NODES, TOTAL, LAST SYNC";
    assert_eq!(always, expected);
    assert_eq!(wide, "CLUSTER, INSTANCE, INTERVAL, SUSPENDED, MESSAGE");
    let cells = r#"["w","True","Synced",3,1,2,41,"<invalid>","c","i","60s",false,"All is well"]"#;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].to_string(), cells);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remediation_shows_machine_state_and_freshness() {
    let objects = Objects::new().await;
    let mut new = remediation("r", &json!({ "clusterId": "c", "id": "r" }));
    new.labels_mut().insert(
        "compute.together.ai/cluster-watch".to_owned(),
        "training".to_owned(),
    );
    objects.create(&new).await;
    let status = json!({
        "node": "gpu-dp-17", "state": "FAILED", "stateSince": "not a time", "mode": "VM_ONLY",
        "createTime": "2026-11-23T10:00:00Z",
        "instanceId": "i", "trigger": "MANUAL", "reason": "why", "requestedBy": "x", "reviewedBy": "y",
        "errorMessage": "broken",
    });
    objects.write(&new, &status).await.unwrap();

    let (always, wide, rows) = table(&objects, "remediations").await;
    assert_eq!(always, "NAME, NODE, STATE, SINCE, MODE, SYNC");
    let expected =
        "AGE, CLUSTERWATCH, INSTANCE, CLUSTER, TRIGGER, REASON, REQUESTED BY, REVIEWED BY, ERROR";
    assert_eq!(wide, expected);
    let (age, before) = (
        &rows[0][6],
        r#"["r","gpu-dp-17","FAILED","<invalid>","VM_ONLY","Pending""#,
    );
    let after = r#""training","i","c","MANUAL","why","x","y","broken"]"#;
    assert_eq!(rows.len(), 1);
    assert_eq!(rows[0].to_string(), format!("{before},{age},{after}"));
    let age = rows[0][6].as_str().unwrap();
    assert!(age.ends_with(['d', 'h', 'm', 's', 'y']), "{age}");
}

/// Ids as the API gives them, the longest state, mode and reason that this version knows, and a node's real name.
#[tokio::test(flavor = "multi_thread")]
async fn what_kubectl_shows_of_remediations_fits_into_120_columns() {
    let objects = Objects::new().await;
    let control_plane = setup::control_plane().await;
    let Some(mut kubectl) = kubectl(control_plane) else {
        return;
    };
    let id = "9f0c8a52-7d0e-4a39-9c1a-3a1f6a0b7c11";
    let new = remediation(id, &json!({ "clusterId": "c", "id": id }));
    objects.create(&new).await;
    let status = json!({
        "node": "gpu-dp-17", "state": "PENDING_APPROVAL", "stateSince": "2026-11-23T10:00:00Z",
        "mode": "EVICT_WITHOUT_REPLACEMENT",
        "conditions": [{
            "type": "Synced", "status": "False", "reason": "NotListed", "message": "",
            "lastTransitionTime": "2026-11-23T10:00:00Z",
        }],
    });
    objects.write(&new, &status).await.unwrap();
    let get = ["-n", &objects.namespace, "get", "remediations"];
    let shown = output_of(kubectl.args(get)).await.unwrap();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines.len(), 2, "{shown}");
    assert!(lines[1].contains("EVICT_WITHOUT_REPLACEMENT"), "{shown}");
    for line in lines {
        assert!(line.chars().count() <= 120, "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn remediations_are_selected_by_each_selectable_field() {
    let objects = Objects::new().await;
    for name in ["a", "b"] {
        let open = name == "a";
        let new = remediation(
            name,
            &json!({ "clusterId": format!("c-{name}"), "id": name }),
        );
        objects.create(&new).await;
        let of = |field: &str| format!("{field}-{name}");
        let status = json!({
            "node": of("n"), "state": of("s"), "mode": of("m"), "trigger": of("t"), "instanceId": of("i"),
            "open": open,
        });
        objects.write(&new, &status).await.unwrap();
    }
    for selector in [
        "spec.clusterId=c-a",
        "status.instanceId=i-a",
        "status.node=n-a",
        "status.state=s-a",
        "status.mode=m-a",
        "status.trigger=t-a",
        "status.open=true",
        "status.open=true,status.state!=s-b",
    ] {
        let listed = objects
            .remediations
            .list(&ListParams::default().fields(selector))
            .await
            .unwrap();
        let names: Vec<_> = listed
            .into_iter()
            .filter_map(|found| found.metadata.name)
            .collect();
        assert_eq!(names, ["a"], "{selector}");
    }
}
