//! Flux itself: its kustomize-controller with the example's Kustomizations, and an operator.

mod controller;
mod health;
mod late;
mod pruning;
mod source;

use std::{
    fs,
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use testbed::{control_plane::ControlPlane, drift::file};

use self::{controller::Controller, source::Source};
use super::examples::{secret_for, text_for, watch_for};
use crate::{
    chart::helm::documents,
    fixture::{Fixture, within},
    setup,
    steps::gone,
};

/// The namespace of Flux's objects.
const FLUX: &str = "flux-system";
const KUSTOMIZE: &str = "kustomize.toolkit.fluxcd.io";
const ASKED: &str = "reconcile.fluxcd.io/requestedAt";
/// The example's Kustomizations.
const KEY: &str = "gpu-secrets";
const WATCHES: &str = "gpu-watches";
/// One more, of the definitions: helm-controller is not there to install the chart.
const DEFINITIONS: &str = "definitions";
/// Long enough for Flux to wait in vain twice.
const LOOKS: Duration = Duration::from_secs(180);
/// Long enough for a poll.
const POLL: Duration = Duration::from_secs(70);

/// Flux's objects of one kind.
fn api(client: &Client, group: &str, kind: &str) -> Api<DynamicObject> {
    let kind = ApiResource::from_gvk(&GroupVersionKind::gvk(group, "v1", kind));
    Api::namespaced_with(client.clone(), FLUX, &kind)
}

/// A condition of a Kustomization.
fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let mut all = status["conditions"].as_array().into_iter().flatten();
    let found = all.find(|condition| condition["type"] == kind);
    found.unwrap_or(&Value::Null)
}

/// Whether Ready has this status and reason, and a message with this part.
fn ready(status: &Value, word: &str, reason: &str, part: &str) -> bool {
    let ready = condition(status, "Ready");
    let message = ready["message"].as_str().unwrap_or_default();
    ready["status"] == word && ready["reason"] == reason && message.contains(part)
}

struct Live {
    fixture: Fixture,
    source: Source,
    kustomizations: Api<DynamicObject>,
    _controller: Controller,
}

impl Live {
    /// On a control plane of its own without our definitions: Flux brings them, and takes them away.
    async fn new() -> Option<Self> {
        let control_plane = ControlPlane::start().await.unwrap();
        let controller = Controller::start(&control_plane).await?;
        let fixture = Fixture::idle_on(&control_plane, "flux").await;
        fixture.delete_secret().await;
        Some(Self {
            source: Source::new(&fixture).await,
            kustomizations: api(&fixture.client, KUSTOMIZE, "Kustomization"),
            fixture,
            _controller: controller,
        })
    }

    async fn apply(&self, object: &Value) {
        let (control_plane, object) = (&self.fixture.control_plane, object.to_string());
        control_plane.apply(&object).await.unwrap();
    }

    /// Waits until the status of a Kustomization satisfies `predicate`.
    async fn until(&self, name: &str, what: &str, predicate: impl Fn(&Value) -> bool) -> Value {
        within(LOOKS, &format!("{name}: {what}"), || async {
            let found = self.kustomizations.get_opt(name).await.unwrap();
            let status = found.map(|mut found| found.data["status"].take());
            match status {
                Some(status) if predicate(&status) => Ok(status),
                other => Err(format!("{other:#?}")),
            }
        })
        .await
    }

    /// Waits until a Kustomization is Ready, of this revision.
    async fn applied(&self, name: &str, revision: &str) {
        let what = format!("applied {revision}");
        self.until(name, &what, |status| {
            ready(status, "True", "ReconciliationSucceeded", revision)
        })
        .await;
    }

    /// Has Flux look at a Kustomization as `flux reconcile kustomization` does, and returns what came of it. A request is also
    /// answered by the turn that only puts the finalizer on, which leaves no Ready.
    async fn looked(&self, name: &str) -> Value {
        static ASKS: AtomicU32 = AtomicU32::new(0);
        let asked = format!("look-{}", ASKS.fetch_add(1, Ordering::Relaxed));
        let patch = Patch::Merge(json!({"metadata": {"annotations": {ASKED: asked}}}));
        let params = PatchParams::default();
        let patched = self.kustomizations.patch(name, &params, &patch);
        patched.await.unwrap();
        self.until(name, "Flux has looked", |status| {
            let ready = &condition(status, "Ready")["status"];
            status["lastHandledReconcileAt"] == *asked && (ready == "True" || ready == "False")
        })
        .await
    }

    async fn version(&self, name: &str) -> String {
        let object = self.kustomizations.get(name).await.unwrap();
        object.resource_version().unwrap()
    }

    /// Deletes a Kustomization, and waits until Flux has let it go.
    async fn delete(&self, name: &str) {
        let now = DeleteParams::default();
        let _ = self.kustomizations.delete(name, &now).await.unwrap();
        gone(&self.kustomizations, name).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "by .ci/full: Flux never waits less than 30 s, and builds for minutes"]
async fn flux_does_what_the_page_describes() {
    let Some(mut live) = Live::new().await else {
        return;
    };
    the_key_comes_first(&live).await;
    definitions_may_come_later(&live).await;
    health::nothing_is_green_before_it_was_synced(&mut live).await;
    health::an_outage_is_waited_for(&live).await;
    health::a_refused_key_fails_at_the_next_look(&live).await;
    health::a_suspended_watch_is_well(&live).await;
    pruning::what_kubectl_wrote_is_undone(&live).await;
    pruning::mirrors_are_left_alone(&live).await;
    pruning::a_watch_that_leaves_git(&live).await;
    live.fixture.stop().await;
    pruning::definitions_go_with_their_kustomization(&live).await;
    pruning::the_namespace_goes_with_the_key(&live).await;
}

/// The example's Kustomizations are applied before the repository holds a key.
async fn the_key_comes_first(live: &Live) {
    live.source
        .write("watches/training.yaml", &watch_for(&live.fixture));
    live.source.commit().await;
    let text = fs::read_to_string(file("docs/gitops/flux/watches.yaml")).unwrap();
    for mut object in documents(&text) {
        if object["metadata"]["name"] == WATCHES {
            // Each wait in vain is one that the test waits, too. Flux knows no shorter one.
            assert_eq!(object["spec"]["timeout"].take(), "3m");
            object["spec"]["timeout"] = "30s".into();
            assert_eq!(object["spec"]["retryInterval"].take(), "1m");
            object["spec"]["retryInterval"] = "2s".into();
        }
        live.apply(&object).await;
    }
    live.until(KEY, "there is none", |status| {
        ready(status, "False", "ArtifactFailed", "path not found")
    })
    .await;
    live.until(WATCHES, "it waits for the key", |status| {
        let waits = "dependency 'flux-system/gpu-secrets' is not ready";
        ready(status, "False", "DependencyNotReady", waits)
    })
    .await;
    let fixture = &live.fixture;
    let key = secret_for(fixture, fixture.simulator.key());
    live.source.write("secrets/api-key.yaml", &key);
    let namespace = text_for(fixture, "secrets/namespace.yaml");
    live.source.write("secrets/namespace.yaml", &namespace);
    let revision = live.source.commit().await;
    live.applied(KEY, &revision).await;
}

/// Until they serve, the watches fail; once they do, the watches are applied without intervention.
async fn definitions_may_come_later(live: &Live) {
    live.until(WATCHES, "there are no definitions", |status| {
        let none = "no matches for kind \"ClusterWatch\"";
        ready(status, "False", "ReconciliationFailed", none)
    })
    .await;
    live.source
        .write("definitions/crds.yaml", &setup::crd_files());
    let revision = live.source.commit().await;
    live.apply(&definitions()).await;
    live.applied(DEFINITIONS, &revision).await;
    live.until(WATCHES, "it waits for the watch", |status| {
        let reconciling = condition(status, "Reconciling")["message"].as_str();
        condition(status, "Ready")["status"] == "Unknown"
            && reconciling.is_some_and(|message| message.starts_with("Running health checks"))
    })
    .await;
}

fn definitions() -> Value {
    json!({
        "apiVersion": format!("{KUSTOMIZE}/v1"),
        "kind": "Kustomization",
        "metadata": {"name": DEFINITIONS, "namespace": FLUX},
        "spec": {
            "sourceRef": {"kind": "GitRepository", "name": "flux-system"},
            "path": "./definitions",
            "prune": true,
            "interval": "10m",
            "retryInterval": "2s",
            "wait": true,
        },
    })
}
