//! The mirrors, looked at in the index when somebody scrapes.

use std::{collections::BTreeMap, sync::Arc};

use crate::{
    api::timestamp,
    store::{Index, Mirror, summary::rollup},
    sync::{decide::plan::MirrorTarget, metrics::change::state_label},
};

/// Open remediations with a series of their own, in a process.
pub(super) const MOST: usize = 500;

/// An open remediation.
pub(super) struct Open {
    id: Box<str>,
    node: Arc<str>,
    state: Arc<str>,
    mode: Arc<str>,
    /// Seconds since 1970.
    pub(super) since: f64,
}

impl Open {
    fn of(mirror: &Mirror) -> Option<Self> {
        let hop = mirror.history.iter().flatten().next_back();
        let entered = hop.and_then(|hop| timestamp::read(hop.time.as_deref()));
        // One that waits has a series, and alerts, though the API says no time.
        let seen = || timestamp::read(hop.map(|hop| &*hop.observed_time));
        let since = entered.or(mirror.created).or_else(seen)?;
        Some(Self {
            id: mirror.id.clone(),
            node: mirror.node.clone(),
            state: mirror.state.clone(),
            mode: mirror.mode.clone(),
            since: since.as_duration().as_secs_f64(),
        })
    }

    pub(super) fn labels(&self) -> [(&'static str, String); 4] {
        [
            ("remediation", self.id.to_string()),
            ("node", self.node.to_string()),
            ("state", self.state.to_string()),
            ("mode", self.mode.to_string()),
        ]
    }
}

/// What the mirrors of one watch add up to.
pub(super) struct Looked {
    /// Of each state; those gone from the API count nowhere.
    pub(super) states: BTreeMap<&'static str, i64>,
    pub(super) failed_nodes: i64,
    /// At most as many as there was room for.
    pub(super) open: Vec<Open>,
    /// Open ones beyond.
    pub(super) overflow: usize,
}

/// Looks at the mirrors of `target`, with `room` for open ones.
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
            let known = !mirror.synced.is_gone() && !mirror.state.is_empty();
            if known {
                *looked.states.entry(state_label(&mirror.state)).or_default() += 1;
            }
            if let Some(open) = Some(mirror).filter(|mirror| known && mirror.open) {
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
