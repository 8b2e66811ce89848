//! The tight clients at work: started as processes of their own, with the bodies that the operator wrote.

use std::{
    fs::File,
    io::{BufWriter, Write as _},
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use k8s_openapi::api::coordination::v1::Lease;
use kube::{
    Api, ResourceExt as _,
    api::{DynamicObject, ListParams},
    config::Kubeconfig,
};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::{
    Failure,
    client::{Calls, Found, Item, Job},
    stage::{Scene, Stage},
};

/// As many writes at a time as the operator makes.
pub(crate) const CONCURRENCY: usize = 32;
const UID: &str = "00000000-uid-0000";
const VERSION: &str = "00000000-version-0000";

/// Both writers and what they write.
pub(crate) struct Ceiling {
    scene: Scene,
    job: PathBuf,
    go: PathBuf,
}

impl Ceiling {
    /// Takes the bodies of all mirrors of `source`, for a namespace of its own.
    pub(crate) async fn of(stage: &mut Stage, source: &Scene) -> Result<Self, Failure> {
        let go = build_go().await?;
        let scene = stage.scene(0, 1).await?;
        let file = stage.control_plane.dir().join("bodies.jsonl");
        let mut out = BufWriter::new(File::create(&file)?);
        let owner = Self::owner(stage, &scene).await?;
        let mirrors = stage.mirrors(&source.namespace);
        let mut params = ListParams::default().limit(500);
        loop {
            let page = mirrors.list(&params).await?;
            for mirror in &page.items {
                let item = item(mirror, &scene.namespace, &owner)?;
                writeln!(out, "{}", serde_json::to_string(&item)?)?;
            }
            match page.metadata.continue_.filter(|token| !token.is_empty()) {
                Some(token) => params = params.continue_token(&token),
                None => break,
            }
        }
        out.flush()?;
        let job = job(stage, &scene.namespace, file)?;
        Ok(Self { scene, job, go })
    }

    /// The Rust client writes everything; then it is taken away again.
    pub(crate) async fn rust(&self, stage: &Stage) -> Result<Found, Failure> {
        let mut command = client("write")?;
        command.arg(&self.job);
        self.write(stage, command).await
    }

    /// The same by the Go client.
    pub(crate) async fn go(&self, stage: &Stage) -> Result<Found, Failure> {
        let mut command = Command::new(&self.go);
        // One thread, as the operator has.
        command.arg(&self.job).env("GOMAXPROCS", "1");
        self.write(stage, command).await
    }

    async fn write(&self, stage: &Stage, command: Command) -> Result<Found, Failure> {
        Self::owner(stage, &self.scene).await?;
        let found = found(command).await?;
        stage.strike(&self.scene).await?;
        Ok(found)
    }

    /// The mirrors' owner must be there, or they are collected as garbage. Any object does that is not struck with them.
    async fn owner(stage: &Stage, scene: &Scene) -> Result<Value, Failure> {
        let manifest = json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": "owner", "namespace": scene.namespace},
        });
        stage.control_plane.apply(&manifest.to_string()).await?;
        let leases: Api<Lease> = Api::namespaced(stage.admin.clone(), &scene.namespace);
        let uid = leases.get("owner").await?.uid();
        Ok(
            json!([{"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "name": "owner", "uid": uid}]),
        )
    }
}

/// A tight client's paged listing of a namespace's mirrors: from its start as a process to its end, in seconds.
pub(crate) async fn list(stage: &Stage, scene: &Scene) -> Result<(f64, Found), Failure> {
    let job = job(stage, &scene.namespace, PathBuf::new())?;
    let mut command = client("list")?;
    command.arg(job);
    let begun = Instant::now();
    let found = found(command).await?;
    Ok((begun.elapsed().as_secs_f64(), found))
}

/// Fetches and parses a cluster's remediations once, after a rest.
pub(crate) async fn fetch(
    stage: &Stage,
    scene: &Scene,
    page_size: u32,
    rest: Duration,
) -> Result<Found, Failure> {
    let mut command = client("fetch")?;
    command
        .arg(listing_url(stage, &scene.cluster))
        .arg(stage.simulator.key())
        .arg(page_size.to_string())
        .arg(rest.as_secs().to_string());
    found(command).await
}

/// Makes these calls at their pace.
pub(crate) async fn poll(stage: &Stage, calls: &Calls) -> Result<Found, Failure> {
    let path = stage.control_plane.dir().join("calls.json");
    std::fs::write(&path, serde_json::to_vec(calls)?)?;
    let mut command = client("poll")?;
    command.arg(path);
    found(command).await
}

/// Where a cluster's remediations are listed.
pub(crate) fn listing_url(stage: &Stage, cluster: &str) -> String {
    format!(
        "{}/compute/clusters/{cluster}/instances/-/remediations",
        stage.simulator.url()
    )
}

fn job(stage: &Stage, namespace: &str, items: PathBuf) -> Result<PathBuf, Failure> {
    let file = Kubeconfig::read_from(stage.account.kubeconfig())?;
    let cluster = file.clusters.into_iter().next().and_then(|c| c.cluster);
    let ca = cluster.and_then(|cluster| cluster.certificate_authority_data);
    let text = std::fs::read_to_string(stage.account.kubeconfig())?;
    let raw: Value = serde_saphyr::from_str(&text)?;
    let token = raw["users"][0]["user"]["token"].as_str();
    let server = stage.account.config().cluster_url.to_string();
    let job = Job {
        server: server.trim_end_matches('/').to_owned(),
        ca: ca.ok_or("the cluster's authority is in no kubeconfig")?,
        token: token.ok_or("the account has no token")?.to_owned(),
        collection: format!(
            "/apis/compute.together.ai/v1alpha1/namespaces/{namespace}/remediations"
        ),
        items,
        concurrency: CONCURRENCY,
    };
    // The folder is this user's alone and goes with the control plane.
    let path = stage
        .control_plane
        .dir()
        .join(format!("job-{namespace}.json"));
    std::fs::write(&path, serde_json::to_vec(&job)?)?;
    Ok(path)
}

/// The bodies that made this mirror, for another namespace and owner.
fn item(mirror: &DynamicObject, namespace: &str, owner: &Value) -> Result<Item, Failure> {
    let name = mirror.name_any();
    let head = |metadata: Value| {
        json!({
            "apiVersion": "compute.together.ai/v1alpha1",
            "kind": "Remediation",
            "metadata": metadata,
            "spec": mirror.data["spec"],
        })
    };
    let create = head(json!({
        "name": name,
        "namespace": namespace,
        "labels": mirror.metadata.labels,
        "ownerReferences": owner,
    }));
    let mut status = head(json!({
        "name": name,
        "namespace": namespace,
        "uid": UID,
        "resourceVersion": VERSION,
    }));
    status["status"] = mirror.data["status"].clone();
    let status = status.to_string();
    // serde_json writes the keys of an object in order: the version comes before the uid.
    let (before, rest) = status.split_once(VERSION).ok_or("no version in the body")?;
    let (between, after) = rest.split_once(UID).ok_or("no uid in the body")?;
    Ok(Item {
        name,
        create: create.to_string(),
        status: [before, between, after].map(str::to_owned),
    })
}

/// This program as one of its own clients.
fn client(which: &str) -> Result<Command, Failure> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["client", which]);
    Ok(command)
}

/// Runs a client to its end.
async fn found(mut command: Command) -> Result<Found, Failure> {
    let output = command
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .await?;
    if !output.status.success() {
        return Err(format!("a client ended with {}", output.status).into());
    }
    Ok(serde_json::from_slice(&output.stdout)?)
}

/// Builds the Go writer with the toolchain that is there; the module needs nothing else.
async fn build_go() -> Result<PathBuf, Failure> {
    let program = testbed::program::target_dir()?.join("perf-go-writer");
    let status = Command::new("go")
        .args(["build", "-trimpath", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("go"))
        .status()
        .await
        .map_err(|error| format!("the Go client cannot be built: {error}"))?;
    if status.success() {
        Ok(program)
    } else {
        Err("the Go client does not build".into())
    }
}
