//! API keys, what each may see, and how fast each may ask.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::answer::ApiError;

/// A token bucket for each key.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RateLimit {
    /// Calls a second in the long run; above 0.
    pub per_second: f64,
    /// Calls at once after a pause.
    pub burst: f64,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    filled: Instant,
}

/// The keys that are known.
#[derive(Debug, Default)]
pub(super) struct Keys {
    /// The clusters of each key; `None`: all.
    known: BTreeMap<String, Option<BTreeSet<String>>>,
    pub(super) limit: Option<RateLimit>,
    buckets: BTreeMap<String, Bucket>,
}

impl Keys {
    pub(super) fn add(&mut self, key: &str, clusters: Option<BTreeSet<String>>) {
        self.known.insert(key.to_owned(), clusters);
    }

    pub(super) fn revoke(&mut self, key: &str) {
        self.known.remove(key);
    }

    /// Who may see `cluster`: 401 for an unknown key, 403 for another's cluster.
    pub(super) fn check(&self, key: Option<&str>, cluster: &str) -> Result<(), ApiError> {
        match self.clusters(key)? {
            Some(clusters) if !clusters.contains(cluster) => Err(ApiError::forbidden()),
            _ => Ok(()),
        }
    }

    /// The clusters that a key may see; `None`: all. 401 for an unknown key.
    pub(super) fn clusters(
        &self,
        key: Option<&str>,
    ) -> Result<Option<&BTreeSet<String>>, ApiError> {
        let clusters = key.and_then(|key| self.known.get(key));
        Ok(clusters.ok_or_else(ApiError::unauthenticated)?.as_ref())
    }

    /// Takes a token of the key's bucket; if there is none, the whole seconds until there is.
    pub(super) fn spend(&mut self, key: &str, now: Instant) -> Result<(), u64> {
        let Some(limit) = self.limit else {
            return Ok(());
        };
        let bucket = self.buckets.entry(key.to_owned()).or_insert(Bucket {
            tokens: limit.burst,
            filled: now,
        });
        let passed = now.saturating_duration_since(bucket.filled).as_secs_f64();
        bucket.tokens = (bucket.tokens + passed * limit.per_second).min(limit.burst);
        bucket.filled = now;
        if bucket.tokens >= 1.0 {
            bucket.tokens -= 1.0;
            return Ok(());
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        Err(((1.0 - bucket.tokens) / limit.per_second).ceil() as u64)
    }
}
