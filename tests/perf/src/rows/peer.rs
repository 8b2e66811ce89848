//! The same work by a script of curl, jq and kubectl, beside the operator on the same server.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::{Duration, Instant},
};

use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{Api, ResourceExt as _, api::PostParams};
use serde_json::Value;
use tokio::process::Command;

use super::{Mode, change, change::change_open, float, never, unchanged};
use crate::{
    Failure,
    operator::NO_LIMITS,
    process, progress,
    result::Row,
    stage::{Scene, Stage},
};

const RBAC: &str = include_str!("../../peer/rbac.yaml");
const TIMEOUT: Duration = Duration::from_secs(60);
const TOKEN_SECONDS: i64 = 24 * 3600;

/// What a side took, a sample for each round.
#[derive(Default)]
struct Side {
    first: Vec<f64>,
    first_cpu: Vec<f64>,
    unchanged_cpu: Vec<f64>,
    unchanged_calls: Vec<f64>,
    unchanged_writes: Vec<f64>,
    changed: Vec<f64>,
    changed_cpu: Vec<f64>,
}

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let size = mode.many();
    let mut row = Row::new(
        "peer",
        format!("Compared with a script of curl, jq and kubectl: {size} remediations"),
        "tests/perf/peer/mirror.sh under its own account: it asks for pages of 1,000, applies what changed since its last \
         cycle (server-side, in batches, eight kubectl at a time), and deletes what is no longer listed. It starts as soon as \
         something has changed, as if its cron job ran at that moment. CPU is that of all its processes. The operator: \
         --kube-qps 0, --api-qps 1000, pages of 100, requested by annotation. The script writes no conditions, no transitions \
         and no owner, marks nothing stale, and takes any gap in a list for the end of a remediation."
            .to_owned(),
    );
    let (mut ours, mut theirs) = (Side::default(), Side::default());
    for round in 1..=mode.pick(2, 1) {
        operator(stage, size, &mut ours).await?;
        progress(&format!("round {round}: operator done"));
        script(stage, size, &mut theirs).await?;
        progress(&format!("round {round}: script done"));
    }
    for (ours, theirs) in ours.figures().into_iter().zip(theirs.figures()) {
        for (who, (what, unit, samples)) in [("operator", ours), ("script", theirs)] {
            row.figure(&format!("{who}: {what}"), unit, samples);
        }
    }
    Ok(row)
}

async fn operator(stage: &mut Stage, size: u32, side: &mut Side) -> Result<(), Failure> {
    let mut mirrored = stage.mirrored(size, 100, &NO_LIMITS, &never()).await?;
    side.first.push(mirrored.took.as_secs_f64());
    side.first_cpu.push(mirrored.cpu.as_secs_f64());
    let before = (
        stage.simulator.counters().calls(),
        stage.mirror_writes().await?,
    );
    let taken = unchanged::poll(stage, &mut mirrored, "unchanged").await?;
    side.unchanged_cpu.push(taken.cpu.as_secs_f64() * 1000.0);
    side.counted(stage, before).await?;
    // The listing's distance to the last one is over by then, so that the change is looked for at once.
    tokio::time::sleep(taken.wall * 11).await;
    let cpu = mirrored.operator.cpu()?;
    let changed = change::change(stage, &mut mirrored, 1).await?;
    side.changed.push(changed.asked.as_secs_f64());
    side.changed_cpu
        .push(mirrored.operator.cpu()?.saturating_sub(cpu).as_secs_f64());
    mirrored.operator.stop().await?;
    stage.strike(&mirrored.scene).await
}

async fn script(stage: &mut Stage, size: u32, side: &mut Side) -> Result<(), Failure> {
    let scene = stage.scene(size, 100).await?;
    let script = Script::new(stage, &scene).await?;
    let (wall, cpu) = script.cycle().await?;
    side.first.push(wall.as_secs_f64());
    side.first_cpu.push(cpu.as_secs_f64());
    let before = (
        stage.simulator.counters().calls(),
        stage.mirror_writes().await?,
    );
    let (_, cpu) = script.cycle().await?;
    side.unchanged_cpu.push(cpu.as_secs_f64() * 1000.0);
    side.counted(stage, before).await?;
    let mut mirrors = stage.events(&stage.mirrors(&scene.namespace)).await?;
    let (state, mut waiting) = change_open(stage, &scene, 1);
    let mut last = Instant::now();
    let begun = last;
    let (_, cpu) = script.cycle().await?;
    while !waiting.is_empty() {
        let seen = mirrors.next(TIMEOUT).await?;
        if seen.object.data["status"]["state"] == state && waiting.remove(&seen.object.name_any()) {
            last = seen.at;
        }
    }
    side.changed.push((last - begun).as_secs_f64());
    side.changed_cpu.push(cpu.as_secs_f64());
    stage.strike(&scene).await
}

impl Side {
    fn figures(self) -> [(&'static str, &'static str, Vec<f64>); 7] {
        [
            ("first mirror", "s", self.first),
            ("first mirror, CPU", "s", self.first_cpu),
            ("unchanged cycle, CPU", "ms", self.unchanged_cpu),
            ("unchanged cycle, API calls", "", self.unchanged_calls),
            ("unchanged cycle, writes", "", self.unchanged_writes),
            ("1 % changed to the last one visible", "s", self.changed),
            ("1 % changed, CPU", "s", self.changed_cpu),
        ]
    }

    /// Calls and writes of a cycle since `before`.
    async fn counted(&mut self, stage: &Stage, before: (u64, u64)) -> Result<(), Failure> {
        self.unchanged_calls
            .push(float(stage.simulator.counters().calls() - before.0));
        self.unchanged_writes
            .push(float(stage.mirror_writes().await? - before.1));
        Ok(())
    }
}

/// The script and its arguments.
struct Script(Vec<(&'static str, String)>);

impl Script {
    async fn new(stage: &Stage, scene: &Scene) -> Result<Self, Failure> {
        for tool in ["curl", "jq"] {
            if Command::new(tool).arg("--version").output().await.is_err() {
                return Err(format!("{tool} is missing: apt-get install {tool}").into());
            }
        }
        let state = stage.control_plane.dir().join(&scene.namespace);
        std::fs::create_dir(&state)?;
        let kubectl = stage.control_plane.kubectl().ok_or("there is no kubectl")?;
        Ok(Self(vec![
            ("API", stage.simulator.url()),
            ("API_KEY", stage.simulator.key().to_owned()),
            ("CLUSTER", scene.cluster.clone()),
            ("NAMESPACE", scene.namespace.clone()),
            ("STATE", text(&state)),
            ("KUBECTL", text(kubectl)),
            ("KUBECONFIG", text(&account(stage).await?)),
            // kubectl keeps there what it finds out about the server.
            ("HOME", text(&state)),
        ]))
    }

    /// One cycle: how long it took, and the processor time of all its processes.
    async fn cycle(&self) -> Result<(Duration, Duration), Failure> {
        let (begun, cpu) = (Instant::now(), process::cpu_of_children()?);
        let status = Command::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("peer/mirror.sh"))
            .envs(self.0.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .status()
            .await?;
        if !status.success() {
            return Err(format!("the script ended with {status}").into());
        }
        let cpu = process::cpu_of_children()?.saturating_sub(cpu);
        Ok((begun.elapsed(), cpu))
    }
}

/// The kubeconfig of the script's own account. It goes away with the control plane.
async fn account(stage: &Stage) -> Result<PathBuf, Failure> {
    stage.control_plane.apply(RBAC).await?;
    let accounts: Api<ServiceAccount> = Api::namespaced(stage.admin.clone(), "together-system");
    let request = TokenRequest {
        spec: TokenRequestSpec {
            expiration_seconds: Some(TOKEN_SECONDS),
            ..TokenRequestSpec::default()
        },
        ..TokenRequest::default()
    };
    let made = accounts
        .create_token_request("peer", &PostParams::default(), &request)
        .await?;
    let token = made.status.ok_or("the account has no token")?.token;
    let text = std::fs::read_to_string(stage.account.kubeconfig())?;
    let mut file: Value = serde_saphyr::from_str(&text)?;
    file["users"][0]["user"]["token"] = token.into();
    // kubectl reads JSON, too.
    let path = stage.control_plane.dir().join("peer.kubeconfig");
    std::fs::write(&path, file.to_string())?;
    Ok(path)
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
