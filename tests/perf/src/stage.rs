//! Where rows are measured: a control plane, the simulated API, and namespaces with a watch each.

use std::{
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::{
    Api, Client,
    api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams},
    core::{ApiResource, GroupVersionKind},
};
use serde_json::{Value, json};
use testbed::{
    control_plane::{ControlPlane, OperatorAccount},
    program::target_dir,
    simulator::{Remediation, Simulator},
};

use crate::{
    Failure,
    observe::{Events, observe},
    operator::Operator,
};

const DEFINITIONS: [&str; 2] = [
    include_str!("../../../crds/clusterwatches.yaml"),
    include_str!("../../../crds/remediations.yaml"),
];
/// How long one remediation may take on a slow machine, and what comes on top.
const EACH: Duration = Duration::from_millis(50);
const TIMEOUT: Duration = Duration::from_secs(120);

/// All that a row works with.
pub(crate) struct Stage {
    pub(crate) control_plane: ControlPlane,
    pub(crate) simulator: Simulator,
    pub(crate) program: PathBuf,
    pub(crate) account: OperatorAccount,
    pub(crate) admin: Client,
    log: PathBuf,
    scenes: Vec<Scene>,
}

/// One cluster of the API and the namespace that mirrors it.
#[derive(Clone, Debug)]
pub(crate) struct Scene {
    pub(crate) namespace: String,
    pub(crate) cluster: String,
    /// Remediations of the cluster.
    pub(crate) size: u32,
}

/// A first mirror that is complete.
pub(crate) struct Mirrored {
    pub(crate) operator: Operator,
    pub(crate) scene: Scene,
    /// From the creation of the `ClusterWatch` until its status shows everything as mirrored.
    pub(crate) took: Duration,
    /// The operator's processor time from before the watch's creation until then.
    pub(crate) cpu: Duration,
    /// The changes of the `ClusterWatch` from here on.
    pub(crate) watch: Events,
}

impl Stage {
    pub(crate) async fn set(program: &Path) -> Result<Self, Failure> {
        let control_plane = ControlPlane::start().await?;
        for definition in DEFINITIONS {
            control_plane.apply(definition).await?;
        }
        let account = control_plane.operator_account("together-system").await?;
        let log = target_dir()?.join("perf-operator.log");
        // Each run has a log of its own.
        let _ = std::fs::remove_file(&log);
        Ok(Self {
            simulator: Simulator::start().await,
            program: program.to_owned(),
            account,
            admin: control_plane.admin()?,
            control_plane,
            log,
            scenes: Vec::new(),
        })
    }

    /// Ends all of it.
    pub(crate) async fn clear(self) {
        drop(self.admin);
        self.control_plane.stop().await;
    }

    /// A cluster with `size` remediations, one in `open_of` of them open (0: none) and the others finished; and a namespace
    /// with a key, but no watch yet.
    pub(crate) async fn scene(&mut self, size: u32, open_of: u32) -> Result<Scene, Failure> {
        let number = self.scenes.len() + 1;
        let scene = Scene {
            namespace: format!("perf-{number}"),
            cluster: format!("5f0c2f0e-6a3b-4d0a-9a57-{number:012x}"),
            size,
        };
        self.scenes.push(scene.clone());
        self.simulator.set_clock(Timestamp::now());
        self.simulator.add_cluster(&scene.cluster);
        for number in 0..size {
            let open = open_of > 0 && number.is_multiple_of(open_of);
            self.simulator
                .put(remediation(&scene.cluster, number, open));
        }
        let manifest = format!(
            "{}\n---\n{}",
            json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": scene.namespace}}),
            secret(&scene.namespace, "together", self.simulator.key())
        );
        self.control_plane.apply(&manifest).await?;
        Ok(scene)
    }

    /// The scene's `ClusterWatch`, with these fields of `spec` on top.
    pub(crate) fn watch(scene: &Scene, fields: &Value) -> Value {
        let mut watch = json!({
            "apiVersion": "compute.together.ai/v1alpha1",
            "kind": "ClusterWatch",
            "metadata": {"name": "training", "namespace": scene.namespace},
            "spec": {
                "clusterId": scene.cluster,
                "apiKeySecretRef": {"name": "together"},
                "retention": {"ttlAfterFinished": "72000h"},
            },
        });
        if let (Some(spec), Some(fields)) = (watch["spec"].as_object_mut(), fields.as_object()) {
            spec.extend(fields.clone());
        }
        watch
    }

    /// Creates or changes the scene's watch.
    pub(crate) async fn apply_watch(&self, scene: &Scene, fields: &Value) -> Result<(), Failure> {
        let watch = Self::watch(scene, fields).to_string();
        Ok(self.control_plane.apply(&watch).await?)
    }

    /// Creates these `ClusterWatches` in `namespace`, some at a time.
    pub(crate) async fn create_watches(
        &self,
        namespace: &str,
        watches: Vec<Value>,
    ) -> Result<(), Failure> {
        let api = self.watches(namespace);
        stream::iter(watches)
            .map(|watch| {
                let api = api.clone();
                async move {
                    let object = serde_json::from_value(watch)?;
                    api.create(&PostParams::default(), &object).await?;
                    Ok::<_, Failure>(())
                }
            })
            .buffer_unordered(16)
            .try_collect()
            .await
    }

    /// Asks the watch to sync now, in words that it echoes.
    pub(crate) async fn request(&self, scene: &Scene, word: &str) -> Result<(), Failure> {
        let patch = json!({"metadata": {"annotations": {"compute.together.ai/requestedAt": word}}});
        self.watches(&scene.namespace)
            .patch("training", &PatchParams::default(), &Patch::Merge(patch))
            .await?;
        Ok(())
    }

    /// An operator that leads.
    pub(crate) async fn operator(&self, flags: &[&str]) -> Result<Operator, Failure> {
        let mut operator = self.starting_operator(flags)?;
        operator.leads().await?;
        Ok(operator)
    }

    /// An operator that has just been started.
    pub(crate) fn starting_operator(&self, flags: &[&str]) -> Result<Operator, Failure> {
        Operator::start(
            &self.program,
            self.account.kubeconfig(),
            &self.simulator.url(),
            &self.log,
            flags,
        )
    }

    /// A first mirror of `size` remediations by an operator with these flags; one in `open_of` is open.
    pub(crate) async fn mirrored(
        &mut self,
        size: u32,
        open_of: u32,
        flags: &[&str],
        fields: &Value,
    ) -> Result<Mirrored, Failure> {
        let scene = self.scene(size, open_of).await?;
        let mut operator = self.operator(flags).await?;
        let mut watch = self.events(&self.watches(&scene.namespace)).await?;
        let cpu = operator.cpu()?;
        self.apply_watch(&scene, fields).await?;
        let begun = watch.next(TIMEOUT).await?.at;
        // Only the ClusterWatch is watched for the end: scraping metrics meanwhile would cost the operator time.
        let timeout = TIMEOUT + EACH * size;
        let ended = operator
            .running(watch.until(timeout, |watch| all_mirrored(watch, size)))
            .await?;
        Ok(Mirrored {
            cpu: operator.cpu()?.saturating_sub(cpu),
            operator,
            scene,
            took: ended.at - begun,
            watch,
        })
    }

    /// Removes the watches and mirrors of all scenes. No operator may run.
    pub(crate) async fn strike_all(&self) -> Result<(), Failure> {
        for scene in &self.scenes {
            self.strike(scene).await?;
        }
        Ok(())
    }

    /// Removes the scene's watch and mirrors. No operator may run.
    pub(crate) async fn strike(&self, scene: &Scene) -> Result<(), Failure> {
        for number in self.simulator.truth(&scene.cluster) {
            self.simulator.remove(&scene.cluster, &number.id);
        }
        for api in [
            self.watches(&scene.namespace),
            self.mirrors(&scene.namespace),
        ] {
            let all = ListParams::default();
            let deadline = Instant::now() + TIMEOUT + EACH * scene.size;
            // A collection that takes the server longer than its limit is deleted in several goes.
            while !api
                .list(&ListParams::default().limit(1))
                .await?
                .items
                .is_empty()
            {
                if Instant::now() > deadline {
                    return Err(format!("{} does not get empty", scene.namespace).into());
                }
                if api
                    .delete_collection(&DeleteParams::default(), &all)
                    .await
                    .is_err()
                {
                    tokio::time::sleep(Duration::from_secs(1)).await;
                }
            }
        }
        Ok(())
    }

    pub(crate) fn watches(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(
            self.admin.clone(),
            namespace,
            &kind("ClusterWatch", "clusterwatches"),
        )
    }

    pub(crate) fn mirrors(&self, namespace: &str) -> Api<DynamicObject> {
        Api::namespaced_with(
            self.admin.clone(),
            namespace,
            &kind("Remediation", "remediations"),
        )
    }

    /// What becomes of these objects from now on, on a connection of its own.
    pub(crate) async fn events(&self, api: &Api<DynamicObject>) -> Result<Events, Failure> {
        let (namespace, kind) = (api.namespace().unwrap_or_default(), api.resource_url());
        let own = self.control_plane.admin()?;
        let api = if kind.ends_with("/clusterwatches") {
            Api::namespaced_with(
                own,
                namespace,
                &self::kind("ClusterWatch", "clusterwatches"),
            )
        } else {
            Api::namespaced_with(own, namespace, &self::kind("Remediation", "remediations"))
        };
        observe(api).await
    }

    /// Writes of mirrors that the API server has carried out so far.
    pub(crate) async fn mirror_writes(&self) -> Result<u64, Failure> {
        let counts = self.control_plane.requests().await?;
        Ok(counts.count(|kind| kind.resource == "remediations" && is_write(&kind.verb)))
    }
}

/// Whether a request of this verb changes something.
pub(crate) fn is_write(verb: &str) -> bool {
    !matches!(verb, "GET" | "LIST" | "WATCH" | "CONNECT")
}

/// Whether a `ClusterWatch` is synced with so many remediations.
pub(crate) fn all_mirrored(watch: &DynamicObject, size: u32) -> bool {
    let status = &watch.data["status"];
    let ready = status["conditions"].as_array().is_some_and(|conditions| {
        conditions
            .iter()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True")
    });
    ready && status["remediations"]["total"] == size
}

/// A Secret with an API key, as a manifest.
pub(crate) fn secret(namespace: &str, name: &str, key: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": namespace},
        "type": "Opaque",
        "stringData": {"api-key": key},
    })
}

/// The `number`-th: finished as most are, or waiting for approval.
pub(crate) fn remediation(cluster: &str, number: u32, open: bool) -> Remediation {
    let mut remediation = Remediation::numbered(cluster, number);
    if !open {
        let created = remediation.create_time.as_deref().map(str::parse);
        let created: Timestamp = created
            .and_then(Result::ok)
            .unwrap_or(Timestamp::UNIX_EPOCH);
        for (minutes, state) in [(5, "PENDING"), (6, "RUNNING"), (25, "SUCCEEDED")] {
            remediation.enter(state, created + SignedDuration::from_mins(minutes));
        }
        remediation.reviewed_by = Some("Auto-Approved".to_owned());
    }
    remediation
}

fn kind(kind: &str, plural: &str) -> ApiResource {
    let kind = GroupVersionKind::gvk("compute.together.ai", "v1alpha1", kind);
    ApiResource::from_gvk_with_plural(&kind, plural)
}
