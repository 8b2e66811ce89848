//! Many watches in one operator: whether each is polled in time, whether polls are spread, and what they cost.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use serde_json::json;

use super::{Mode, float};
use crate::{
    Failure, ceiling,
    client::Calls,
    progress,
    result::{Row, Target, quantile, sorted},
    stage::{Scene, Stage, remediation, secret},
};

const TIMEOUT: Duration = Duration::from_secs(1800);
/// How exactly the time of a call is known.
const LOOK: Duration = Duration::from_millis(50);

/// When which cluster was asked for, in seconds.
type Asked = Vec<(f64, String)>;

/// Which `ClusterWatches` there are, all in one namespace.
struct World {
    watches: u32,
    /// Remediations of each.
    size: u32,
    keys: u32,
    /// In seconds.
    interval: u32,
    /// Intervals that are measured.
    intervals: u32,
    /// Intervals before: `ClusterWatches` that began together are spread by their first ten syncs.
    warm_up: u32,
}

/// What the operator did in the measured intervals.
struct Measured {
    asked: Asked,
    cpu: Duration,
    window: f64,
    /// Which cluster is asked with which key.
    clusters: Vec<(String, String)>,
    peak_mib: f64,
}

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let (watches, keys, interval) = mode.pick((500, 25, 30), (20, 4, 10));
    let world = World {
        watches,
        size: 20,
        keys,
        interval,
        intervals: mode.pick(6, 2),
        warm_up: mode.pick(11, 1),
    };
    let mut row = Row::new(
        "many",
        world.title(),
        format!(
            "{} The bare loop makes the same calls at the same rate and discards the answers.",
            world.how()
        ),
    );
    let measured = world.run(stage).await?;
    let recent = stage.simulator.counters().recent;
    let query = recent.back().map(|call| call.query.clone());
    let query = query.unwrap_or_default();
    let calls = measured.clusters.iter().map(|(cluster, key)| {
        let url = ceiling::listing_url(stage, cluster);
        (format!("{url}?{query}"), key.clone())
    });
    let bare = Calls {
        targets: calls.collect(),
        interval_seconds: f64::from(world.interval),
        intervals: mode.pick(world.intervals, 1),
    };
    let bare = ceiling::poll(stage, &bare).await?;
    measured.pace(&mut row, &world)?;
    let ours = measured.cpu_a_call()?;
    let theirs = bare.cpu_seconds * 1e6 / float(u64::try_from(bare.count)?);
    row.figure("operator, CPU a call", "us", vec![ours]);
    row.figure("bare loop, CPU a call", "us", vec![theirs]);
    let ratio = row.figure("CPU, ratio", "", vec![ours / theirs]);
    row.verdict("CPU, ratio", ratio, "", Target::AtMost(2.0));
    Ok(row)
}

/// Four times as many `ClusterWatches` and ten times as many mirrors.
pub(super) async fn measure_fleet(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let (watches, size, keys, interval) = mode.pick((2_000, 50, 100, 60), (40, 5, 4, 10));
    let world = World {
        watches,
        size,
        keys,
        interval,
        intervals: mode.pick(5, 2),
        warm_up: mode.pick(11, 1),
    };
    let mut row = Row::new("fleet", world.title(), world.how());
    let measured = world.run(stage).await?;
    measured.pace(&mut row, &world)?;
    let ours = measured.cpu_a_call()?;
    row.figure("operator, CPU a call", "us", vec![ours]);
    let cores = measured.cpu.as_secs_f64() / measured.window;
    let percent = row.figure("operator, CPU", "% of a core", vec![cores * 100.0]);
    row.figure("operator, VmHWM", "MiB", vec![measured.peak_mib]);
    row.verdict("CPU", percent, "% of a core", Target::AtMost(10.0));
    Ok(row)
}

impl World {
    fn title(&self) -> String {
        format!(
            "{} ClusterWatches of {} remediations, interval {} s, {} keys",
            self.watches, self.size, self.interval, self.keys
        )
    }

    fn how(&self) -> String {
        format!(
            "The operator with --kube-qps 0 and otherwise default flags, for {} intervals, from {} intervals after all were \
             mirrored.",
            self.intervals, self.warm_up
        )
    }

    /// Mirrors all, and writes down the calls of the measured intervals. An operator that loses its Lease ends, which is
    /// an error.
    async fn run(&self, stage: &mut Stage) -> Result<Measured, Failure> {
        let clusters = self.set(stage).await?;
        let mut operator = stage.operator(&["--kube-qps", "0"]).await?;
        operator.polled_quietly(self.watches, TIMEOUT).await?;
        progress("all are mirrored");
        let interval = Duration::from_secs(self.interval.into());
        let warmed_up = async {
            tokio::time::sleep(interval * self.warm_up).await;
            Ok(())
        };
        operator.running(warmed_up).await?;
        let before = operator.cpu()?;
        let window = interval * self.intervals;
        let listen = async { Ok(listen(stage, window).await) };
        let asked = operator.running(listen).await?;
        let cpu = operator.cpu()?.saturating_sub(before);
        let peak_mib = operator.peak_mib()?;
        operator.stop().await?;
        Ok(Measured {
            asked,
            cpu,
            window: window.as_secs_f64(),
            clusters,
            peak_mib,
        })
    }

    /// Creates the `ClusterWatches`. Returns which cluster is asked with which key.
    async fn set(&self, stage: &mut Stage) -> Result<Vec<(String, String)>, Failure> {
        let first = stage.scene(0, 0).await?;
        let mut secrets = Vec::new();
        for key in 0..self.keys {
            let text = format!("simulator-key-{key}");
            stage.simulator.add_key(&text, None);
            secrets.push(secret(&first.namespace, &format!("key-{key}"), &text).to_string());
        }
        stage.control_plane.apply(&secrets.join("\n---\n")).await?;
        let mut clusters = Vec::new();
        let mut objects = Vec::new();
        for number in 0..self.watches {
            let cluster = format!("5f0c2f0e-6a3b-4d0a-9a57-1{number:011x}");
            stage.simulator.add_cluster(&cluster);
            for place in 0..self.size {
                // No two clusters share an id: all mirrors are in one namespace.
                stage
                    .simulator
                    .put(remediation(&cluster, number * self.size + place, false));
            }
            let scene = Scene {
                cluster: cluster.clone(),
                ..first.clone()
            };
            let (key, interval) = (number % self.keys, format!("{}s", self.interval));
            let mut watch = Stage::watch(
                &scene,
                &json!({"interval": interval, "activeInterval": interval, "apiKeySecretRef": {"name": format!("key-{key}")}}),
            );
            watch["metadata"]["name"] = json!(format!("training-{number}"));
            objects.push(watch);
            clusters.push((cluster, format!("simulator-key-{key}")));
        }
        stage.create_watches(&first.namespace, objects).await?;
        Ok(clusters)
    }
}

impl Measured {
    /// In microseconds.
    fn cpu_a_call(&self) -> Result<f64, Failure> {
        Ok(self.cpu.as_secs_f64() * 1e6 / float(u64::try_from(self.asked.len())?))
    }

    /// Figures and verdicts on when the calls were made.
    fn pace(&self, row: &mut Row, world: &World) -> Result<(), Failure> {
        let mean = float(u64::try_from(self.asked.len())?) / self.window;
        let off = sorted(&off(&self.asked, f64::from(world.interval)));
        row.figure("API calls a second", "", vec![mean]);
        let spread = row.figure(
            "busiest second over the mean",
            "",
            vec![busiest(&self.asked) / mean],
        );
        row.figure(
            "off its time, half of the syncs",
            "",
            vec![quantile(&off, 0.5)],
        );
        let most = row.figure("off its time, at most", "", vec![quantile(&off, 1.0)]);
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
        Ok(())
    }
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
    fn the_cluster_is_read_from_the_path() {
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
