//! A sync that finds nothing new, against a program that only fetches and parses the same pages.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Mode, PAGE, float, never};
use crate::{
    Failure, ceiling,
    operator::NO_LIMITS,
    progress,
    result::{Row, Target, ratios},
    stage::{Mirrored, Stage},
};

const TIMEOUT: Duration = Duration::from_secs(300);
/// The operator rests for this long between two syncs on request (--min-interval), and so does the program that it is
/// compared with: what a processor remembers of an earlier listing helps neither.
const REST: Duration = Duration::from_secs(10);

/// What one sync took.
pub(super) struct Taken {
    pub(super) cpu: Duration,
    pub(super) wall: Duration,
}

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let size = mode.many();
    let mut row = Row::new(
        "unchanged",
        format!("One sync of {size}, nothing changed"),
        format!(
            "Full syncs in pages of {PAGE}, requested by annotation: the operator's processor time from its first call \
             until the status of the ClusterWatch shows the annotation (that one status write included); --kube-qps 0, \
             --api-qps 1000. Compared with a program that fetches the same pages with reqwest and parses them into serde types, after a rest as long as the operator's."
        ),
    );
    let mut mirrored = stage.mirrored(size, 100, &NO_LIMITS, &never()).await?;
    let writes = stage.mirror_writes().await?;
    let (mut operator, mut bare, mut wall, mut bare_wall) = (vec![], vec![], vec![], vec![]);
    let rest = mode.pick(REST, Duration::from_secs(1));
    for round in 1..=mode.pick(10, 1) {
        let taken = poll(stage, &mut mirrored, &format!("unchanged-{round}")).await?;
        let found = ceiling::fetch(stage, &mirrored.scene, PAGE, rest).await?;
        operator.push(taken.cpu.as_secs_f64() * 1000.0);
        wall.push(taken.wall.as_secs_f64() * 1000.0);
        bare.push(found.cpu_seconds * 1000.0);
        bare_wall.push(found.seconds * 1000.0);
        progress(&format!(
            "round {round}: operator {:.0} ms of CPU, fetch and parse only {:.0} ms",
            taken.cpu.as_secs_f64() * 1000.0,
            found.cpu_seconds * 1000.0
        ));
    }
    let writes = stage.mirror_writes().await? - writes;
    mirrored.operator.stop().await?;
    let ratio = ratios(&operator, &bare);
    row.figure("operator, CPU", "ms", operator);
    row.figure("fetch and parse only, CPU", "ms", bare);
    let ratio = row.figure("ratio", "", ratio);
    row.figure("operator, wall", "ms", wall);
    row.figure("fetch and parse only, wall", "ms", bare_wall);
    let writes = row.figure("writes of mirrors", "", vec![float(writes)]);
    row.verdict("CPU, ratio", ratio, "", Target::AtMost(1.1));
    row.verdict("writes of mirrors", writes, "", Target::AtMost(0.0));
    Ok(row)
}

/// One full listing, asked for in this `word`. It keeps ten times the last one's duration from it; what the operator does
/// meanwhile is not counted.
pub(super) async fn poll(
    stage: &Stage,
    mirrored: &mut Mirrored,
    word: &str,
) -> Result<Taken, Failure> {
    let pages = stage.simulator.counters().pages;
    stage.request(&mirrored.scene, word).await?;
    let deadline = Instant::now() + TIMEOUT;
    let (mut cpu, mut begun) = (mirrored.operator.cpu()?, Instant::now());
    while stage.simulator.counters().pages == pages {
        if begun > deadline {
            return Err("the operator does not react to the annotation".into());
        }
        (cpu, begun) = (mirrored.operator.cpu()?, Instant::now());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let seen = mirrored
        .watch
        .until(TIMEOUT, |watch| {
            watch.data["status"]["lastHandledReconcileAt"] == json!(word)
        })
        .await?;
    Ok(Taken {
        cpu: mirrored.operator.cpu()?.saturating_sub(cpu),
        wall: seen.at - begun,
    })
}
