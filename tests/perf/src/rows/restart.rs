//! A restart with everything in place, against a tight client that lists the same objects; and memory on the way.

use std::time::{Duration, Instant};

use serde_json::json;

use super::{Mode, float};
use crate::{
    Failure, ceiling,
    operator::NO_LIMITS,
    progress,
    result::{Row, Target, ratios},
    stage::Stage,
};

const TIMEOUT: Duration = Duration::from_secs(300);
const LARGE: u32 = 100_000;

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let size = mode.many();
    let mut row = Row::new(
        "restart",
        format!("Restart with {size} mirrors in place"),
        "From the start of the operator's process until its metrics count the first successful sync, which lists all of \
         Together's pages; the Lease is free, --kube-qps 0, --api-qps 1000. Compared with a tight client (reqwest) that lists \
         the same objects in pages of 500 and reads name, uid and version of each, from the start of its process to its end."
            .to_owned(),
    );
    restarts(stage, &mut row, size, mode.pick(7, 1), "").await?;
    if mode == Mode::Large {
        restarts(stage, &mut row, LARGE, 1, " (100,000)").await?;
    }
    Ok(row)
}

/// Restarts with so many mirrors in place; the figures' names end with `suffix`.
async fn restarts(
    stage: &mut Stage,
    row: &mut Row,
    size: u32,
    rounds: u32,
    suffix: &str,
) -> Result<(), Failure> {
    let mirrored = stage.mirrored(size, 100, &NO_LIMITS, &json!({})).await?;
    mirrored.operator.stop().await?;
    let (mut operator, mut bare, mut writes) = (vec![], vec![], vec![]);
    for round in 1..=rounds {
        let before = stage.mirror_writes().await?;
        let begun = Instant::now();
        let mut restarted = stage.starting_operator(&NO_LIMITS)?;
        restarted.polled(1, TIMEOUT).await?;
        operator.push(begun.elapsed().as_secs_f64());
        writes.push(float(stage.mirror_writes().await? - before));
        restarted.stop().await?;
        let (seconds, _) = ceiling::list(stage, &mirrored.scene).await?;
        bare.push(seconds);
        progress(&format!(
            "{size}, round {round}: operator {:.2} s, tight client's listing {seconds:.2} s",
            operator.last().copied().unwrap_or_default()
        ));
    }
    stage.strike(&mirrored.scene).await?;
    let ratio = ratios(&operator, &bare);
    row.figure(&format!("operator{suffix}"), "s", operator);
    row.figure(&format!("tight client's listing{suffix}"), "s", bare);
    let ratio = row.figure(&format!("ratio{suffix}"), "", ratio);
    row.figure(&format!("writes of mirrors{suffix}"), "", writes.clone());
    row.verdict(
        &format!("time, ratio{suffix}"),
        ratio,
        "",
        Target::AtMost(1.2),
    );
    let most = writes.into_iter().fold(0.0, f64::max);
    row.verdict(
        &format!("writes of mirrors{suffix}"),
        most,
        "",
        Target::AtMost(0.0),
    );
    Ok(())
}
