//! Which mirrors a shard keeps, and which of those it lacks. What it drops on arrival must be listed again once it is
//! needed.

use std::collections::{HashMap, HashSet};

/// Clusters by namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clusters(HashMap<Box<str>, HashSet<Box<str>>>);

impl Clusters {
    /// Adds `cluster` in `namespace`.
    pub fn add(&mut self, namespace: &str, cluster: &str) {
        if !self.has(namespace, cluster) {
            let clusters = self.0.entry(namespace.into()).or_default();
            clusters.insert(cluster.into());
        }
    }

    fn has(&self, namespace: &str, cluster: &str) -> bool {
        let clusters = self.0.get(namespace);
        clusters.is_some_and(|clusters| clusters.contains(cluster))
    }

    fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().flat_map(|(namespace, clusters)| {
            clusters
                .iter()
                .map(move |cluster| (&**namespace, &**cluster))
        })
    }

    fn append(&mut self, other: Self) {
        for (namespace, clusters) in other.0 {
            self.0.entry(namespace).or_default().extend(clusters);
        }
    }
}

/// What a shard keeps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Share {
    /// The clusters of its own `ClusterWatches`.
    pub own: Clusters,
    /// The clusters of other shards' `ClusterWatches`.
    pub others: Clusters,
    /// Whether it keeps those of clusters without a `ClusterWatch` too.
    pub rest: bool,
}

impl Share {
    fn keeps(&self, namespace: &str, cluster: &str) -> bool {
        self.own.has(namespace, cluster) || self.rest && !self.others.has(namespace, cluster)
    }
}

/// The progress of getting a cluster that was dropped before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lack {
    /// No list that shows it has started.
    Unlisted,
    /// A list was requested.
    Asked,
    /// A list is in progress.
    Listing,
}

/// What is kept of one watch.
#[derive(Debug, Default)]
struct Reach {
    share: Share,
    /// What was dropped before the current list started, and since it or since the last one.
    before: Clusters,
    dropped: Clusters,
    lacking: HashMap<(Box<str>, Box<str>), Lack>,
    listing: bool,
}

/// The shares of all watches, by their namespaces (empty: all).
#[derive(Debug, Default)]
pub(super) struct Shares(HashMap<Box<str>, Reach>);

impl Shares {
    fn of(&self, namespace: &str) -> Option<&Reach> {
        self.0.get("").or_else(|| self.0.get(namespace))
    }

    /// Whether mirrors of this cluster are kept. Records those that are dropped.
    pub(super) fn keeps(&mut self, namespace: &str, cluster: &str) -> bool {
        let key = if self.0.contains_key("") {
            ""
        } else {
            namespace
        };
        let Some(reach) = self.0.get_mut(key) else {
            return true;
        };
        let keeps = reach.share.keeps(namespace, cluster);
        if !keeps {
            reach.dropped.add(namespace, cluster);
        }
        keeps
    }

    /// Keeps `share` of the watch on `watched` from now on. Returns whether it changed.
    pub(super) fn set(&mut self, watched: &str, share: Share) -> bool {
        let Some(reach) = self.0.get_mut(watched) else {
            let reach = Reach {
                share,
                ..Reach::default()
            };
            self.0.insert(watched.into(), reach);
            return true;
        };
        if reach.share == share {
            return false;
        }
        for (namespace, cluster) in reach.before.iter().chain(reach.dropped.iter()) {
            if share.keeps(namespace, cluster) && !reach.share.keeps(namespace, cluster) {
                let lacking = (namespace.into(), cluster.into());
                reach.lacking.insert(lacking, Lack::Unlisted);
            }
        }
        let kept = |(namespace, cluster): &(Box<str>, Box<str>)| share.keeps(namespace, cluster);
        reach.lacking.retain(|of, _| kept(of));
        reach.share = share;
        true
    }

    /// Whether it is known what to keep of the watch on `watched`.
    pub(super) fn knows(&self, watched: &str) -> bool {
        self.0.contains_key(watched)
    }

    /// A list starts.
    pub(super) fn begin(&mut self, watched: &str) {
        if let Some(reach) = self.0.get_mut(watched) {
            reach.listing = true;
            let dropped = std::mem::take(&mut reach.dropped);
            reach.before.append(dropped);
            for lack in reach.lacking.values_mut() {
                *lack = Lack::Listing;
            }
        }
    }

    /// A list is complete.
    pub(super) fn end(&mut self, watched: &str) {
        if let Some(reach) = self.0.get_mut(watched) {
            reach.listing = false;
            reach.before = Clusters::default();
            reach.lacking.retain(|_, lack| *lack != Lack::Listing);
        }
    }

    /// Whether the watch on `watched` must list again for what it lacks; true once.
    pub(super) fn lacks(&mut self, watched: &str) -> bool {
        let Some(reach) = self.0.get_mut(watched) else {
            return false;
        };
        let asked = reach.lacking.values().any(|lack| *lack == Lack::Asked);
        if reach.listing || asked || reach.lacking.is_empty() {
            return false;
        }
        for lack in reach.lacking.values_mut() {
            *lack = Lack::Asked;
        }
        true
    }

    /// Whether all mirrors of this cluster were listed since it is kept.
    pub(super) fn has(&self, namespace: &str, cluster: &str) -> bool {
        self.of(namespace).is_some_and(|reach| {
            let lacking = (namespace.into(), cluster.into());
            reach.share.keeps(namespace, cluster) && !reach.lacking.contains_key(&lacking)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(own: &[&str], others: &[&str], rest: bool) -> Share {
        let clusters = |names: &[&str]| {
            let mut clusters = Clusters::default();
            for name in names {
                clusters.add("ns", name);
            }
            clusters
        };
        Share {
            own: clusters(own),
            others: clusters(others),
            rest,
        }
    }

    /// A share whose first listing showed clusters `a`, `b` and `c`.
    fn listed(first: Share) -> Shares {
        let mut shares = Shares::default();
        assert!(!shares.knows("") && shares.set("", first));
        shares.begin("");
        for cluster in ["a", "b", "c"] {
            shares.keeps("ns", cluster);
        }
        shares.end("");
        shares
    }

    #[test]
    fn one_shard_keeps_its_own_and_perhaps_what_nobody_has() {
        let mut shares = listed(share(&["a"], &["b"], false));
        let kept = |shares: &mut Shares| ["a", "b", "c"].map(|cluster| shares.keeps("ns", cluster));
        assert_eq!(kept(&mut shares), [true, false, false]);
        let mut shares = listed(share(&["a"], &["a", "b"], true));
        assert_eq!(kept(&mut shares), [true, false, true]);
    }

    #[test]
    fn what_was_dropped_is_there_only_once_it_was_listed_again() {
        let mut shares = listed(share(&["a"], &["b"], false));
        assert!(shares.has("ns", "a") && !shares.has("ns", "b"));
        assert!(!shares.set("", share(&["a"], &["b"], false)) && !shares.lacks(""));
        assert!(shares.set("", share(&["a", "b", "new"], &[], false)));
        assert!(shares.has("ns", "new"), "of this one nothing was dropped");
        assert!(!shares.has("ns", "b"));
        assert!(
            shares.lacks("") && !shares.lacks(""),
            "it is asked for once"
        );
        shares.end("");
        assert!(!shares.has("ns", "b"), "that one began before");
        shares.begin("");
        assert!(!shares.has("ns", "b"));
        shares.end("");
        assert!(shares.has("ns", "b") && !shares.lacks(""));
    }

    #[test]
    fn what_becomes_wanted_during_a_listing_waits_for_the_next() {
        let mut shares = listed(share(&["a"], &[], false));
        shares.begin("");
        shares.set("", share(&["a", "b"], &[], false));
        assert!(!shares.has("ns", "b"), "it was dropped before this listing");
        assert!(!shares.lacks(""), "the listing comes to its end first");
        shares.end("");
        assert!(!shares.has("ns", "b") && shares.lacks(""));
    }

    #[test]
    fn what_is_wanted_no_more_is_not_asked_for() {
        let mut shares = listed(share(&["a"], &[], false));
        shares.set("", share(&["a", "b"], &[], false));
        shares.set("", share(&["a"], &["b"], false));
        assert!(!shares.lacks("") && !shares.has("ns", "b"));
    }

    #[test]
    fn what_no_watch_names_any_more_goes_to_the_one_that_keeps_the_rest() {
        let mut shares = listed(share(&["a"], &["b"], true));
        shares.set("", share(&["a"], &[], true));
        assert!(shares.lacks("") && !shares.has("ns", "b"));
    }
}
