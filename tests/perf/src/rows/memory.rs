//! The most memory that the operator ever holds: over start, first mirror, idle time and restart, for growing clusters.

use std::time::Duration;

use serde_json::json;

use super::Mode;
use crate::{
    Failure,
    operator::NO_LIMITS,
    progress,
    result::{Row, Target},
    stage::Stage,
};

/// MiB at so many mirrors.
const TARGETS: [(u32, f64); 4] = [
    (1_000, 15.0),
    (10_000, 20.0),
    (100_000, 72.0),
    (300_000, 200.0),
];
const TIMEOUT: Duration = Duration::from_secs(600);

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let sizes: &[(u32, u32)] = match mode {
        Mode::Quick => &[(50, 1), (150, 1)],
        Mode::Full => &[(1_000, 3), (10_000, 2)],
        Mode::Large => &[(1_000, 3), (10_000, 2), (100_000, 1), (300_000, 1)],
    };
    let mut row = Row::new(
        "memory",
        "Peak memory".to_owned(),
        "VmHWM as the kernel counts it, the greater of two processes: one that starts, creates all mirrors and then idles, \
         and one that starts with all mirrors in place, syncs once and idles; --kube-qps 0, --api-qps 1000."
            .to_owned(),
    );
    let largest = sizes.last().map_or(0, |(size, _)| *size);
    let idle = Duration::from_secs(mode.pick(35, 2));
    let mut curve = Vec::new();
    for (size, rounds) in sizes {
        let (mut first, mut again, mut peak) = (vec![], vec![], vec![]);
        for round in 1..=*rounds {
            let mirrored = stage.mirrored(*size, 100, &NO_LIMITS, &json!({})).await?;
            tokio::time::sleep(idle).await;
            let begun = mirrored.operator.peak_mib()?;
            mirrored.operator.stop().await?;
            let mut restarted = stage.starting_operator(&NO_LIMITS)?;
            restarted.polled(1, TIMEOUT).await?;
            tokio::time::sleep(idle).await;
            let restart = restarted.peak_mib()?;
            restarted.stop().await?;
            progress(&format!(
                "{size}: {begun:.1} MiB first, {restart:.1} MiB after a restart"
            ));
            first.push(begun);
            again.push(restart);
            peak.push(begun.max(restart));
            // The last of the largest goes with its control plane.
            if *size < largest || round < *rounds {
                stage.strike(&mirrored.scene).await?;
            }
        }
        row.figure(&format!("{size}: start, first mirror, idle"), "MiB", first);
        row.figure(&format!("{size}: restart, sync, idle"), "MiB", again);
        let peak = row.figure(&format!("{size}: peak"), "MiB", peak);
        if let Some((_, bound)) = TARGETS.iter().find(|(at, _)| at == size) {
            row.verdict(
                &format!("peak at {size}"),
                peak,
                "MiB",
                Target::AtMost(*bound),
            );
        }
        curve.push((f64::from(*size), peak));
    }
    let slopes: Vec<f64> = curve
        .windows(2)
        .map(|pair| (pair[1].1 - pair[0].1) * 1024.0 / (pair[1].0 - pair[0].0))
        .collect();
    if let [.., earlier, later] = slopes[..] {
        row.figure(
            "each further mirror, at the lower sizes",
            "KiB",
            vec![earlier],
        );
        row.figure(
            "each further mirror, at the higher sizes",
            "KiB",
            vec![later],
        );
        row.verdict(
            "growth, later over earlier",
            later / earlier,
            "",
            Target::AtMost(1.0),
        );
    }
    Ok(row)
}
