//! Open mirrors without a `ClusterWatch`, such as retained ones whose `ClusterWatch` was deleted. Nothing confirms them
//! any longer, so they are marked stale.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use super::overlap::{Claim, claim, overlaps};
use crate::{
    api::cluster_watch::ClusterWatch,
    k8s::api::KubeApi,
    mirror::{labels::Labels, status::Synced},
    store::Mirror,
    sync::{
        Env,
        change::{MirrorChange, Write},
        write::object::Writer,
    },
};

/// Time between two rounds. It is long enough to replace a `ClusterWatch`, and short enough for an operator that crashes
/// every few minutes.
const ROUND: Duration = Duration::from_secs(60);
/// After this many failed marks, one round gives up, because the API server may be down.
const FAILURES: usize = 10;

/// An open mirror: its namespace, its name and its index entry.
pub type Open = (Box<str>, Box<str>, Arc<Mirror>);

/// Those of `open` that none of `watches` covers. A suspended `ClusterWatch` marks its own mirrors; one that overlaps has
/// no mirrors, and one that cannot be read syncs none.
fn orphans(open: Vec<Open>, watches: &[Arc<ClusterWatch>]) -> Vec<Open> {
    let alive = watches
        .iter()
        .filter(|watch| watch.metadata.deletion_timestamp.is_none());
    let mut claims: HashMap<Option<&str>, Vec<Claim<'_>>> = HashMap::new();
    for watch in alive {
        let namespace = watch.metadata.namespace.as_deref();
        claims.entry(namespace).or_default().push(claim(watch));
    }
    let mut followed = HashSet::new();
    for (namespace, claims) in &claims {
        let kept_out = overlaps(claims);
        let working = claims
            .iter()
            .filter(|claim| !kept_out.contains_key(claim.name));
        followed.extend(working.map(|claim| (*namespace, claim.cluster, claim.instance)));
    }
    let mut open = open;
    open.retain(|(namespace, _, mirror)| {
        let of = |instance| (Some(&**namespace), &*mirror.subject.cluster, instance);
        !followed.contains(&of(None)) && !followed.contains(&of(Some(&*mirror.subject.instance)))
    });
    open
}

/// State kept from round to round.
#[derive(Default)]
struct Suspects {
    /// The uids of the mirrors that the last round found.
    found: HashSet<Box<str>>,
    /// Namespace and name of the mirror at which the last round gave up.
    gave_up_at: Option<(Box<str>, Box<str>)>,
}

impl Suspects {
    /// Those of `found` that the previous round found too, in the order in which to mark them. If that round gave up,
    /// this one starts after the mirror at which it stopped.
    fn again(&mut self, mut found: Vec<Open>) -> Vec<Open> {
        let uids = found.iter().map(|(_, _, mirror)| mirror.object.uid.clone());
        let before = std::mem::replace(&mut self.found, uids.collect());
        found.retain(|(_, _, mirror)| before.contains(&mirror.object.uid));
        found.sort_unstable_by(|one, other| (&one.0, &one.1).cmp(&(&other.0, &other.1)));
        if let Some((namespace, name)) = self.gave_up_at.take() {
            let done = found.partition_point(|open| (&open.0, &open.1) <= (&namespace, &name));
            found.rotate_left(done);
        }
        found
    }
}

/// At once and every minute, searches `namespace` (`None`: all) for open mirrors without a `ClusterWatch`, until it is
/// dropped. Mirrors found in two rounds are marked stale. `watches` returns the current `ClusterWatches` of the
/// namespace.
pub async fn mark_orphans<C: KubeApi, T>(
    env: &Env<C, T>,
    namespace: Option<&str>,
    watches: impl Fn() -> Vec<Arc<ClusterWatch>>,
) {
    env.index.listed(namespace.unwrap_or_default()).await;
    let mut suspects = Suspects::default();
    loop {
        let mut open = env.index.all_open(namespace);
        open.retain(|(_, _, mirror)| mirror.needs_stale_mark());
        let found = suspects.again(orphans(open, &watches()));
        suspects.gave_up_at = mark(env, found).await;
        env.clock.sleep_until(env.clock.elapsed() + ROUND).await;
    }
}

/// Marks those of `found` stale. A failure does not block the others; after [`FAILURES`] of them it gives up and
/// returns the namespace and name of the last one.
async fn mark<C: KubeApi, T>(env: &Env<C, T>, found: Vec<Open>) -> Option<(Box<str>, Box<str>)> {
    let mut failures = 0;
    for (namespace, name, mirror) in found {
        let writer = Writer {
            kube: env.kube.clone(),
            index: env.index.clone(),
            namespace: (&*namespace).into(),
            // A mark keeps the labels and owner references: the label names the last writer.
            labels: Labels::default(),
            owners: [].into(),
        };
        let write = Write {
            name: name.clone(),
            change: MirrorChange::Mark(mirror, Synced::Stale),
        };
        if let Err(error) = writer.write(write, env.clock.now()).await {
            tracing::warn!(%namespace, %name, %error, "failed to mark a mirror without a ClusterWatch as stale; retrying");
            failures += 1;
            if failures >= FAILURES {
                return Some((namespace, name));
            }
        }
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

    use super::*;
    use crate::{
        api::cluster_watch::ClusterWatchSpec,
        clock::SystemClock,
        k8s::error::KubeApiError,
        store::Index,
        testing::{
            CLUSTER, NAMESPACE,
            cluster::{Call, MemoryKubeApi},
            creation, env, id, index, item, now,
            together::MemoryTogether,
            word,
        },
    };

    /// One open mirror, of [`CLUSTER`] and `instance-1`.
    fn open() -> Vec<Open> {
        index(&[item(1, "RUNNING")]).all_open(None)
    }

    /// Open mirrors that no `ClusterWatch` looks after.
    async fn retained(
        numbers: std::ops::RangeInclusive<u64>,
    ) -> Env<MemoryKubeApi, MemoryTogether> {
        let clock = Arc::new(SystemClock::default());
        let (kube, together) = (MemoryKubeApi::default(), MemoryTogether::default());
        let env = env(kube, together, Index::new(0), clock);
        let writer = Writer {
            kube: env.kube.clone(),
            index: env.index.clone(),
            namespace: NAMESPACE.into(),
            labels: Labels::default(),
            owners: [].into(),
        };
        for number in numbers {
            let name = id(number).into();
            let change = creation(&item(number, "RUNNING"));
            writer.write(Write { name, change }, now()).await.unwrap();
        }
        env
    }

    fn stale(cluster: &MemoryKubeApi) -> Vec<String> {
        let mut names = cluster.names();
        names.retain(|name| {
            let status = cluster.mirror(name).unwrap().status.unwrap();
            word(&status.conditions, "Synced").1 == "Stale"
        });
        names
    }

    fn watch(name: &str, namespace: &str, cluster: &str, instance: Option<&str>) -> ClusterWatch {
        let spec = ClusterWatchSpec {
            cluster_id: cluster.into(),
            instance_id: instance.map(str::to_owned),
            ..ClusterWatchSpec::default()
        };
        let mut watch = ClusterWatch::new(name, spec);
        watch.metadata.namespace = Some(namespace.into());
        watch
    }

    fn alone(watches: &[ClusterWatch]) -> bool {
        let watches: Vec<_> = watches.iter().cloned().map(Arc::new).collect();
        !orphans(open(), &watches).is_empty()
    }

    #[test]
    fn a_watch_of_its_instance_or_of_all_looks_after_it() {
        assert!(alone(&[]));
        assert!(!alone(&[watch("a", NAMESPACE, CLUSTER, None)]));
        let of_instance = watch("a", NAMESPACE, CLUSTER, Some("instance-1"));
        assert!(!alone(&[of_instance]));
        assert!(alone(&[
            watch("a", "elsewhere", CLUSTER, None),
            watch("b", NAMESPACE, "another", None),
            watch("c", NAMESPACE, CLUSTER, Some("instance-2")),
        ]));
    }

    #[tokio::test(start_paused = true)]
    async fn an_operator_that_lives_for_little_more_than_a_minute_marks_orphans() {
        let env = retained(1..=1).await;
        for (seconds, marked) in [(59, vec![]), (61, vec![id(1)])] {
            let life = Duration::from_secs(seconds);
            let rounds = tokio::time::timeout(life, mark_orphans(&env, None, Vec::new));
            assert!(rounds.await.is_err());
            assert_eq!(stale(&env.kube), marked, "after {seconds} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_cannot_be_marked_keeps_no_other_unmarked() {
        let env = retained(1..=3).await;
        let cluster = env.kube.clone();
        cluster.fail(|call| {
            let bad = *call == Call::Status(id(1)) || *call == Call::Get(id(1));
            bad.then(|| KubeApiError::Refused("by a policy".into()))
        });
        let looking = mark_orphans(&env, None, Vec::new);
        let looked = tokio::time::timeout(ROUND * 3 / 2, looking).await;
        assert!(looked.is_err());
        assert_eq!(stale(&cluster), [id(2), id(3)]);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_look_that_gave_up_the_next_one_goes_on_elsewhere() {
        let env = retained(1..=15).await;
        let cluster = env.kube.clone();
        cluster.calls();
        cluster.fail(|call| {
            let (Call::Status(name) | Call::Get(name)) = call else {
                return None;
            };
            (*name <= id(12)).then(|| KubeApiError::Refused("by a policy".into()))
        });
        let mut looking = Box::pin(mark_orphans(&env, None, Vec::new));
        let looked = tokio::time::timeout(ROUND * 3 / 2, looking.as_mut()).await;
        assert!(looked.is_err());
        assert_eq!((stale(&cluster), cluster.calls().len()), (vec![], FAILURES));
        let looked = tokio::time::timeout(ROUND, looking.as_mut()).await;
        assert!(looked.is_err());
        assert_eq!(stale(&cluster), [id(13), id(14), id(15)]);
    }

    #[test]
    fn a_watch_that_is_deleted_or_that_overlaps_looks_after_nothing() {
        assert!(alone(&[watch("a", NAMESPACE, "", None)]), "unreadable");
        let mut deleted = watch("a", NAMESPACE, CLUSTER, None);
        deleted.metadata.deletion_timestamp = Some(Time(now()));
        assert!(alone(&[deleted]));
        let older = watch("a", NAMESPACE, CLUSTER, Some("instance-2"));
        let overlaps = watch("b", NAMESPACE, CLUSTER, None);
        assert!(alone(&[older, overlaps]));
    }
}
