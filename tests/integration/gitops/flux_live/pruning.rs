//! What Flux writes, undoes and takes away.

use std::time::Duration;

use k8s_openapi::{
    api::core::v1::Namespace,
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
};
use kube::{Api, ResourceExt};
use serde_json::json;
use testbed::simulator::Remediation as Truth;

use super::{DEFINITIONS, KEY, KUSTOMIZE, Live, POLL, WATCHES, definitions, ready};
use crate::{
    fixture::{CLUSTER, until},
    gitops::examples::{second_for, watch_for},
    run::{kubectl, output_of},
    steps::{becomes, gone},
};

const SECOND: &str = "7d1f6a0b-2b1c-4f0e-8a53-5f6d3c9e2a10";

/// Runs kubectl; `false` where this control plane brings none.
async fn by_hand(live: &Live, arguments: &[&str]) -> bool {
    let Some(mut kubectl) = kubectl(&live.fixture.control_plane) else {
        return false;
    };
    let namespace = ["--namespace", &live.fixture.namespace];
    output_of(kubectl.args(namespace).args(arguments))
        .await
        .unwrap();
    true
}

/// Undone at the next reconciliation: a sync requested by annotation is answered, but a `ClusterWatch` does not stay
/// suspended, unless Git asks for a merge.
pub(super) async fn what_kubectl_wrote_is_undone(live: &Live) {
    let fixture = &live.fixture;
    let asks = "compute.together.ai/requestedAt";
    let annotation = format!("{asks}=by-hand");
    // So long after the last sync another one may be asked for.
    fixture.clock.advance(Duration::from_secs(1));
    let annotate = ["annotate", "clusterwatch", "training", &annotation];
    if !by_hand(live, &annotate).await {
        return;
    }
    fixture
        .watch_where("training", "the request is echoed", |status, _| {
            status.last_handled_reconcile_at.as_deref() == Some("by-hand")
        })
        .await;
    suspend(live).await;
    live.looked(WATCHES).await;
    let watch = fixture.watches().get("training").await.unwrap();
    assert!(!watch.spec.suspend, "suspended by hand");
    assert!(!watch.annotations().contains_key(asks));
    fixture.edit_takes_effect("training").await;

    let text = watch_for(fixture);
    let merge = format!("  annotations:\n    {KUSTOMIZE}/ssa: Merge\n");
    let merges = text.replace("  annotations:\n", &merge);
    assert_ne!(merges, text);
    live.source.write("watches/training.yaml", &merges);
    let revision = live.source.commit().await;
    live.applied(WATCHES, &revision).await;
    suspend(live).await;
    let looked = live.looked(WATCHES).await;
    assert!(
        ready(&looked, "True", "ReconciliationSucceeded", &revision),
        "{looked:#}"
    );
    let watch = fixture.watches().get("training").await.unwrap();
    assert!(watch.spec.suspend, "resumed by Flux");

    fixture.suspend(false).await;
    fixture.edit_takes_effect("training").await;
    fixture.ready("training", "Synced").await;
}

/// As docs/on-call/recipes.md does it.
async fn suspend(live: &Live) {
    let spec = json!({"spec": {"suspend": true}}).to_string();
    let patch = ["patch", "clusterwatch", "training", "--type=merge"];
    by_hand(live, &[&patch[..], &["--patch", &spec]].concat()).await;
    let watch = live.fixture.watches().get("training").await.unwrap();
    assert!(watch.spec.suspend);
}

/// Only what stands in Git is Flux's.
pub(super) async fn mirrors_are_left_alone(live: &Live) {
    let fixture = &live.fixture;
    fixture.simulator.add_cluster(SECOND);
    let second = second_for(fixture, SECOND);
    live.source
        .write("watches/second.yaml", &second.to_string());
    for (number, cluster) in [(1, CLUSTER), (2, CLUSTER), (3, SECOND)] {
        fixture.simulator.put(Truth::numbered(cluster, number));
    }
    let revision = live.source.commit().await;
    live.applied(WATCHES, &revision).await;
    fixture.ready("second", "Synced").await;
    fixture.turn(POLL).await;
    let mirrors = fixture.versions().await;
    assert_eq!(mirrors.len(), 3);

    let looked = live.looked(WATCHES).await;
    assert!(
        ready(&looked, "True", "ReconciliationSucceeded", &revision),
        "{looked:#}"
    );
    assert_eq!(fixture.versions().await, mirrors);
    let entries = looked["inventory"]["entries"].to_string();
    assert!(
        entries.contains("_training_") && !entries.contains("Remediation"),
        "{entries}"
    );
    let label = format!("{KUSTOMIZE}/name");
    for mirror in fixture.all().await {
        assert!(!mirror.labels().contains_key(&label), "{mirror:#?}");
    }
}

/// It is pruned, its mirrors are collected, and no mirror of another watch is touched.
pub(super) async fn a_watch_that_leaves_git(live: &Live) {
    let fixture = &live.fixture;
    let mut mirrors = fixture.versions().await;
    let pruned = mirrors.remove(&Truth::numbered(SECOND, 3).id);
    assert!(pruned.is_some(), "{mirrors:?}");
    live.source.remove("watches/second.yaml");
    let revision = live.source.commit().await;
    live.applied(WATCHES, &revision).await;
    gone(&fixture.watches(), "second").await;
    becomes("its mirror is collected", mirrors, async || {
        fixture.versions().await
    })
    .await;
}

/// Unless they bear the annotation, and with them every watch and mirror.
pub(super) async fn definitions_go_with_their_kustomization(live: &Live) {
    let kept: Api<CustomResourceDefinition> = Api::all(live.fixture.client.clone());
    let names =
        ["clusterwatches", "remediations"].map(|name| format!("{name}.compute.together.ai"));
    let mut keeps = definitions();
    let annotation = json!({format!("{KUSTOMIZE}/prune"): "disabled"});
    keeps["spec"]["commonMetadata"] = json!({"annotations": annotation});
    live.apply(&keeps).await;
    live.looked(DEFINITIONS).await;
    let mirrors = live.fixture.versions().await;
    live.delete(DEFINITIONS).await;
    for name in &names {
        let object = kept.get(name).await.unwrap();
        assert_eq!(object.metadata.deletion_timestamp, None, "{name}");
    }
    assert_eq!(live.fixture.versions().await, mirrors);

    live.apply(&definitions()).await;
    live.looked(DEFINITIONS).await;
    live.delete(DEFINITIONS).await;
    until("the definitions are gone", || async {
        for name in &names {
            if kept.get_opt(name).await.unwrap().is_some() {
                return Err(name.clone());
            }
        }
        Ok(())
    })
    .await;
}

pub(super) async fn the_namespace_goes_with_the_key(live: &Live) {
    live.delete(KEY).await;
    let namespaces: Api<Namespace> = Api::all(live.fixture.client.clone());
    let namespace = namespaces.get_opt(&live.fixture.namespace).await.unwrap();
    if let Some(namespace) = namespace {
        assert!(namespace.metadata.deletion_timestamp.is_some());
    }
}
