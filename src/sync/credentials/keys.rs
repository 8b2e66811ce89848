//! Secrets as they were last read: all `ClusterWatches` that name one read it together.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Mutex as Turn;

use super::{CredentialsError, read};
use crate::{api::cluster_watch::SecretKeyRef, clock::Clock, k8s::api::KubeApi, together::ApiKey};

/// How long is held what nobody asks for.
const HELD: Duration = Duration::from_secs(60);

/// What the last read of a Secret showed of one of its keys.
#[derive(Clone, Debug)]
pub struct Found {
    /// When the read began (monotonic).
    pub began: Duration,
    /// When it ended (monotonic).
    pub ended: Duration,
    /// The API key, or why there is none.
    pub key: Result<ApiKey, CredentialsError>,
}

/// One Secret. Who reads it holds the lock, so that the others wait for what it shows.
#[derive(Debug, Default)]
struct Secret {
    /// By key: when it was last asked for, and what was found.
    keys: BTreeMap<String, (Duration, Found)>,
}

/// When the Secret was last asked for, and the Secret.
type Held = (Duration, Arc<Turn<Secret>>);

/// All Secrets that were just read, by namespace and name.
#[derive(Default)]
pub struct Keys(Mutex<HashMap<(String, String), Held>>);

impl Keys {
    /// What the Secret holds for `wanted`: what was found last where that `serves`, else what is found now. The second value:
    /// it was read for this call.
    pub async fn find<C: KubeApi>(
        &self,
        cluster: &C,
        clock: &dyn Clock,
        (namespace, wanted): (&str, &SecretKeyRef),
        serves: impl Fn(&Found) -> bool + Send,
    ) -> (Found, bool) {
        let secret = self.secret(namespace, &wanted.name, clock.elapsed());
        let mut secret = secret.lock().await;
        let now = clock.elapsed();
        if let Some((asked, found)) = secret.keys.get_mut(&wanted.key) {
            *asked = now;
            if serves(found) {
                return (found.clone(), false);
            }
        }
        let read = read(cluster, namespace, &wanted.name).await;
        let ended = clock.elapsed();
        let found = |key: &str| Found {
            began: now,
            ended,
            key: read
                .as_ref()
                .map_err(Clone::clone)
                .and_then(|secret| secret.key(key)),
        };
        secret.keys.retain(|_, (asked, _)| now < *asked + HELD);
        for (key, (_, last)) in &mut secret.keys {
            *last = found(key);
        }
        let newest = found(&wanted.key);
        secret
            .keys
            .insert(wanted.key.clone(), (now, newest.clone()));
        (newest, true)
    }

    /// The Secret of this name, asked for `now` (monotonic).
    fn secret(&self, namespace: &str, name: &str, now: Duration) -> Arc<Turn<Secret>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (asked, secret)| now < *asked + HELD || Arc::strong_count(secret) > 1);
        let of = (namespace.to_owned(), name.to_owned());
        let (asked, secret) = all.entry(of).or_default();
        *asked = now;
        secret.clone()
    }
}
