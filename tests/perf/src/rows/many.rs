//! Many watches in one operator: whether each is polled in time, whether polls are spread, and what they cost.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use kube::api::PostParams;
use serde_json::json;

use super::{Mode, float};
use crate::{
    Failure, ceiling,
    client::Calls,
    progress,
    result::{Row, Target, quantile, sorted},
    stage::{Scene, Stage, remediation, secret},
};

const PATIENCE: Duration = Duration::from_secs(900);
/// How exactly the time of a call is known.
const LOOK: Duration = Duration::from_millis(50);
/// Remediations of each watch.
const SIZE: u32 = 20;

/// When which cluster was asked for, in seconds.
type Asked = Vec<(f64, String)>;

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let (watches, keys, interval) = mode.pick((500_u32, 25_u32, 30_u32), (20, 4, 10));
    let intervals = mode.pick(10, 2);
    // ClusterWatches that began together are spread by their first ten syncs.
    let settled = mode.pick(11, 1);
    let mut row = Row::new(
        "many",
        format!(
            "{watches} ClusterWatches of {SIZE} remediations, interval {interval} s, {keys} keys"
        ),
        format!(
            "The operator with --kube-qps 0 and otherwise default flags, for {intervals} intervals, from {settled} intervals \
             after all were mirrored. The bare loop makes the same calls at the same rate and discards the answers."
        ),
    );
    let clusters = set(stage, watches, keys, interval).await?;
    let mut operator = stage.operator(&["--kube-qps", "0"]).await?;
    operator.polled(watches, PATIENCE).await?;
    progress("all are mirrored");
    let interval_seconds = f64::from(interval);
    tokio::time::sleep(Duration::from_secs_f64(
        interval_seconds * f64::from(settled),
    ))
    .await;
    let cpu = operator.cpu()?;
    let window = interval_seconds * f64::from(intervals);
    let asked = listen(stage, Duration::from_secs_f64(window)).await;
    let cpu = operator.cpu()?.saturating_sub(cpu).as_secs_f64();
    operator.stop().await?;
    let recent = stage.simulator.counters().recent;
    let query = recent.back().map(|call| call.query.clone());
    let query = query.unwrap_or_default();
    let calls = clusters.into_iter().map(|(cluster, key)| {
        let url = ceiling::listing_url(stage, &cluster);
        (format!("{url}?{query}"), key)
    });
    let bare = Calls {
        targets: calls.collect(),
        interval_seconds,
        intervals: mode.pick(intervals, 1),
    };
    let bare = ceiling::poll(stage, &bare).await?;

    let count = float(u64::try_from(asked.len())?);
    let mean = count / window;
    let busiest = busiest(&asked);
    let off: Vec<f64> = off(&asked, interval_seconds);
    let sorted_off = sorted(&off);
    let each = |seconds: f64, calls: f64| seconds * 1e6 / calls;
    let ours = each(cpu, count);
    let theirs = each(bare.cpu_seconds, float(u64::try_from(bare.count)?));
    row.figure("API calls a second", "", vec![mean]);
    let spread = row.figure("busiest second over the mean", "", vec![busiest / mean]);
    row.figure(
        "off its time, half of the syncs",
        "",
        vec![quantile(&sorted_off, 0.5)],
    );
    let most = row.figure(
        "off its time, at most",
        "",
        vec![quantile(&sorted_off, 1.0)],
    );
    row.figure("operator, CPU a call", "us", vec![ours]);
    row.figure("bare loop, CPU a call", "us", vec![theirs]);
    let ratio = row.figure("CPU, ratio", "", vec![ours / theirs]);
    row.verdict(
        "busiest second over the mean",
        spread,
        "",
        Target::AtMost(3.0),
    );
    row.verdict(
        "off its time, part of the interval",
        most,
        "",
        Target::AtMost(0.10),
    );
    row.verdict("CPU, ratio", ratio, "", Target::AtMost(2.0));
    Ok(row)
}

/// All watches in one namespace, and which cluster is asked with which key.
async fn set(
    stage: &mut Stage,
    watches: u32,
    keys: u32,
    interval: u32,
) -> Result<Vec<(String, String)>, Failure> {
    let first = stage.scene(0, 0).await?;
    let mut secrets = Vec::new();
    for key in 0..keys {
        let text = format!("simulator-key-{key}");
        stage.simulator.add_key(&text, None);
        secrets.push(secret(&first.namespace, &format!("key-{key}"), &text).to_string());
    }
    stage.control_plane.apply(&secrets.join("\n---\n")).await?;
    let api = stage.watches(&first.namespace);
    let mut clusters = Vec::new();
    let mut objects = Vec::new();
    for number in 0..watches {
        let cluster = format!("5f0c2f0e-6a3b-4d0a-9a57-1{number:011x}");
        stage.simulator.add_cluster(&cluster);
        for place in 0..SIZE {
            // No two clusters share an id: all mirrors are in one namespace.
            stage
                .simulator
                .put(remediation(&cluster, number * SIZE + place, false));
        }
        let scene = Scene {
            cluster: cluster.clone(),
            ..first.clone()
        };
        let key = number % keys;
        let mut watch = Stage::watch(
            &scene,
            &json!({"interval": format!("{interval}s"), "activeInterval": format!("{interval}s"), "apiKeySecretRef": {"name": format!("key-{key}")}}),
        );
        watch["metadata"]["name"] = json!(format!("training-{number}"));
        objects.push(serde_json::from_value(watch)?);
        clusters.push((cluster, format!("simulator-key-{key}")));
    }
    stream::iter(objects)
        .map(|object| {
            let api = api.clone();
            async move { api.create(&PostParams::default(), &object).await }
        })
        .buffer_unordered(16)
        .try_collect::<Vec<_>>()
        .await?;
    Ok(clusters)
}

/// Writes down which cluster is asked for, and when.
async fn listen(stage: &Stage, window: Duration) -> Asked {
    let begun = Instant::now();
    let mut known = stage.simulator.counters().calls();
    let mut asked = Vec::new();
    while begun.elapsed() < window {
        tokio::time::sleep(LOOK).await;
        let (now, counters) = (begun.elapsed().as_secs_f64(), stage.simulator.counters());
        let news = usize::try_from(counters.calls() - known).unwrap_or(usize::MAX);
        known = counters.calls();
        for call in counters.recent.iter().rev().take(news) {
            asked.push((now, cluster(&call.path).to_owned()));
        }
    }
    asked
}

/// The cluster that a call's path names, or nothing.
fn cluster(path: &str) -> &str {
    let cluster = path.strip_prefix("/compute/clusters/");
    cluster
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default()
}

/// Calls of the second in which most came.
fn busiest(asked: &Asked) -> f64 {
    let mut seconds: BTreeMap<u64, u64> = BTreeMap::new();
    for (at, _) in asked {
        #[allow(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole seconds since the start"
        )]
        let second = at.floor() as u64;
        *seconds.entry(second).or_default() += 1;
    }
    float(seconds.into_values().max().unwrap_or_default())
}

/// How far each pause between two polls of a cluster is from the interval, as a part of it.
fn off(asked: &Asked, interval: f64) -> Vec<f64> {
    let mut last: BTreeMap<&str, f64> = BTreeMap::new();
    let mut off = Vec::new();
    for (at, cluster) in asked {
        if let Some(before) = last.insert(cluster, *at) {
            off.push(((at - before) / interval - 1.0).abs());
        }
    }
    off
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clusters_are_told_apart() {
        let path = "/compute/clusters/5f0c/instances/-/remediations";
        assert_eq!(cluster(path), "5f0c");
        assert_eq!(cluster("/v1/clusters"), "");
    }

    #[test]
    fn a_late_poll_and_a_busy_second_are_seen() {
        let asked: Asked = [(0.1, "a"), (0.2, "b"), (0.9, "c"), (10.1, "a"), (12.2, "b")]
            .map(|(at, cluster)| (at, cluster.to_owned()))
            .to_vec();
        assert!((busiest(&asked) - 3.0).abs() < 1e-9);
        let off = off(&asked, 10.0);
        assert_eq!(off.len(), 2);
        assert!(
            off[0].abs() < 1e-9 && (off[1] - 0.2).abs() < 1e-9,
            "{off:?}"
        );
    }
}
