//! Metrics of the mirrors, computed from the index at each scrape.

use std::{collections::BTreeMap, sync::Arc};

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
pub(super) struct Looked {
    /// Mirrors by state; those gone from the API are not counted.
    pub(super) states: BTreeMap<&'static str, i64>,
    pub(super) failed_nodes: i64,
    /// Open ones with a series, limited by the room left.
    pub(super) open: Vec<Open>,
    /// Open ones without a series.
    pub(super) overflow: usize,
}

/// Counts the mirrors of `target`, with `room` for series of open ones.
pub(super) fn look(index: &Index, target: &MirrorTarget, room: usize) -> Looked {
    let instance = target.instance.as_deref();
    index.survey(&target.namespace, &target.cluster, instance, |all| {
        let mut looked = Looked {
            states: BTreeMap::new(),
            failed_nodes: 0,
            open: Vec::new(),
            overflow: 0,
        };
        let counted = all.inspect(|(_, mirror)| {
            let known = !mirror.lifecycle.synced.is_gone() && !mirror.state.is_empty();
            if known {
                *looked.states.entry(state_label(&mirror.state)).or_default() += 1;
            }
            if let Some(open) = Some(mirror).filter(|mirror| known && mirror.lifecycle.open) {
                if looked.open.len() < room {
                    looked.open.extend(Open::of(open));
                } else {
                    looked.overflow += 1;
                }
            }
        });
        looked.failed_nodes = rollup(counted).counts.failed_nodes;
        looked
    })
}
