//! A restart with everything in place, against a tight client that lists the same objects; and memory on the way.

use std::time::{Duration, Instant};

use serde_json::json;

use super::Mode;
use crate::{
    Failure, ceiling,
    operator::NO_LIMITS,
    progress,
    result::{Row, Target, ratios},
    stage::Stage,
};

const PATIENCE: Duration = Duration::from_secs(300);

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let size = mode.many();
    let mut row = Row::new(
        "restart",
        format!("Restart with {size} mirrors in place"),
        "From the start of the operator's process until its metrics count the first good poll, which lists all of Together's \
         pages; the Lease is free, --kube-qps 0, --api-qps 1000. Against a tight client (reqwest) that lists the same \
         objects in pages of 500 and reads name, uid and version of each, from its start as a process to its end."
            .to_owned(),
    );
    let mirrored = stage.mirrored(size, 100, &NO_LIMITS, &json!({})).await?;
    mirrored.operator.stop().await?;
    let (mut operator, mut bare, mut writes) = (vec![], vec![], vec![]);
    for round in 1..=mode.pick(7, 2) {
        let before = stage.mirror_writes().await?;
        let begun = Instant::now();
        let mut restarted = stage.starting_operator(&NO_LIMITS)?;
        restarted.polled(1, PATIENCE).await?;
        operator.push(begun.elapsed().as_secs_f64());
        #[allow(clippy::cast_precision_loss, reason = "far below 2^52")]
        writes.push((stage.mirror_writes().await? - before) as f64);
        restarted.stop().await?;
        let (seconds, _) = ceiling::list(stage, &mirrored.scene).await?;
        bare.push(seconds);
        progress(&format!(
            "round {round}: operator {:.2} s, tight client's listing {seconds:.2} s",
            operator.last().copied().unwrap_or_default()
        ));
    }
    stage.strike(&mirrored.scene).await?;
    let ratio = ratios(&operator, &bare);
    row.figure("operator", "s", operator);
    row.figure("tight client's listing", "s", bare);
    let ratio = row.figure("ratio", "", ratio);
    let writes = row.figure("writes of mirrors", "", writes);
    row.verdict("time, ratio", ratio, "", Target::AtMost(1.3));
    row.verdict("writes of mirrors", writes, "", Target::AtMost(0.0));
    Ok(row)
}
