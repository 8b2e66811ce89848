//! A key that comes after its `ClusterWatch`, as external-secrets may bring it: Flux waits for it.

use std::{
    fs,
    pin::pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use futures::StreamExt;
use kube::{Api, ResourceExt, api::DynamicObject};
use kube_runtime::{WatchStreamExt, watcher};
use testbed::drift::file;

use super::{DEFINITIONS, KEY, Live, WATCHES, condition, definitions};
use crate::{
    chart::helm::documents,
    gitops::examples::{text_for, watch_for},
    setup,
};

/// A Secret that cannot be used is read again after this time.
const AGAIN: Duration = Duration::from_secs(10);

/// Status and reason of Ready of the Kustomization of the watches, each written down when another one comes.
fn record(kustomizations: Api<DynamicObject>) -> Arc<Mutex<Vec<String>>> {
    let seen = Arc::<Mutex<Vec<String>>>::default();
    let to = seen.clone();
    tokio::spawn(async move {
        let shown = watcher(kustomizations, watcher::Config::default());
        let mut shown = pin!(shown.default_backoff().applied_objects());
        while let Some(shown) = shown.next().await {
            let Ok(shown) = shown else { continue };
            let ready = condition(&shown.data["status"], "Ready");
            let (status, reason) = (ready["status"].as_str(), ready["reason"].as_str());
            let (Some(status), Some(reason)) = (status, reason) else {
                continue;
            };
            let word = format!("{status} {reason}");
            let mut seen = to.lock().unwrap();
            if shown.name_any() == WATCHES && seen.last() != Some(&word) {
                seen.push(word);
            }
        }
    });
    seen
}

/// The key comes a minute late by the operator's clock; all else of the example is there.
#[tokio::test(flavor = "multi_thread")]
#[ignore = "by .ci/full: Flux looks at a dependency every 30 s, and builds for minutes"]
async fn a_key_that_comes_late_is_waited_for() {
    let Some(mut live) = Live::new().await else {
        return;
    };
    let (watch, namespace) = (
        watch_for(&live.fixture),
        text_for(&live.fixture, "secrets/namespace.yaml"),
    );
    live.source.write("watches/training.yaml", &watch);
    live.source.write("secrets/namespace.yaml", &namespace);
    live.source
        .write("definitions/crds.yaml", &setup::crd_files());
    let revision = live.source.commit().await;
    live.apply(&definitions()).await;
    live.applied(DEFINITIONS, &revision).await;
    live.fixture.start(&[]).await;
    let seen = record(live.kustomizations.clone());
    let example = fs::read_to_string(file("docs/gitops/flux/watches.yaml")).unwrap();
    for object in documents(&example) {
        live.apply(&object).await;
    }
    live.applied(KEY, &revision).await;
    live.until(WATCHES, "it waits for the watch", |status| {
        let reconciling = condition(status, "Reconciling")["message"].as_str();
        reconciling.is_some_and(|message| message.starts_with("Running health checks"))
    })
    .await;
    live.fixture.ready("training", "SecretNotFound").await;
    for _ in 0..6 {
        live.fixture.turn(AGAIN).await;
    }
    let key = live.fixture.simulator.key().to_owned();
    live.fixture.put_key(&key).await;
    live.fixture.turn(AGAIN).await;
    live.fixture.ready("training", "Synced").await;
    live.applied(WATCHES, &revision).await;
    let seen = seen.lock().unwrap();
    println!("{WATCHES}: {seen:?}");
    assert!(
        !seen.iter().any(|word| word.contains("HealthCheckFailed")),
        "{seen:?}"
    );
}
