//! Many `ClusterWatches` of one node each, in one namespace: whether a change of one keeps the operator's thread busy for long.

use std::time::Duration;

use kube::api::{DeleteParams, Patch, PatchParams};
use serde_json::{Value, json};

use super::Mode;
use crate::{
    Failure,
    operator::NO_LIMITS,
    progress,
    result::{Row, Target, quantile, sorted},
    stage::{Scene, Stage, remediation},
};

const TIMEOUT: Duration = Duration::from_secs(600);
/// Pause between two requests.
const PAUSE: Duration = Duration::from_millis(2);

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let (watches, changes) = mode.pick((1_000, 100), (20, 2));
    let mut row = Row::new(
        "instances",
        format!("{watches} ClusterWatches of one node each, in one namespace"),
        format!(
            "GET /livez is asked every {} ms. For how long does the operator's only thread run until it answers? At first while the \
             operator starts and syncs all, then while {changes} ClusterWatches are created, changed and deleted, one after \
             another; --kube-qps 0, --api-qps 1000.",
            PAUSE.as_millis()
        ),
    );
    let scene = stage.scene(0, 0).await?;
    for number in 0..watches + changes {
        let mut one = remediation(&scene.cluster, number, false);
        one.instance_id = instance(number);
        stage.simulator.put(one);
    }
    let objects = (0..watches).map(|number| watch(&scene, number)).collect();
    stage.create_watches(&scene.namespace, objects).await?;
    let mut operator = stage.operator(&NO_LIMITS).await?;
    let health = operator.health();
    let starting = health
        .during(PAUSE, operator.polled_quietly(watches, TIMEOUT))
        .await?;
    progress("all are mirrored");
    let changing = health
        .during(PAUSE, change(stage, &scene, watches..watches + changes))
        .await?;
    operator.stop().await?;
    let mut longest = 0.0_f64;
    for (when, samples) in [("start", starting), ("changes", changing)] {
        let sorted = sorted(&samples);
        row.figure(
            &format!("{when}: half of the requests"),
            "ms",
            vec![quantile(&sorted, 0.5)],
        );
        row.figure(&format!("{when}: p99"), "ms", vec![quantile(&sorted, 0.99)]);
        let most = row.figure(
            &format!("{when}: longest"),
            "ms",
            vec![quantile(&sorted, 1.0)],
        );
        longest = longest.max(most);
    }
    row.verdict("longest", longest, "ms", Target::AtMost(20.0));
    Ok(row)
}

fn instance(number: u32) -> String {
    format!("instance-{number}")
}

/// The `ClusterWatch` of one node.
fn watch(scene: &Scene, number: u32) -> Value {
    let fields =
        json!({"instanceId": instance(number), "interval": "24h", "activeInterval": "24h"});
    let mut watch = Stage::watch(scene, &fields);
    watch["metadata"]["name"] = json!(format!("node-{number}"));
    watch
}

/// Creates, changes and deletes these, one after another.
async fn change(
    stage: &Stage,
    scene: &Scene,
    numbers: std::ops::Range<u32>,
) -> Result<(), Failure> {
    let api = stage.watches(&scene.namespace);
    for number in numbers {
        let name = format!("node-{number}");
        stage
            .create_watches(&scene.namespace, vec![watch(scene, number)])
            .await?;
        let patch = Patch::Merge(json!({"spec": {"activeInterval": "23h"}}));
        api.patch(&name, &PatchParams::default(), &patch).await?;
        api.delete(&name, &DeleteParams::default()).await?;
    }
    Ok(())
}
