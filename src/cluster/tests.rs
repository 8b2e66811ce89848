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
    leader::Leadership,
    testing::{NAMESPACE, clock::TestClock},
};

/// A client of a server that takes everything, and how often it was called.
fn server() -> (Client, Arc<AtomicUsize>) {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = calls.clone();
    let answer = move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        let mirror = serde_json::to_vec(&mirror()).unwrap();
        async { Ok::<_, io::Error>(http::Response::new(Body::from(mirror))) }
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
        let cluster = KubeCluster::new(client, Gate::new(Patience::default(), None, leadership));
        let patch = serde_json::json!({});
        let written = [
            cluster.create(&mirror()).await.is_ok(),
            cluster.replace_status(&mirror()).await.is_ok(),
            cluster.patch(NAMESPACE, "a", patch).await.is_ok(),
            cluster.delete(NAMESPACE, "a", "u", 1).await.is_ok(),
        ];
        assert_eq!(written, [leads; 4]);
        assert_eq!(calls.load(Ordering::SeqCst), if leads { 4 } else { 0 });
        assert!(cluster.get(NAMESPACE, "a").await.is_ok(), "reading is free");
    }
}
