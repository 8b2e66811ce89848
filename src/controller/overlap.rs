//! Which `ClusterWatches` of a namespace overlap an older one: pure.

use std::{cmp::Ordering, collections::HashMap};

use kube::Resource;

use crate::api::cluster_watch::ClusterWatch;

/// The facts of a `ClusterWatch` that are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// Name, unique in its namespace.
    pub name: &'a str,
    /// Creation time (Unix seconds). The older one wins, then the first by name.
    pub created: i64,
    /// The cluster's id.
    pub cluster: &'a str,
    /// The instance's id; `None` means all.
    pub instance: Option<&'a str>,
}

/// The `ClusterWatches` of one cluster that no older one blocks, collected from the oldest to the newest.
#[derive(Default)]
struct Holders<'a> {
    oldest: Option<&'a str>,
    /// The one that covers all instances.
    all: Option<&'a str>,
    by_instance: HashMap<&'a str, &'a str>,
}

impl<'a> Holders<'a> {
    /// The oldest one that covers `instance` (`None`: any instance).
    fn of(&self, instance: Option<&str>) -> Option<&'a str> {
        match instance {
            None => self.oldest,
            Some(instance) => self.all.or_else(|| self.by_instance.get(instance).copied()),
        }
    }

    fn add(&mut self, claim: &Claim<'a>) {
        self.oldest.get_or_insert(claim.name);
        match claim.instance {
            None => self.all = Some(claim.name),
            Some(instance) => {
                self.by_instance.insert(instance, claim.name);
            }
        }
    }
}

/// Those of all `claims` of a namespace that an older one blocks: by name, each with the name of the oldest one that
/// blocks it. A blocked `ClusterWatch` does not block others.
///
/// One sort and one pass, because there may be thousands and this runs at every change.
#[must_use]
pub fn overlaps<'a>(claims: &[Claim<'a>]) -> HashMap<&'a str, &'a str> {
    overlaps_in(claims, |one, other| order(one).cmp(&order(other)))
}

/// Claims of one cluster are adjacent, the oldest first.
fn order<'a>(claim: &Claim<'a>) -> (&'a str, i64, &'a str) {
    (claim.cluster, claim.created, claim.name)
}

fn overlaps_in<'a>(
    claims: &[Claim<'a>],
    mut order: impl FnMut(&Claim<'a>, &Claim<'a>) -> Ordering,
) -> HashMap<&'a str, &'a str> {
    let mut sorted = claims.to_vec();
    sorted.sort_unstable_by(&mut order);
    let mut kept_out = HashMap::new();
    for of_cluster in sorted.chunk_by(|one, next| one.cluster == next.cluster) {
        let mut holders = Holders::default();
        for claim in of_cluster {
            match holders.of(claim.instance) {
                Some(holder) => {
                    kept_out.insert(claim.name, holder);
                }
                None => holders.add(claim),
            }
        }
    }
    kept_out
}

/// The older `ClusterWatch` that blocks `claim`, which is one of those of the `namespace`, if any.
#[must_use]
pub fn overlapped<'a>(claim: &Claim<'a>, namespace: &[Claim<'a>]) -> Option<&'a str> {
    overlaps(namespace).remove(claim.name)
}

/// The message of Ready for a `ClusterWatch` that the `older` one blocks.
pub(crate) fn overlap_message(older: &str) -> String {
    format!(
        "ClusterWatch {older} in this namespace is older and covers the same instances, so this ClusterWatch is not synced. Delete one of the two"
    )
}

/// The claim of `watch`.
pub(crate) fn claim(watch: &ClusterWatch) -> Claim<'_> {
    Claim {
        name: watch.meta().name.as_deref().unwrap_or_default(),
        created: watch
            .metadata
            .creation_timestamp
            .as_ref()
            .map_or(0, |time| time.0.as_second()),
        cluster: &watch.spec.cluster_id,
        instance: watch.spec.instance(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn claim(
        name: &'static str,
        created: i64,
        instance: Option<&'static str>,
    ) -> Claim<'static> {
        Claim {
            name,
            created,
            cluster: "c",
            instance,
        }
    }

    #[test]
    fn the_older_one_wins_then_the_first_by_name() {
        let all = [
            claim("b", 1, None),
            claim("a", 2, None),
            claim("c", 1, Some("i")),
        ];
        assert_eq!(overlapped(&all[0], &all), None);
        assert_eq!(overlapped(&all[1], &all), Some("b"));
        assert_eq!(overlapped(&all[2], &all), Some("b"));
    }

    #[test]
    fn a_blocked_one_blocks_no_other() {
        let all = [
            claim("a", 1, Some("i")),
            claim("b", 2, None),
            claim("c", 3, Some("j")),
        ];
        assert_eq!(overlapped(&all[1], &all), Some("a"));
        assert_eq!(overlapped(&all[2], &all), None);
    }

    #[test]
    fn another_instance_and_another_cluster_are_another_matter() {
        let first = claim("a", 1, Some("i"));
        let mut second = claim("b", 1, Some("j"));
        assert_eq!(overlapped(&second, &[first, second]), None);
        (second.cluster, second.instance) = ("d", None);
        let first = claim("a", 1, None);
        assert_eq!(overlapped(&second, &[first, second]), None);
    }

    #[test]
    fn a_thousand_of_one_cluster_are_compared_no_more_often_than_a_sort_does() {
        let names: Vec<_> = (0..1000).map(|number| format!("watch-{number}")).collect();
        let all: Vec<_> = names
            .iter()
            .map(|name| Claim {
                name,
                created: 1,
                cluster: "c",
                instance: Some(name),
            })
            .collect();
        let mut compared = 0;
        let kept_out = overlaps_in(&all, |one, other| {
            compared += 1;
            order(one).cmp(&order(other))
        });
        assert_eq!(kept_out.len(), 0);
        assert!(compared < 20_000, "{compared} comparisons");
    }

    impl Claim<'_> {
        fn covers_some_of(&self, other: &Self) -> bool {
            self.cluster == other.cluster
                && (self.instance.is_none()
                    || other.instance.is_none()
                    || self.instance == other.instance)
        }
    }

    proptest! {
        /// The rule, pair by pair: the oldest working claim that covers some of its instances blocks a claim.
        #[test]
        fn one_pass_finds_what_comparing_all_pairs_finds(
            watches in proptest::collection::vec((0_usize..2, 0_i64..3, proptest::option::of(0_usize..3)), 0..8),
        ) {
            const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
            let mut all: Vec<_> = watches.iter().enumerate()
                .map(|(at, (cluster, created, instance))| Claim {
                    cluster: ["c", "d"][*cluster],
                    ..claim(NAMES[at], *created, instance.map(|at| ["i", "j", "k"][at]))
                })
                .collect();
            let blocked = overlaps(&all);
            all.sort_by_key(|claim| (claim.created, claim.name));
            let mut working: Vec<Claim<'_>> = Vec::new();
            for claim in all {
                let holder = working.iter().find(|holder| holder.covers_some_of(&claim));
                prop_assert_eq!(blocked.get(claim.name).copied(), holder.map(|holder| holder.name));
                if holder.is_none() {
                    working.push(claim);
                }
            }
        }

        #[test]
        fn those_that_work_never_share_an_instance(
            watches in proptest::collection::vec((0_i64..3, proptest::option::of(0_usize..3)), 1..8),
        ) {
            const NAMES: [&str; 8] = ["a", "b", "c", "d", "e", "f", "g", "h"];
            const INSTANCES: [&str; 3] = ["i", "j", "k"];
            let all: Vec<_> = watches.iter().enumerate()
                .map(|(at, (created, instance))| claim(NAMES[at], *created, instance.map(|at| INSTANCES[at])))
                .collect();
            let working: Vec<_> = all.iter().filter(|claim| overlapped(claim, &all).is_none()).collect();
            for (at, one) in working.iter().enumerate() {
                for other in &working[at + 1..] {
                    prop_assert!(!one.covers_some_of(other));
                }
            }
        }
    }
}
