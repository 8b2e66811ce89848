//! What the operator costs where nothing happens.

use std::time::Duration;

use serde_json::json;

use super::{Mode, float};
use crate::{
    Failure, ceiling,
    client::Calls,
    progress,
    result::{Row, Target},
    stage::{Stage, is_write},
};

const WATCHES: u32 = 10;
/// Remediations of each, all finished.
const SIZE: u32 = 20;
const DAY: f64 = 86_400.0;
const TIMEOUT: Duration = Duration::from_secs(120);
/// Writes and calls of the first mirror are over by then.
const SETTLE: Duration = Duration::from_secs(5);

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let seconds = mode.pick(480_u32, 5);
    let factor = DAY / f64::from(seconds);
    let mut row = Row::new(
        "quiet",
        format!("A quiet cluster: {WATCHES} ClusterWatches of {SIZE} finished remediations"),
        format!(
            "The operator with its default flags and ClusterWatches that set no interval, for {seconds} s after the first \
             mirror; a day is that times {factor:.0}. Writes are all those of this API group and of Events; the Lease is not \
             counted. The bare loop makes the same calls every 60 s."
        ),
    );
    let mut operator = stage.operator(&[]).await?;
    let mut calls = Vec::new();
    for _ in 0..WATCHES {
        let scene = stage.scene(SIZE, 0).await?;
        stage.apply_watch(&scene, &json!({})).await?;
        calls.push((
            ceiling::listing_url(stage, &scene.cluster),
            stage.simulator.key().to_owned(),
        ));
    }
    operator.polled(WATCHES, TIMEOUT).await?;
    tokio::time::sleep(SETTLE).await;
    progress(&format!("{seconds} s of quiet begin"));
    let before = (reading(stage).await?, operator.cpu()?);
    tokio::time::sleep(Duration::from_secs(seconds.into())).await;
    let after = (reading(stage).await?, operator.cpu()?);
    operator.stop().await?;
    let cpu = after.1.saturating_sub(before.1).as_secs_f64();
    let intervals = mode.pick(5, 1);
    let interval_seconds = mode.pick(60.0, 5.0);
    let bare = Calls {
        targets: calls,
        interval_seconds,
        intervals,
    };
    let bare = ceiling::poll(stage, &bare).await?;

    let each = factor / f64::from(WATCHES);
    let a_day = |after: u64, before: u64| float(after - before) * each;
    let calls = row.figure(
        "API calls a day, each ClusterWatch",
        "",
        vec![a_day(after.0.0, before.0.0)],
    );
    let writes = row.figure(
        "writes a day, each ClusterWatch",
        "",
        vec![a_day(after.0.1, before.0.1)],
    );
    let millicores = row.figure(
        "operator, CPU",
        "millicores",
        vec![cpu * 1000.0 / f64::from(seconds)],
    );
    row.figure(
        "bare loop, CPU",
        "millicores",
        vec![bare.cpu_seconds * 1000.0 / (interval_seconds * f64::from(intervals))],
    );
    row.verdict("API calls a day", calls, "", Target::AtMost(1600.0));
    row.verdict(
        "writes a day without the Lease",
        writes,
        "",
        Target::AtMost(300.0),
    );
    row.verdict(
        "CPU of 10 ClusterWatches",
        millicores,
        "millicores",
        Target::AtMost(1.0),
    );
    Ok(row)
}

/// Calls of Together's API and writes of the cluster so far.
async fn reading(stage: &Stage) -> Result<(u64, u64), Failure> {
    let counts = stage.control_plane.requests().await?;
    let ours = |group: &str| matches!(group, "compute.together.ai" | "events.k8s.io");
    let writes = counts.count(|kind| ours(&kind.group) && is_write(&kind.verb));
    Ok((stage.simulator.counters().calls(), writes))
}
