//! A `ResourceQuota` far from full that other writes keep busy: the API server answers 409 to what it never looked at.

use std::sync::atomic::{AtomicU32, Ordering};

use k8s_openapi::api::core::v1::ResourceQuota;
use kube::{
    Api,
    api::{Patch, PatchParams, PostParams},
};
use serde_json::json;
use testbed::api_proxy::{Fault, Which};
use together_remediation_operator::{
    api::remediation::{Remediation, RemediationSpec},
    k8s::error::KubeApiError,
};
use tokio::task::JoinSet;

use super::{behind_a_proxy, refused::quota, to_mirrors};
use crate::{
    conditions::condition,
    fixture::{CLUSTER, Fixture, until},
    setup,
};

/// Writes the quota again and again, until it is dropped.
fn keep_busy(fixture: &Fixture) -> JoinSet<()> {
    let mut writers = JoinSet::new();
    for writer in 0..4 {
        let (client, namespace) = (fixture.client.clone(), fixture.namespace.clone());
        let quotas: Api<ResourceQuota> = Api::namespaced(client, &namespace);
        writers.spawn(async move {
            for number in 0_u64.. {
                let note = json!({"metadata": {"annotations": {format!("busy-{writer}"): number.to_string()}}});
                let how = PatchParams::default();
                let _ = quotas.patch("few", &how, &Patch::Merge(note)).await;
                // A client that is closed fails without waiting, and what never waits cannot be aborted.
                tokio::task::yield_now().await;
            }
        });
    }
    writers
}

#[tokio::test(flavor = "multi_thread")]
async fn the_409_of_a_real_busy_quota_is_no_conflict_and_keeps_its_words() {
    let fixture = Fixture::idle("busy-quota").await;
    quota(&fixture, 10_000).await;
    let writers = keep_busy(&fixture);
    let mirrors = fixture.mirrors();
    let number = AtomicU32::new(0);
    let error = until("the quota is too busy for a creation", || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        let spec = RemediationSpec {
            cluster_id: CLUSTER.to_owned(),
            id: format!("busy-{number}"),
        };
        let object = Remediation::new(&spec.id.clone(), spec);
        let mirrors = mirrors.clone();
        async move {
            match mirrors.create(&PostParams::default(), &object).await {
                Err(error) => Ok(error),
                Ok(_) => Err("created".to_owned()),
            }
        }
    })
    .await;
    drop(writers);
    match KubeApiError::of_creation(error) {
        KubeApiError::Contended(words) => assert!(
            words.contains("Operation cannot be fulfilled on resourcequotas \"few\""),
            "{words}"
        ),
        other => panic!("{other:?}"),
    }
}

/// What the proxy answers to a write: a conflict that names no object.
const CONFLICT: Fault = Fault::answer(409);

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_that_others_keep_out_comes_through_within_the_poll() {
    let (fixture, proxy) = behind_a_proxy(setup::control_plane().await, "kept-out").await;
    fixture.put(0..1);
    for nth in [1, 2, 3] {
        proxy.fault(CONFLICT, Which::Nth(nth), to_mirrors);
    }
    let watch = fixture.synced_watch(|_| {}).await;
    assert_eq!(condition(&watch, "Ready").reason, "Synced");
    fixture.agrees().await;
    let creations = proxy
        .writes()
        .into_iter()
        .filter(|write| to_mirrors(&write.asked) && write.asked.subresource().is_none());
    assert_eq!(creations.count(), 4, "three were kept out");
}
