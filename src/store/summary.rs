//! Totals over the mirrors of a `ClusterWatch`: pure.

use std::collections::{BTreeMap, HashMap};

use k8s_openapi::jiff::Timestamp;

use crate::{
    api::{
        cluster_watch::{Attention, RemediationCounts},
        limits,
        timestamp::seconds,
    },
    mirror::{
        approval::how_to_approve,
        status::{UNNAMED, mode_in_words},
    },
    store::Mirror,
};

const AWAITING: &str = "PENDING_APPROVAL";
const FAILED: &str = "FAILED";

/// The totals, and what needs attention.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rollup {
    /// The totals. Mirrors that are gone from the API count only in `total`.
    pub counts: RemediationCounts,
    /// The ones that wait longest first, at most ten.
    pub attention: Vec<Attention>,
    /// The message of `AttentionRequired`; `None` if nothing needs attention.
    pub message: Option<String>,
}

/// Computes the totals of `mirrors`, each with its name.
#[must_use]
pub fn rollup<'a>(mirrors: impl Iterator<Item = (&'a str, &'a Mirror)>) -> Rollup {
    let mut counts = RemediationCounts::default();
    let mut latest: HashMap<&str, (Place, &str, &Mirror)> = HashMap::new();
    let mut by_state: BTreeMap<&str, i64> = BTreeMap::new();
    let mut waiting = Vec::new();
    for (name, mirror) in mirrors {
        counts.total += 1;
        counts.open += i64::from(mirror.lifecycle.open);
        if mirror.lifecycle.synced.is_gone() || mirror.lifecycle.unread || mirror.state.is_empty() {
            continue;
        }
        *by_state.entry(&mirror.state).or_default() += 1;
        if mirror.lifecycle.open && *mirror.state == *AWAITING {
            counts.awaiting_approval += 1;
            waiting.push((mirror.times.created, name, mirror));
        }
        let place = place(mirror);
        let seen = latest
            .entry(&mirror.subject.instance)
            .or_insert((place, name, mirror));
        if (place, name) > (seen.0, seen.1) {
            *seen = (place, name, mirror);
        }
    }
    let failed = latest
        .into_values()
        .filter(|(_, _, mirror)| *mirror.state == *FAILED)
        .map(|(_, name, mirror)| (mirror.times.finished, name, mirror));
    let failed: Vec<_> = failed.collect();
    counts.failed_nodes = count(failed.len());
    counts.by_state = by_state
        .into_iter()
        .take(limits::BY_STATE as usize)
        .map(|(state, count)| (state.to_owned(), count))
        .collect();

    waiting.extend(failed);
    waiting.sort_unstable_by_key(|(since, name, _)| (since.is_none(), *since, *name));
    let message = waiting
        .first()
        .map(|(since, name, mirror)| message(name, mirror, *since, waiting.len()));
    let attention = waiting
        .into_iter()
        .take(limits::ATTENTION as usize)
        .map(|(since, name, mirror)| attention(name, mirror, since));
    Rollup {
        counts,
        attention: attention.collect(),
        message,
    }
}

/// See [`place`].
type Place = (bool, Option<Timestamp>);

/// The rank of a mirror within its instance, the latest is the greatest: by its creation, otherwise by its last update.
/// One without either counts as the latest, so that no failure is hidden.
fn place(mirror: &Mirror) -> Place {
    let time = mirror.times.created.or(mirror.times.updated);
    (time.is_none(), time)
}

fn attention(name: &str, mirror: &Mirror, since: Option<Timestamp>) -> Attention {
    let known = |value: &str| Some(value.to_owned()).filter(|value| !value.is_empty());
    Attention {
        name: name.to_owned(),
        node: mirror.subject.known_node().map(str::to_owned),
        state: mirror.state.to_string(),
        mode: known(&mirror.mode),
        since: since.map(seconds),
    }
}

/// One sentence about the remediation that waits longest.
fn message(name: &str, mirror: &Mirror, since: Option<Timestamp>, all: usize) -> String {
    let node = mirror.subject.known_node().unwrap_or(UNNAMED);
    let mode = if mirror.mode.is_empty() {
        "remediation"
    } else {
        mode_in_words(&mirror.mode)
    };
    let time = |word: &str| {
        since
            .map(|since| format!(" {word} {}", seconds(since)))
            .unwrap_or_default()
    };
    let more = if all > 1 {
        format!(" And {} more: see status.attention.", all - 1)
    } else {
        String::new()
    };
    if *mirror.state == *AWAITING {
        format!(
            "{node}: {mode} awaits approval{}.{more} {}",
            time("since"),
            how_to_approve(&mirror.subject.id, Some(&mirror.mode))
        )
    } else {
        format!(
            "{node}: {mode} failed{}. Run kubectl describe remediation {name}, then request another remediation or contact Together support.{more}",
            time("at")
        )
    }
}

fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
