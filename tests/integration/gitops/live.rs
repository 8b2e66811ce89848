//! Argo CD itself: its controller, repository server and API server, with the example repository, the chart and an operator.

mod late;
mod repository;
mod servers;
mod tracking;

use std::time::Duration;

use k8s_openapi::{
    api::{core::v1::ConfigMap, rbac::v1::ClusterRole},
    apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition,
    jiff::Timestamp,
};
use kube::{
    Api, ResourceExt,
    api::{DynamicObject, Patch, PatchParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use testbed::{control_plane::ControlPlane, simulator::Remediation as Truth};

use self::{late::Healths, repository::Repository, servers::Servers};
use super::examples::second_for;
use crate::{
    fixture::{CLUSTER, Fixture, until},
    steps::gone,
};

/// The example's application of the watches.
const WATCHES: &str = "gpu-watches";
const OPERATOR: &str = "together-remediation-operator";
const SECOND: &str = "7d1f6a0b-2b1c-4f0e-8a53-5f6d3c9e2a10";
/// Longer than a watch at rest goes without a write.
const HEARTBEAT: Duration = Duration::from_secs(330);
const MINUTE: Duration = Duration::from_secs(60);
/// Long enough for a poll.
const POLL: Duration = Duration::from_secs(70);
const NEVER: &str = "86400";

struct Live {
    fixture: Fixture,
    servers: Servers,
    repository: Repository,
    applications: Api<DynamicObject>,
}

impl Live {
    /// On a control plane of its own without our definitions: Argo CD watches everything, and brings them.
    async fn new() -> Option<Self> {
        let control_plane = ControlPlane::start().await.unwrap();
        let servers = Servers::start(&control_plane).await?;
        let fixture = Fixture::idle_on(&control_plane, "live").await;
        fixture.delete_secret().await;
        let kind = GroupVersionKind::gvk("argoproj.io", "v1alpha1", "Application");
        let kind = ApiResource::from_gvk(&kind);
        let applications = Api::namespaced_with(fixture.client.clone(), "argocd", &kind);
        Some(Self {
            repository: Repository::new(&fixture),
            fixture,
            servers,
            applications,
        })
    }

    /// The operator with the rights that the chart gives, and with the example's values.
    async fn start_operator(&mut self) {
        let account = self
            .fixture
            .control_plane
            .account("together-system", OPERATOR);
        let annotation = "argocd.argoproj.io/ignore-resource-updates=true";
        let flags = ["--kube-qps", "0", "--mirror-annotation", annotation];
        let account = account.await.unwrap();
        self.fixture.start_as(&account, &[], &flags).await;
    }

    /// Waits until the status of an application satisfies `predicate`.
    async fn until(
        &self,
        application: &str,
        what: &str,
        predicate: impl Fn(&Value) -> bool,
    ) -> Value {
        until(&format!("{application}: {what}"), || async {
            let found = self.applications.get_opt(application).await.unwrap();
            let status = found.map(|mut found| found.data["status"].take());
            match status {
                Some(status) if predicate(&status) => Ok(status),
                other => Err(format!("{other:#?}")),
            }
        })
        .await
    }

    /// Waits until all of Git is applied and the application's health has this word.
    async fn wait_for_health(&self, application: &str, health: &str) -> Value {
        self.until(application, health, |status| {
            status["sync"]["status"] == "Synced"
                && status["operationState"]["phase"] == "Succeeded"
                && status["health"]["status"] == health
        })
        .await
    }

    /// Makes Argo CD compare an application now, and waits until it has: earlier changes have been processed then, too.
    async fn refresh(&self, application: &str, how: &str) {
        let key = "argocd.argoproj.io/refresh";
        let patch = json!({"metadata": {"annotations": {key: how}}});
        let (params, patch) = (PatchParams::default(), Patch::Merge(patch));
        let patched = self.applications.patch(application, &params, &patch);
        patched.await.unwrap();
        until("the refresh is done", || async {
            let object = self.applications.get(application).await.unwrap();
            match object.annotations().get(key) {
                None => Ok(()),
                Some(_) => Err("asked for".to_owned()),
            }
        })
        .await;
    }

    /// Commits what was written, and has Argo CD see it.
    async fn commit(&self, application: &str) {
        self.repository.commit();
        self.refresh(application, "hard").await;
    }

    /// One object in the tree of the watches' application.
    async fn node(&self, name: &str) -> Value {
        let mut tree = self.servers.tree(WATCHES).await;
        let nodes = tree["nodes"].take();
        let mut nodes = nodes.as_array().unwrap().iter();
        let found = nodes.find(|node| node["name"] == name);
        found.cloned().unwrap_or_default()
    }

    /// Waits until the tree shows an object with this health.
    async fn shown(&self, name: &str, health: &str) -> Value {
        until(&format!("{name} is {health} in the tree"), || async {
            let node = self.node(name).await;
            if node["health"]["status"] == health {
                Ok(node)
            } else {
                Err(format!("{node:#}"))
            }
        })
        .await
    }

    /// How often the watches' application was reconciled: the controller logs each start with its reason.
    fn reconciliations(&self) -> usize {
        self.servers.logged(WATCHES, "Refreshing app status").len()
    }

    /// How many of them `happens` causes.
    async fn caused(&self, happens: impl AsyncFnOnce(&Fixture)) -> usize {
        self.refresh(WATCHES, "normal").await;
        let before = self.reconciliations();
        happens(&self.fixture).await;
        self.refresh(WATCHES, "normal").await;
        let after = self.reconciliations();
        // One is that of the refresh.
        after - before - 1
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn argo_cd_does_what_the_page_describes() {
    let Some(mut live) = Live::new().await else {
        return;
    };
    live.servers.control(NEVER).await;
    let healths = Healths::record(live.applications.clone());
    let was_degraded = || healths.of_watches().contains(&"Degraded".to_owned());
    in_one_go(&live).await;
    wave_waits_for_a_watch(&mut live).await;
    assert!(!was_degraded(), "on its way up: {:?}", healths.of_watches());
    mirrors_are_shown(&live).await;
    a_dead_operator_shows(&mut live).await;
    assert!(was_degraded(), "{:?}", healths.of_watches());
    idle(&mut live).await;
    a_repair(&live).await;
    a_watch_that_leaves_git(&live).await;
    definitions_stay(&live).await;
}

/// Operator, definitions, Secret and watch by one apply. The sync does not wait for its last wave; the health does.
async fn in_one_go(live: &Live) {
    live.fixture
        .control_plane
        .apply(&live.repository.root())
        .await
        .unwrap();
    live.wait_for_health(WATCHES, "Progressing").await;
    let watch = live.fixture.watches().get("training").await.unwrap();
    let waits = "Waiting for the operator";
    assert!(
        format!("{:?}", watch.status).contains(waits),
        "{:?}",
        watch.status
    );
    assert_eq!(
        live.node("training").await["health"]["status"],
        "Progressing"
    );
}

/// What has a later wave than a watch comes once that was synced.
async fn wave_waits_for_a_watch(live: &mut Live) {
    let fixture = &live.fixture;
    fixture.simulator.add_cluster(SECOND);
    let wave = |wave: &str| json!({"argocd.argoproj.io/sync-wave": wave});
    let mut second = second_for(fixture, SECOND);
    second["metadata"]["annotations"] = wave("1");
    let after = json!({
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "after", "namespace": fixture.namespace, "annotations": wave("2")},
    });
    live.repository
        .write("watches/second.yaml", &second.to_string());
    live.repository
        .write("watches/after.yaml", &after.to_string());
    live.commit(WATCHES).await;
    live.until(WATCHES, "the sync waits for the watch", |status| {
        let message = status["operationState"]["message"].as_str();
        message
            .unwrap_or_default()
            .contains("waiting for healthy state of compute.together.ai/ClusterWatch/second")
    })
    .await;
    let maps: Api<ConfigMap> = Api::namespaced(fixture.client.clone(), &fixture.namespace);
    assert!(maps.get_opt("after").await.unwrap().is_none());

    for (number, state) in [(1, "SUCCEEDED"), (2, "FAILED")] {
        fixture.put_in(number, state);
    }
    live.start_operator().await;
    let fixture = &live.fixture;
    fixture.ready("training", "Synced").await;
    fixture.ready("second", "Synced").await;
    live.wait_for_health(WATCHES, "Healthy").await;
    assert!(maps.get_opt("after").await.unwrap().is_some());
}

/// Below their watch, each with its health, which is not the application's.
async fn mirrors_are_shown(live: &Live) {
    let watch = live.fixture.watches().get("training").await.unwrap();
    for (number, health) in [(1, "Healthy"), (2, "Degraded")] {
        let id = Truth::numbered(CLUSTER, number).id;
        let parent = live.shown(&id, health).await["parentRefs"][0]["uid"].take();
        assert_eq!(parent, watch.uid().unwrap());
    }
    live.wait_for_health(WATCHES, "Healthy").await;
}

/// By the clock alone, and well again once there is an operator. Its last write is brought near its `staleAfter` here.
async fn a_dead_operator_shows(live: &mut Live) {
    live.servers.control("2").await;
    live.wait_for_health(WATCHES, "Healthy").await;
    live.fixture.stop().await;
    let watches = live.fixture.watches();
    let soon = (Timestamp::now() + Duration::from_secs(3)).strftime("%FT%TZ");
    let patch = Patch::Merge(json!({"status": {"staleAfter": soon.to_string()}}));
    let params = PatchParams::default();
    let last = watches.patch_status("training", &params, &patch).await;
    let last = last.unwrap().resource_version();
    live.wait_for_health(WATCHES, "Degraded").await;
    let now = watches.get("training").await.unwrap();
    assert_eq!(now.resource_version(), last, "no write");
    let node = live.node("training").await;
    assert_eq!(
        node["health"]["status"], "Healthy",
        "the health of the last comparison"
    );

    live.start_operator().await;
    live.fixture.turn(HEARTBEAT).await;
    live.wait_for_health(WATCHES, "Healthy").await;
}

/// The heartbeats of an hour are nothing to Argo CD.
async fn idle(live: &mut Live) {
    live.servers.control(NEVER).await;
    live.wait_for_health(WATCHES, "Healthy").await;
    let caused = live.caused(async |fixture| {
        let before = fixture.watches().get("training").await.unwrap();
        for _ in 0..60 {
            fixture.simulator.advance(MINUTE);
            fixture.turn(MINUTE).await;
        }
        let after = fixture.watches().get("training").await.unwrap();
        assert_ne!(after.resource_version(), before.resource_version());
    });
    assert_eq!(caused.await, 0, "reconciliations by an idle hour");
}

/// Nor is a mirror that changes, until the word of its health does.
async fn a_repair(live: &Live) {
    let truth = live.fixture.put_new(3);
    let enter = async |state| {
        live.fixture.enter(&truth.id, state);
        live.fixture.turn(POLL).await;
    };
    enter("PENDING").await;

    let fixture = &live.fixture;
    fixture.mirror_enters(&truth.id, "PENDING").await;
    live.shown(&truth.id, "Progressing").await;
    let caused = live.caused(async |fixture| {
        for state in ["RUNNING", "QUARANTINING"] {
            enter(state).await;
            let mirror = fixture.mirror(&truth.id).await;
            assert_eq!(mirror.status.unwrap().state.as_deref(), Some(state));
        }
    });
    assert_eq!(caused.await, 0, "reconciliations by two changes");
    enter("SUCCEEDED").await;
    live.shown(&truth.id, "Healthy").await;
}

/// It is pruned, and nothing else: no mirror of another watch.
async fn a_watch_that_leaves_git(live: &Live) {
    let fixture = &live.fixture;
    let mirrors = fixture.versions().await;
    live.repository.remove("watches/second.yaml");
    live.commit(WATCHES).await;
    gone(&fixture.watches(), "second").await;
    let status = live.wait_for_health(WATCHES, "Healthy").await;
    assert_eq!(fixture.versions().await, mirrors);
    assert!(
        !status["resources"].to_string().contains("Remediation"),
        "{status:#}"
    );
}

/// Argo CD prunes what the chart brings no more, but no definition: it does not take them for an application's own.
async fn definitions_stay(live: &Live) {
    let values = json!({"crds": {"enabled": false}});
    live.repository.operator(&values);
    live.commit("gpu").await;
    live.refresh(OPERATOR, "hard").await;
    let roles: Api<ClusterRole> = Api::all(live.fixture.client.clone());
    let role = format!("{OPERATOR}-view");
    gone(&roles, &role).await;
    live.until(OPERATOR, "the sync has ended", |status| {
        status["sync"]["status"] == "Synced" && status["operationState"]["phase"] == "Succeeded"
    })
    .await;
    let definitions: Api<CustomResourceDefinition> = Api::all(live.fixture.client.clone());
    for name in ["clusterwatches", "remediations"] {
        let name = format!("{name}.compute.together.ai");
        let definition = definitions.get(&name).await.unwrap();
        assert_eq!(definition.metadata.deletion_timestamp, None);
    }
    assert!(!live.fixture.all().await.is_empty());
}
