//! A bare loop that makes the same calls as many `ClusterWatches`, at the same rate, and discards the answers.

use std::{sync::Arc, time::Duration};

use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval_at},
};

use super::{Calls, Found, cpu_since};
use crate::{Failure, process};

pub(super) async fn poll(calls: &Calls) -> Result<Found, Failure> {
    let http = reqwest::Client::new();
    let interval = Duration::from_secs_f64(calls.interval_seconds);
    let (begun, cpu) = (Instant::now(), process::cpu(std::process::id())?);
    let mut tasks = JoinSet::new();
    let places = 0_u32..;
    let all = u32::try_from(calls.targets.len())?.max(1);
    for (place, (url, key)) in places.zip(&calls.targets) {
        let (http, url, key) = (http.clone(), Arc::<str>::from(url.as_str()), key.clone());
        let intervals = calls.intervals;
        tasks.spawn(async move {
            let mut ticks = interval_at(begun + interval * place / all, interval);
            ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
            for _ in 0..intervals {
                ticks.tick().await;
                let answer = http.get(&*url).bearer_auth(&key).send().await?;
                answer.error_for_status()?.bytes().await?;
            }
            Ok::<_, reqwest::Error>(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(Found {
        seconds: begun.elapsed().as_secs_f64(),
        cpu_seconds: cpu_since(cpu)?,
        count: calls.targets.len() * usize::try_from(calls.intervals)?,
    })
}
