#![allow(clippy::unwrap_used)]

use std::{
    io,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use kube::client::Body;

use super::*;
use crate::{
    api::remediation::RemediationSpec,
    k8s::{leadership::Leadership, throttle::RetryAfterGate},
    testing::{NAMESPACE, clock::TestClock},
};

/// A client of a server that takes everything, and how often it was called.
fn server() -> (Client, Arc<AtomicUsize>) {
    server_of(serde_json::to_value(mirror()).unwrap())
}

/// The same, which always answers this object.
fn server_of(object: serde_json::Value) -> (Client, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let answer = move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let object = object.to_string().into_bytes();
        async { Ok::<_, io::Error>(http::Response::new(Body::from(object))) }
    };
    (Client::new(tower::service_fn(answer), NAMESPACE), calls)
}

fn mirror() -> Remediation {
    let spec = RemediationSpec {
        cluster_id: "c".into(),
        id: "a".into(),
    };
    let mut mirror = Remediation::new("a", spec);
    mirror.metadata.namespace = Some(NAMESPACE.into());
    mirror
}

#[tokio::test]
async fn a_replica_that_does_not_lead_writes_nothing() {
    let clock = Arc::new(TestClock::default());
    for (leadership, leads) in [
        (Leadership::new(clock.clone()), false),
        (Leadership::unelected(clock), true),
    ] {
        let (client, calls) = server();
        let gate = Gate::new(RetryAfterGate::default(), None, leadership);
        let kube = KubeClient::new(client, gate);
        let patch = serde_json::json!({});
        let written = [
            kube.create(&mirror()).await.is_ok(),
            kube.replace_status(&mirror()).await.is_ok(),
            kube.patch(NAMESPACE, "a", patch).await.is_ok(),
            kube.delete(NAMESPACE, "a", "u", 1).await.is_ok(),
        ];
        assert_eq!(written, [leads; 4]);
        assert_eq!(calls.load(Ordering::SeqCst), if leads { 4 } else { 0 });
        assert!(kube.get(NAMESPACE, "a").await.is_ok(), "reading is free");
    }
}

#[tokio::test]
async fn a_status_that_cannot_be_read_keeps_no_mirror_from_being_read_or_patched() {
    let mut object = serde_json::to_value(mirror()).unwrap();
    object["status"] = serde_json::json!({"state": ["RUNNING"]});
    let (client, _) = server_of(object);
    let leadership = Leadership::unelected(Arc::new(TestClock::default()));
    let gate = Gate::new(RetryAfterGate::default(), None, leadership);
    let kube = KubeClient::new(client, gate);
    let read = kube.get(NAMESPACE, "a").await.unwrap();
    let patch = serde_json::json!({});
    let patched = kube.patch(NAMESPACE, "a", patch).await.unwrap();
    assert_eq!((read.status, patched.status), (None, None));
}
