//! Sets the labels and owner references of a `ClusterWatch`'s mirrors. This does not wait for the Together API, because
//! the owner references must be right before a person deletes the `ClusterWatch`.

use std::sync::Arc;

use crate::{
    clock::MonoTime,
    k8s::{api::KubeApi, error::KubeApiError},
    store::Mirror,
    sync::{
        Env,
        change::{MirrorChange, Write},
        observer::Observer,
        target::MirrorTarget,
        write::{failed::FailedWrites, rounds::Rounds},
    },
};

/// The progress of the mirrors.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Number of mirrors that lack the labels or owner references.
    pub left: usize,
    /// The first write that failed.
    pub error: Option<KubeApiError>,
}

impl Adoption {
    /// What a person must know before deleting the `ClusterWatch`; `None` if every mirror matches this `generation`.
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
                "Cannot update the labels and owner references of {left}: {error}. Fix the cause; the operator retries every 10 s. Until then, do not delete this ClusterWatch: its deletionPolicy does not apply to all mirrors yet"
            ),
        })
    }
}

/// What a person must know before deleting the `ClusterWatch` while requests of an earlier `generation` may still take
/// effect.
pub(crate) fn still_pending(generation: i64) -> String {
    format!(
        "Requests sent before the last change of this ClusterWatch may still take effect for up to one minute. {}",
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

/// Updates the mirrors of `target` that lack its labels or owner references, including those that the API no longer
/// lists. Starts no write after `until`; the next of the `rounds` goes on there.
pub(crate) async fn adopt<C: KubeApi, T>(
    env: &Env<C, T>,
    target: &MirrorTarget,
    observer: &Observer,
    rounds: &mut Rounds,
    until: MonoTime,
) -> Adoption {
    let mut failed_writes = FailedWrites::default();
    let mut queue = env.queue(target, observer, &mut failed_writes);
    let mut late = None;
    for (name, mirror) in rounds.begin(misfits(env, target)) {
        if env.clock.elapsed() >= until {
            late = Some(name);
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
    rounds.ended(summary.untried.or(late));
    Adoption {
        left: misfits(env, target).len(),
        error: summary.error,
    }
}
