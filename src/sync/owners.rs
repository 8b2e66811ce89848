//! Gives the mirrors of a `ClusterWatch` its labels and owner references. This needs no answer of the Together API, so it waits
//! for none: what is to stay or to go with the `ClusterWatch` must be right when somebody deletes it.

use std::{sync::Arc, time::Duration};

use crate::{
    k8s::api::{KubeApi, KubeApiError},
    store::Mirror,
    sync::{
        Env,
        decide::plan::MirrorTarget,
        observer::Observer,
        write::{
            failed::FailedWrites,
            object::{MirrorChange, Write},
        },
    },
};

/// How far the mirrors have come.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Mirrors that lack the labels or owner references.
    pub left: usize,
    /// The first write that failed.
    pub error: Option<KubeApiError>,
}

impl Adoption {
    /// What a person must know before deleting the `ClusterWatch`; `None`: every mirror is as this `generation` wants it.
    #[must_use]
    pub fn message(&self, generation: i64) -> Option<String> {
        let left = match self.left {
            0 => return None,
            1 => "1 mirror".to_owned(),
            many => format!("{many} mirrors"),
        };
        Some(match &self.error {
            None => format!(
                "Updating labels and owner references: {left} left. {}",
                wait_for(generation)
            ),
            Some(error) => format!(
                "Cannot update the labels and owner references of {left}: {error}. Fix the cause; the update is retried every 10 s. Until then, deleting this ClusterWatch may delete mirrors that should stay, or leave some that should go"
            ),
        })
    }
}

/// What a person must know before deleting the `ClusterWatch` while requests of an earlier one than this `generation` may land.
pub(crate) fn landing(generation: i64) -> String {
    format!(
        "Requests that were sent before the last change of this ClusterWatch may still be carried out, for a minute at most. {}",
        wait_for(generation)
    )
}

fn wait_for(generation: i64) -> String {
    format!(
        "Before you delete this ClusterWatch, wait until status.mirrorsGeneration is {generation}"
    )
}

/// The mirrors of `target` that lack its labels or owner references.
pub(crate) fn misfits<C, T>(
    env: &Env<C, T>,
    target: &MirrorTarget,
) -> Vec<(Box<str>, Arc<Mirror>)> {
    env.mirrors(target, |mirror| !target.fits(mirror))
}

/// Updates the mirrors of `target` that lack its labels or owner references, also those that the API no longer lists. Begins no
/// write after `until` (monotonic).
pub(crate) async fn adopt<C: KubeApi, T>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    observer: &Observer,
    until: Duration,
) -> Adoption {
    let mut failed_writes = FailedWrites::default();
    let mut queue = env.queue(target, observer, &mut failed_writes);
    for (name, mirror) in misfits(env, target) {
        if env.clock.elapsed() >= until {
            break;
        }
        let change = MirrorChange::Update {
            mirror,
            status: None,
            metadata: true,
        };
        queue.write(Write { name, change }).await;
    }
    let summary = queue.finish(false).await;
    Adoption {
        left: misfits(env, target).len(),
        error: summary.error,
    }
}
