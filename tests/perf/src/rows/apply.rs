//! From `kubectl apply` of a `ClusterWatch` to its rows.

use std::{
    process::Stdio,
    time::{Duration, Instant},
};

use tokio::{io::AsyncWriteExt as _, process::Command};

use super::{Mode, never};
use crate::{
    Failure,
    ceiling::Ceiling,
    operator::NO_LIMITS,
    progress,
    result::{Row, Target, ratios},
    stage::{Scene, Stage, all_mirrored},
};

const TIMEOUT: Duration = Duration::from_secs(300);

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let size = mode.pick(1_000, 60);
    let mut row = Row::new(
        "apply",
        format!("kubectl apply of a ClusterWatch to its first row, and to all {size}"),
        "The operator is the leader and idle; the namespace and its Secret exist. First row: from the start of the kubectl \
         process until a Kubernetes watch shows a mirror with its state. All: from the creation of the ClusterWatch until its \
         status says Synced, compared with the ceiling as in first-mirror; --kube-qps 0, --api-qps 1000."
            .to_owned(),
    );
    let (mut first, mut all, mut rust, mut go) = (vec![], vec![], vec![], vec![]);
    let mut ceiling = None;
    for round in 1..=mode.pick(7, 1) {
        let scene = stage.scene(size, 100).await?;
        let operator = stage.operator(&NO_LIMITS).await?;
        let mut watch = stage.events(&stage.watches(&scene.namespace)).await?;
        let mut mirrors = stage.events(&stage.mirrors(&scene.namespace)).await?;
        let begun = Instant::now();
        kubectl_apply(stage, &scene).await?;
        let seen = mirrors
            .until(TIMEOUT, |mirror| mirror.data["status"]["state"].is_string())
            .await?;
        first.push((seen.at - begun).as_secs_f64());
        // Its events cost the server time that the tight clients do not pay.
        drop(mirrors);
        let created = watch.next(TIMEOUT).await?.at;
        let ended = watch
            .until(TIMEOUT, |watch| all_mirrored(watch, size))
            .await?;
        all.push((ended.at - created).as_secs_f64());
        operator.stop().await?;
        let writers = match ceiling.take() {
            Some(ceiling) => ceiling,
            None => Ceiling::of(stage, &scene).await?,
        };
        stage.strike(&scene).await?;
        rust.push(writers.rust(stage).await?.seconds);
        go.push(writers.go(stage).await?.seconds);
        ceiling = Some(writers);
        let last = |samples: &[f64]| samples.last().copied().unwrap_or_default();
        progress(&format!(
            "round {round}: first row {:.2} s, all {:.2} s; Rust client {:.2} s, Go client {:.2} s",
            last(&first),
            last(&all),
            last(&rust),
            last(&go)
        ));
    }
    let fastest: Vec<f64> = rust.iter().zip(&go).map(|(a, b)| a.min(*b)).collect();
    let share = ratios(&fastest, &all);
    let first = row.figure("kubectl to the first row", "s", first);
    row.figure(&format!("ClusterWatch to all {size}"), "s", all);
    row.figure("tight Rust client", "s", rust);
    row.figure("tight Go client", "s", go);
    let share = row.figure("share of the ceiling", "", share);
    row.verdict("first row", first, "s", Target::AtMost(2.0));
    row.verdict(
        "all, share of the ceiling",
        share,
        "",
        Target::AtLeast(0.90),
    );
    Ok(row)
}

async fn kubectl_apply(stage: &Stage, scene: &Scene) -> Result<(), Failure> {
    let kubectl = stage.control_plane.kubectl().ok_or("there is no kubectl")?;
    let mut child = Command::new(kubectl)
        .args(["apply", "--filename=-"])
        .env("KUBECONFIG", stage.control_plane.kubeconfig())
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()?;
    let watch = Stage::watch(scene, &never()).to_string();
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(watch.as_bytes()).await?;
    }
    let status = child.wait().await?;
    if status.success() {
        Ok(())
    } else {
        Err(format!("kubectl apply ended with {status}").into())
    }
}
