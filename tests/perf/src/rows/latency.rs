//! From a change at Together to what kubectl shows, with the operator as it comes.

use std::time::{Duration, Instant};

use futures::future::try_join_all;
use kube::ResourceExt as _;
use serde_json::json;

use super::{Mode, change::change_open};
use crate::{
    Failure, progress,
    result::{Row, Target, quantile, sorted},
    stage::{Scene, Stage},
};

const TIMEOUT: Duration = Duration::from_secs(120);
/// Remediations of each watch; one is open.
const SIZE: u32 = 20;

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let (watches, active, lasts) = mode.pick((10, 15_u32, 300), (3, 10, 1));
    let mut row = Row::new(
        "latency",
        "From a change at Together until it is visible in kubectl, while something is open"
            .to_owned(),
        format!(
            "The operator with its default flags; {watches} ClusterWatches of {SIZE} remediations that set an activeInterval \
             of {active} s, as the sample does, and nothing else. Changes happen at random times; a Kubernetes watch shows \
             when each is visible."
        ),
    );
    let operator = stage.operator(&[]).await?;
    let mut scenes = Vec::new();
    for _ in 0..watches {
        let scene = stage.scene(SIZE, SIZE).await?;
        let fields = json!({"activeInterval": format!("{active}s")});
        stage.apply_watch(&scene, &fields).await?;
        scenes.push(scene);
    }
    let until = Instant::now() + Duration::from_secs(lasts);
    let stage = &*stage;
    let seeds = 1_u64..;
    let changing = scenes.iter().zip(seeds).map(|(scene, seed)| {
        changes(
            stage,
            scene,
            seed,
            until,
            Duration::from_secs(active.into()),
        )
    });
    let each: Vec<f64> = try_join_all(changing)
        .await?
        .into_iter()
        .flatten()
        .collect();
    operator.stop().await?;
    progress(&format!("{} changes seen", each.len()));
    let sorted = sorted(&each);
    let bound = 1.1 * f64::from(active) + 1.0;
    row.figure("change to visible, each", "s", each);
    let p99 = row.figure("change to visible, p99", "s", vec![quantile(&sorted, 0.99)]);
    row.verdict("p99", p99, "s", Target::AtMost(bound));
    Ok(row)
}

/// Changes one remediation again and again, each time at a random instant after the last one was seen; how long each took.
async fn changes(
    stage: &Stage,
    scene: &Scene,
    seed: u64,
    until: Instant,
    active: Duration,
) -> Result<Vec<f64>, Failure> {
    let mut rng = fastrand::Rng::with_seed(seed);
    let mut mirrors = stage.events(&stage.mirrors(&scene.namespace)).await?;
    let mut each = Vec::new();
    // The first one is there once its mirror is.
    for round in 0.. {
        let (state, mut waiting) = change_open(stage, scene, round);
        let begun = Instant::now();
        let seen = mirrors
            .until(TIMEOUT, |mirror| {
                mirror.data["status"]["state"] == state && waiting.contains(&mirror.name_any())
            })
            .await?;
        waiting.clear();
        if round > 0 {
            each.push((seen.at - begun).as_secs_f64());
        }
        if Instant::now() >= until && round > 0 {
            break;
        }
        tokio::time::sleep(active.mul_f64(rng.f64() * 1.3)).await;
    }
    Ok(each)
}
