//! What single lists met. It counts for others only once the same `ClusterWatch` meets it twice in a row. One odd
//! response, or a remediation that changes during the list, proves nothing about the server.

use std::{
    collections::{HashMap, hash_map::RandomState},
    hash::BuildHasher,
};

use super::sorted;
use crate::together::query::list::ListRequest;

/// Maximum number of strikes remembered. They are forgotten together.
const MAX: usize = 10_000;

/// The subject of a strike.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum About {
    /// Only the SDKs' names worked.
    Names,
    /// A filter was rejected.
    Refused,
    /// A state was returned that was not requested.
    Ignored,
    /// A remediation in a requested state was missing.
    Lacking,
}

/// The strikes of all requests: 24 bytes each.
#[derive(Debug, Default)]
pub(super) struct Strikes {
    hasher: RandomState,
    met: HashMap<u64, &'static str>,
}

impl Strikes {
    /// Records what the list of `request` met, as a word. Returns whether the same request met it before, and nothing
    /// against it since.
    pub(super) fn agrees(
        &mut self,
        about: About,
        request: &ListRequest,
        met: &'static str,
    ) -> bool {
        let key = self.key(about, request);
        if self.met.get(&key) == Some(&met) {
            self.met.remove(&key);
            return true;
        }
        if self.met.len() >= MAX {
            self.met.clear();
        }
        self.met.insert(key, met);
        false
    }

    /// The list of `request` showed the opposite.
    pub(super) fn clear(&mut self, about: About, request: &ListRequest) {
        if !self.met.is_empty() {
            let key = self.key(about, request);
            self.met.remove(&key);
        }
    }

    fn key(&self, about: About, request: &ListRequest) -> u64 {
        let states = (about != About::Names).then(|| sorted(&request.states));
        let who = (&request.cluster, &request.instance);
        self.hasher.hash_one((about, who, states))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(cluster: usize) -> ListRequest {
        ListRequest {
            cluster: cluster.to_string(),
            instance: None,
            states: vec!["RUNNING".to_owned()],
            page_size: 1,
            order_by: None,
        }
    }

    #[test]
    fn only_the_same_thing_twice_in_a_row_by_the_same_one_agrees() {
        let mut strikes = Strikes::default();
        let mut met = |about, cluster, word| strikes.agrees(about, &request(cluster), word);
        assert!(!met(About::Refused, 1, "comma"));
        assert!(!met(About::Refused, 2, "comma"), "another cluster");
        assert!(!met(About::Ignored, 1, "comma"), "something else");
        assert!(!met(About::Refused, 1, "refused"), "another outcome");
        assert!(!met(About::Refused, 1, "comma"));
        assert!(met(About::Refused, 1, "comma"));
        assert!(!met(About::Refused, 1, "comma"), "from the beginning");
        strikes.clear(About::Refused, &request(1));
        assert!(!strikes.agrees(About::Refused, &request(1), "comma"));
    }

    #[test]
    fn they_are_bounded() {
        let mut strikes = Strikes::default();
        for cluster in 0..2 * MAX {
            strikes.agrees(About::Ignored, &request(cluster), "ignored");
        }
        assert!(strikes.met.len() <= MAX);
    }
}
