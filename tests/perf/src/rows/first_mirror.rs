//! The first mirror of a large cluster, against the faster of two tight clients that write the same.

use serde_json::json;

use super::Mode;
use crate::{
    Failure,
    ceiling::Ceiling,
    client::Found,
    operator::NO_LIMITS,
    progress,
    result::{Row, Target, ratios},
    stage::{Scene, Stage},
};

/// What one of the three took, in seconds.
#[derive(Default)]
struct Times {
    wall: Vec<f64>,
    cpu: Vec<f64>,
}

impl Times {
    /// Adds the figures of one round, and returns the line that reports them.
    fn add(&mut self, who: &str, found: &Found) -> String {
        self.wall.push(found.seconds);
        self.cpu.push(found.cpu_seconds);
        format!("{who} {:.2} s", found.seconds)
    }
}

#[derive(Default)]
struct Taken {
    operator: Times,
    rust: Times,
    go: Times,
    /// The operator's `VmHWM`, in MiB.
    peak: Vec<f64>,
}

impl Taken {
    /// A first mirror, and where it is.
    async fn operator(&mut self, stage: &mut Stage, size: u32) -> Result<(String, Scene), Failure> {
        let mirrored = stage.mirrored(size, 100, &NO_LIMITS, &json!({})).await?;
        self.operator.wall.push(mirrored.took.as_secs_f64());
        self.operator.cpu.push(mirrored.cpu.as_secs_f64());
        self.peak.push(mirrored.operator.peak_mib()?);
        mirrored.operator.stop().await?;
        let summary = format!("operator {:.2} s", mirrored.took.as_secs_f64());
        Ok((summary, mirrored.scene))
    }
}

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let size = mode.many();
    let mut row = Row::new(
        "first-mirror",
        format!("First mirror of {size}, against the write ceiling"),
        "From the creation of the ClusterWatch until its status says Synced, when all mirrors exist and have their status; \
         --kube-qps 0, --api-qps 1000. The ceiling is the faster of a tight Rust client (reqwest, HTTP/1.1) and a tight \
         Go client (net/http, HTTP/2) that make the same writes: same bodies, same account, 32 at a time. Each goes first in \
         one of three rounds; a round before them is not counted."
            .to_owned(),
    );
    let mut taken = Taken::default();
    // Not counted: a new server is slow at first, and the clients need bodies.
    let (_, mirrored) = Taken::default().operator(stage, size).await?;
    let ceiling = Ceiling::of(stage, &mirrored).await?;
    stage.strike(&mirrored).await?;
    for round in 0..mode.pick(3, 1) {
        // Each is the first once.
        for turn in 0..3 {
            let summary = match (round + turn) % 3 {
                0 => {
                    let (summary, scene) = taken.operator(stage, size).await?;
                    stage.strike(&scene).await?;
                    summary
                }
                1 => taken
                    .rust
                    .add("tight Rust client", &ceiling.rust(stage).await?),
                _ => taken.go.add("tight Go client", &ceiling.go(stage).await?),
            };
            progress(&format!("round {}: {summary}", round + 1));
        }
    }
    let Taken {
        operator,
        rust,
        go,
        peak,
    } = taken;
    let fastest: Vec<f64> = rust
        .wall
        .iter()
        .zip(&go.wall)
        .map(|(a, b)| a.min(*b))
        .collect();
    let share = ratios(&fastest, &operator.wall);
    row.figure("operator", "s", operator.wall);
    row.figure("tight Rust client", "s", rust.wall);
    row.figure("tight Go client", "s", go.wall);
    let share = row.figure("share of the ceiling", "", share);
    row.figure("operator, CPU", "s", operator.cpu);
    row.figure("tight Rust client, CPU", "s", rust.cpu);
    row.figure("tight Go client, CPU", "s", go.cpu);
    row.figure("operator, VmHWM", "MiB", peak);
    row.verdict("share of the ceiling", share, "", Target::AtLeast(0.97));
    Ok(row)
}
