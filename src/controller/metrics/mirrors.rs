//! Metrics of the mirrors, computed from the index at each scrape.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use crate::{
    api::timestamp,
    store::{Index, Mirror, summary::rollup},
    sync::{metrics::change::state_label, target::MirrorTarget},
};

/// Maximum number of open remediations with their own series in one process.
pub(super) const MOST: usize = 500;

/// An open remediation.
pub(super) struct Open {
    id: Box<str>,
    node: Arc<str>,
    state: Arc<str>,
    mode: Arc<str>,
    /// Unix time in seconds.
    pub(super) since: f64,
}

impl Open {
    fn of(mirror: &Mirror) -> Option<Self> {
        let hop = mirror.history.iter().flatten().next_back();
        let entered = hop.and_then(|hop| timestamp::read(hop.time.as_deref()));
        // A remediation that awaits approval needs a series, because an alert uses it, even if the API gives no time.
        let seen = || timestamp::read(hop.map(|hop| &*hop.observed_time));
        let since = entered.or(mirror.times.created).or_else(seen)?;
        Some(Self {
            id: mirror.subject.id.clone(),
            node: mirror.subject.node.clone(),
            state: mirror.state.clone(),
            mode: mirror.mode.clone(),
            since: since.as_duration().as_secs_f64(),
        })
    }

    pub(super) fn labels(&self) -> [(&'static str, String); 4] {
        [
            ("remediation", self.id.to_string()),
            ("gpu_node", self.node.to_string()),
            ("state", self.state.to_string()),
            ("mode", self.mode.to_string()),
        ]
    }
}

/// Totals over the mirrors of one `ClusterWatch`.
#[derive(Default)]
pub(super) struct Looked {
    /// Mirrors by state; those gone from the API are not counted.
    pub(super) states: BTreeMap<&'static str, i64>,
    pub(super) failed_nodes: i64,
    /// Open ones with a series, limited by the room left.
    pub(super) open: Vec<Open>,
    /// Open ones without a series.
    pub(super) overflow: usize,
}

/// A mirror with its name.
type Named<'a> = (&'a str, &'a Mirror);

/// The instance of a target (`None`: all), and what is counted for it.
type Part<'a> = (Option<&'a str>, &'a mut Looked);

/// Counts the mirrors of each of these targets, with `room` for series of all open ones together.
pub(super) fn look(targets: &[(Index, MirrorTarget)], mut room: usize) -> Vec<Looked> {
    let mut looked: Vec<_> = targets.iter().map(|_| Looked::default()).collect();
    let mut clusters: BTreeMap<(&str, &str), (&Index, Vec<Part<'_>>)> = BTreeMap::new();
    for ((index, target), looked) in targets.iter().zip(&mut looked) {
        let cluster = (&*target.namespace, &*target.cluster);
        let (_, parts) = clusters.entry(cluster).or_insert((index, Vec::new()));
        parts.push((target.instance.as_deref(), looked));
    }
    for ((namespace, cluster), (index, mut parts)) in clusters {
        if let [(instance, looked)] = &mut parts[..] {
            index.survey(namespace, cluster, *instance, |all| {
                **looked = count(all, &mut room);
            });
        } else {
            index.survey(namespace, cluster, None, |all| {
                let all: Vec<_> = all.collect();
                count_parts(&all, parts, &mut room);
            });
        }
    }
    looked
}

/// Counts `all` mirrors of a cluster for several targets. A thousand may share it, each with its own node, so each mirror
/// is visited once.
fn count_parts(all: &[Named<'_>], parts: Vec<Part<'_>>, room: &mut usize) {
    let mut by_instance: HashMap<&str, Vec<Named<'_>>> = HashMap::new();
    for (name, mirror) in all {
        let of_instance = by_instance.entry(&mirror.subject.instance).or_default();
        of_instance.push((name, mirror));
    }
    for (instance, looked) in parts {
        let mirrors = match instance {
            None => all,
            Some(instance) => by_instance.get(instance).map_or(&[][..], Vec::as_slice),
        };
        *looked = count(mirrors.iter().copied(), room);
    }
}

/// Each series of an open one takes up `room`.
fn count<'a>(mirrors: impl Iterator<Item = Named<'a>>, room: &mut usize) -> Looked {
    let mut looked = Looked::default();
    let counted = mirrors.inspect(|(_, mirror)| {
        let known = !mirror.lifecycle.synced.is_gone() && !mirror.state.is_empty();
        if known {
            *looked.states.entry(state_label(&mirror.state)).or_default() += 1;
        }
        if let Some(open) = Some(mirror).filter(|mirror| known && mirror.lifecycle.open) {
            if *room == 0 {
                looked.overflow += 1;
            } else if let Some(open) = Open::of(open) {
                looked.open.push(open);
                *room -= 1;
            }
        }
    });
    looked.failed_nodes = rollup(counted).counts.failed_nodes;
    looked
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::{
        api::remediation::Remediation,
        mirror::status::from_api,
        testing::{NAMESPACE, item, some, spec, target},
    };

    /// Mirrors of three nodes: the first one failed, each of the others has an open one.
    fn index() -> Index {
        let index = Index::new(0);
        for (number, node, state) in [
            (1, "i-1", "FAILED"),
            (2, "i-2", "RUNNING"),
            (3, "i-2", "SUCCEEDED"),
            (4, "i-3", "PENDING"),
        ] {
            let mut item = item(number, state);
            item.instance_id = some(node);
            let mut mirror = Remediation::new(&item.id, spec(&item.id));
            mirror.metadata.namespace = some(NAMESPACE);
            mirror.metadata.uid = Some(format!("uid-{number}"));
            mirror.metadata.resource_version = some("1");
            mirror.status = Some(from_api(&item, &[], 1));
            index.apply(mirror);
        }
        index
    }

    fn targets(instances: &[Option<&str>]) -> Vec<(Index, MirrorTarget)> {
        let index = index();
        let of = |instance: Option<&str>| MirrorTarget {
            instance: instance.map(Into::into),
            ..target()
        };
        let each = instances.iter().map(|one| (index.clone(), of(*one)));
        each.collect()
    }

    fn numbers(looked: &Looked) -> (Vec<(&'static str, i64)>, i64, usize, usize) {
        let states = looked.states.iter().map(|(state, count)| (*state, *count));
        (
            states.collect(),
            looked.failed_nodes,
            looked.open.len(),
            looked.overflow,
        )
    }

    #[test]
    fn targets_that_share_a_cluster_count_what_each_counts_alone() {
        let all = [Some("i-1"), Some("i-2"), None, Some("i-9"), Some("i-3")];
        let together = look(&targets(&all), MOST);
        for (instance, looked) in all.into_iter().zip(&together) {
            let alone = look(&targets(&[instance]), MOST);
            assert_eq!(numbers(looked), numbers(&alone[0]), "{instance:?}");
        }
        let mine = (vec![("RUNNING", 1), ("SUCCEEDED", 1)], 0, 1, 0);
        assert_eq!(numbers(&together[1]), mine);
        assert_eq!(together[0].failed_nodes, 1);
    }

    #[test]
    fn all_of_them_share_the_room_for_series_of_open_ones() {
        let looked = look(&targets(&[Some("i-2"), Some("i-3")]), 1);
        let series: Vec<_> = looked
            .iter()
            .map(|one| (one.open.len(), one.overflow))
            .collect();
        assert_eq!(series, [(1, 0), (0, 1)]);
    }
}
