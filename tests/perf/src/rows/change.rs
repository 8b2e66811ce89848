//! One in a hundred of a large cluster has changed: the time from the page that shows it to the status that reports it.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use k8s_openapi::jiff::Timestamp;
use kube::ResourceExt as _;

use super::{Mode, float, never};
use crate::{
    Failure,
    operator::NO_LIMITS,
    progress,
    result::{Row, Target, quantile, sorted},
    stage::{Mirrored, Scene, Stage},
};

const TIMEOUT: Duration = Duration::from_secs(300);
/// How exactly the simulator knows the time.
const TICK: Duration = Duration::from_millis(1);

/// What became of one round's changes.
pub(super) struct Changed {
    /// Milliseconds from page to status, for each.
    pub(super) each: Vec<f64>,
    /// From the request for the listing until the last status.
    pub(super) asked: Duration,
    /// From the first page's request until the last status.
    pub(super) all: Duration,
}

pub(super) async fn measure(stage: &mut Stage, mode: Mode) -> Result<Row, Failure> {
    let size = mode.many();
    let mut row = Row::new(
        "change",
        format!("1 % of {size} changed"),
        "One remediation in a hundred, evenly spread over the pages, changes its state; then a full sync is requested by \
         annotation. From the moment when the simulator builds a page that shows the change until a Kubernetes watch shows \
         the new status; --kube-qps 0, --api-qps 1000."
            .to_owned(),
    );
    let mut mirrored = stage.mirrored(size, 100, &NO_LIMITS, &never()).await?;
    let before = stage.mirror_writes().await?;
    let (mut each, mut p99, mut all) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = mode.pick(10, 1);
    for round in 1..=rounds {
        let changed = change(stage, &mut mirrored, round).await?;
        p99.push(quantile(&sorted(&changed.each), 0.99));
        all.push(changed.all.as_secs_f64() * 1000.0);
        progress(&format!(
            "round {round}: p99 {:.0} ms, all within {:.0} ms",
            p99.last().copied().unwrap_or_default(),
            changed.all.as_secs_f64() * 1000.0
        ));
        each.extend(changed.each);
    }
    let writes = float(stage.mirror_writes().await? - before);
    mirrored.operator.stop().await?;
    let overall = quantile(&sorted(&each), 0.99);
    let changes = f64::from(size.div_ceil(100) * rounds);
    row.figure("page to status, each", "ms", each);
    row.figure("page to status, p99 of a round", "ms", p99);
    row.figure("whole sync, with all writes", "ms", all);
    row.figure("writes of mirrors", "", vec![writes]);
    row.figure("changes", "", vec![changes]);
    row.verdict("p99", overall, "ms", Target::AtMost(100.0));
    row.verdict("writes a change", writes / changes, "", Target::AtMost(1.0));
    Ok(row)
}

/// The open ones change their state, and a full listing is asked for.
pub(super) async fn change(
    stage: &Stage,
    mirrored: &mut Mirrored,
    round: u32,
) -> Result<Changed, Failure> {
    let changing = async {
        let mut mirrors = stage
            .events(&stage.mirrors(&mirrored.scene.namespace))
            .await?;
        let (state, mut waiting) = change_open(stage, &mirrored.scene, round);
        let pages = stage.simulator.counters().pages;
        let asked = Instant::now();
        stage
            .request(&mirrored.scene, &format!("change-{round}"))
            .await?;
        let mut begun = Instant::now();
        while stage.simulator.counters().pages == pages {
            begun = Instant::now();
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let (clock, epoch) = (Instant::now(), Timestamp::now());
        let mut seen = Vec::new();
        while !waiting.is_empty() {
            let event = mirrors.next(TIMEOUT).await?;
            let name = event.object.name_any();
            if event.object.data["status"]["state"] == state && waiting.remove(&name) {
                seen.push((name, event.at));
            }
        }
        let last = seen.last().map_or(begun, |(_, at)| *at);
        let histories = stage.simulator.histories(&mirrored.scene.cluster);
        let mut each = Vec::new();
        for (name, at) in seen {
            let version = histories.get(&name).and_then(|history| history.present());
            let served = version.and_then(|version| version.served);
            let served = served.ok_or("a change was mirrored that no page ever showed")?;
            let since_epoch = (at - clock).as_secs_f64() - (clock - at).as_secs_f64();
            let served = served.duration_since(epoch).as_secs_f64();
            each.push((since_epoch - served) * 1000.0);
        }
        Ok::<_, Failure>(Changed {
            each,
            asked: last - asked,
            all: last - begun,
        })
    };
    let ticking = async {
        loop {
            stage.simulator.set_clock(Timestamp::now());
            tokio::time::sleep(TICK).await;
        }
    };
    let changed = tokio::select! {
        changed = changing => changed?,
        () = ticking => return Err("the clock stopped".into()),
    };
    // The listing's own end, so that the next round begins after it.
    let word = format!("change-{round}");
    mirrored
        .watch
        .until(TIMEOUT, |watch| {
            watch.data["status"]["lastHandledReconcileAt"] == *word
        })
        .await?;
    Ok(changed)
}

/// Moves each open remediation to another open state; which one, and their ids.
pub(super) fn change_open(
    stage: &Stage,
    scene: &Scene,
    round: u32,
) -> (&'static str, BTreeSet<String>) {
    let state = if round.is_multiple_of(2) {
        "RUNNING"
    } else {
        "PENDING"
    };
    let open = stage.simulator.truth(&scene.cluster).into_iter();
    let open: BTreeSet<String> = open
        .filter(|one| !one.is_final())
        .map(|one| one.id)
        .collect();
    for id in &open {
        stage.simulator.enter(&scene.cluster, id, state);
    }
    (state, open)
}
