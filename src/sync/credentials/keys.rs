//! The last result of reading each Secret, shared by all `ClusterWatches` that reference it.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::sync::Mutex as Turn;

use super::{CredentialsError, read};
use crate::{
    api::cluster_watch::SecretKeyRef,
    clock::{Clock, MonoTime},
    k8s::api::KubeApi,
    together::ApiKey,
};

/// How long unused results are kept.
const HELD: Duration = Duration::from_secs(60);

/// The last result of reading one key of a Secret.
#[derive(Clone, Debug)]
pub struct Found {
    /// When the read began.
    pub began: MonoTime,
    /// When it ended.
    pub ended: MonoTime,
    /// The API key, or why there is none.
    pub key: Result<ApiKey, CredentialsError>,
}

/// One Secret. The reader holds the lock, so that the others wait for its result.
#[derive(Debug, Default)]
struct Secret {
    /// By key: when it was last requested, and the result.
    keys: BTreeMap<String, (MonoTime, Found)>,
}

/// When the Secret was last requested, and the Secret.
type LastUse = (MonoTime, Arc<Turn<Secret>>);

/// All Secrets that were read recently, by namespace and name.
#[derive(Default)]
pub struct Keys(Mutex<HashMap<(String, String), LastUse>>);

impl Keys {
    /// The API key in the Secret for `reference`: the last result if it `serves`, otherwise a new read. The second
    /// value says whether this call read it.
    pub async fn find<C: KubeApi>(
        &self,
        kube: &C,
        clock: &dyn Clock,
        (namespace, reference): (&str, &SecretKeyRef),
        serves: impl Fn(&Found) -> bool + Send,
    ) -> (Found, bool) {
        let secret = self.secret(namespace, &reference.name, clock.elapsed());
        let mut secret = secret.lock().await;
        let now = clock.elapsed();
        if let Some((asked, found)) = secret.keys.get_mut(&reference.key) {
            *asked = now;
            if serves(found) {
                return (found.clone(), false);
            }
        }
        let read = read(kube, namespace, &reference.name).await;
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
        let newest = found(&reference.key);
        secret
            .keys
            .insert(reference.key.clone(), (now, newest.clone()));
        (newest, true)
    }

    /// The Secret of this name, requested `now`.
    fn secret(&self, namespace: &str, name: &str, now: MonoTime) -> Arc<Turn<Secret>> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, (asked, secret)| now < *asked + HELD || Arc::strong_count(secret) > 1);
        let of = (namespace.to_owned(), name.to_owned());
        let (asked, secret) = all.entry(of).or_default();
        *asked = now;
        secret.clone()
    }
}
