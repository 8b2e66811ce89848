//! Which watches of a namespace overlap an older one: pure.

/// What is compared of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The watch's name, unique in its namespace.
    pub name: &'a str,
    /// Its creation (seconds since 1970); the older one wins, then the first by name.
    pub created: i64,
    /// The cluster's id.
    pub cluster: &'a str,
    /// The instance's id; `None`: all.
    pub instance: Option<&'a str>,
}

impl Claim<'_> {
    fn covers_some_of(&self, other: &Self) -> bool {
        self.cluster == other.cluster
            && (self.instance.is_none()
                || other.instance.is_none()
                || self.instance == other.instance)
    }
}

/// The older watch that keeps `claim` from its instances, if one does. A watch that is itself kept from its instances
/// keeps nobody from theirs.
#[must_use]
pub fn overlapped<'a>(claim: &Claim<'a>, namespace: &[Claim<'a>]) -> Option<&'a str> {
    let mut older: Vec<_> = namespace
        .iter()
        // Those of other clusters have no say, and there may be many.
        .filter(|other| other.cluster == claim.cluster)
        .filter(|other| (other.created, other.name) <= (claim.created, claim.name))
        .collect();
    older.sort_unstable_by_key(|other| (other.created, other.name));
    let mut holders: Vec<&Claim<'_>> = Vec::new();
    for other in older {
        let by = holders
            .iter()
            .find(|holder| holder.covers_some_of(other))
            .map(|holder| holder.name);
        if other.name == claim.name {
            return by;
        }
        if by.is_none() {
            holders.push(other);
        }
    }
    None
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
    fn two_instances_do_not_overlap() {
        let all = [claim("a", 1, Some("i")), claim("b", 1, Some("j"))];
        assert_eq!(overlapped(&all[1], &all), None);
    }

    #[test]
    fn one_that_is_kept_out_keeps_nobody_out() {
        let all = [
            claim("a", 1, Some("i")),
            claim("b", 2, None),
            claim("c", 3, Some("j")),
        ];
        assert_eq!(overlapped(&all[1], &all), Some("a"));
        assert_eq!(overlapped(&all[2], &all), None);
    }

    #[test]
    fn another_cluster_is_another_matter() {
        let other = Claim {
            cluster: "d",
            ..claim("b", 2, None)
        };
        assert_eq!(overlapped(&other, &[claim("a", 1, None), other]), None);
    }

    proptest! {
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
