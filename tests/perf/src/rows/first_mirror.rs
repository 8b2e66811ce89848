//! The first mirror of a large cluster, against the faster of two tight clients that write the same.

use serde_json::json;

use super::Mode;
use crate::{
    Failure,
    ceiling::Ceiling,
    operator::NO_LIMITS,
    progress,
    result::{Row, Target, ratios},
    stage::Stage,
};

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let size = mode.many();
    let mut row = Row::new(
        "first-mirror",
        format!("First mirror of {size}, against the write ceiling"),
        "From the watch's creation until its status says Synced, with all listed, created and given their status; \
         --kube-qps 0, --api-qps 1000. The ceiling is the faster of a tight Rust client (reqwest, HTTP/1.1) and a tight \
         Go client (net/http, HTTP/2) that make the same writes: same bodies, same account, 32 at a time."
            .to_owned(),
    );
    let mut ceiling = None;
    let (mut operator, mut rust, mut go, mut peak) = (vec![], vec![], vec![], vec![]);
    let (mut cpu, mut cpu_rust, mut cpu_go) = (vec![], vec![], vec![]);
    for round in 1..=mode.pick(3, 1) {
        let mirrored = stage.mirrored(size, 100, &NO_LIMITS, &json!({})).await?;
        operator.push(mirrored.took.as_secs_f64());
        cpu.push(mirrored.cpu.as_secs_f64());
        peak.push(mirrored.operator.peak_mib()?);
        progress(&format!(
            "round {round}: operator {:.2} s",
            mirrored.took.as_secs_f64()
        ));
        mirrored.operator.stop().await?;
        let writers = match ceiling.take() {
            Some(ceiling) => ceiling,
            None => Ceiling::of(stage, &mirrored.scene).await?,
        };
        stage.strike(&mirrored.scene).await?;
        let found = writers.rust(stage).await?;
        rust.push(found.seconds);
        cpu_rust.push(found.cpu_seconds);
        progress(&format!(
            "round {round}: tight Rust client {:.2} s",
            found.seconds
        ));
        let found = writers.go(stage).await?;
        go.push(found.seconds);
        cpu_go.push(found.cpu_seconds);
        progress(&format!(
            "round {round}: tight Go client {:.2} s",
            found.seconds
        ));
        ceiling = Some(writers);
    }
    let fastest: Vec<f64> = rust.iter().zip(&go).map(|(a, b)| a.min(*b)).collect();
    let share = ratios(&fastest, &operator);
    row.figure("operator", "s", operator);
    row.figure("tight Rust client", "s", rust);
    row.figure("tight Go client", "s", go);
    let share = row.figure("share of the ceiling", "", share);
    row.figure("operator, CPU", "s", cpu);
    row.figure("tight Rust client, CPU", "s", cpu_rust);
    row.figure("tight Go client, CPU", "s", cpu_go);
    row.figure("operator, VmHWM", "MiB", peak);
    row.verdict("share of the ceiling", share, "", Target::AtLeast(0.90));
    Ok(row)
}
