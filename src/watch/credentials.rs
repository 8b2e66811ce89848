//! The API key of a watch, read from its Secret at each poll, or just before by another watch that has the same.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use k8s_openapi::ByteString;

use crate::{
    api::cluster_watch::SecretKeyRef,
    cluster::{Cluster, ClusterError},
    together::ApiKey,
};

/// Why there is no key to use. Messages say what to do and never show the key.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CredentialsError {
    /// There is no such Secret.
    #[error(
        "there is no Secret {0} in this namespace: create it, type Opaque, with the API key in it"
    )]
    NotFound(String),
    /// The Secret holds no usable key.
    #[error("the Secret {name} cannot be used: {problem}")]
    Invalid {
        /// The Secret's name.
        name: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The cluster did not answer.
    #[error(
        "the Secret {name} could not be read: {error}. It is tried again at every interval; if this stays, see how the API server fares"
    )]
    Unavailable {
        /// The Secret's name.
        name: String,
        /// What the cluster said.
        error: ClusterError,
    },
}

/// How long a key is held that nobody asks for.
const HELD: Duration = Duration::from_secs(60);

/// By namespace: when each was read (monotonic), and what it was.
type Held = HashMap<String, HashMap<SecretKeyRef, (Duration, ApiKey)>>;

/// Keys that were just read: many watches with one Secret read it together.
#[derive(Default)]
pub struct Keys(Mutex<Held>);

impl Keys {
    /// The key that `wanted` names, and when it was read, where that was less than `young` before `now` (monotonic).
    #[must_use]
    pub fn get(
        &self,
        namespace: &str,
        wanted: &SecretKeyRef,
        now: Duration,
        young: Duration,
    ) -> Option<(Duration, ApiKey)> {
        let held = self.lock();
        let (read, key) = held.get(namespace)?.get(wanted)?;
        (now < *read + young).then(|| (*read, key.clone()))
    }

    /// This key was read `now`.
    pub fn put(&self, namespace: &str, wanted: &SecretKeyRef, now: Duration, key: &ApiKey) {
        let mut held = self.lock();
        held.retain(|_, keys| {
            keys.retain(|_, (read, _)| now < *read + HELD);
            !keys.is_empty()
        });
        let keys = held.entry(namespace.to_owned()).or_default();
        keys.insert(wanted.clone(), (now, key.clone()));
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Reads the key that `wanted` names.
///
/// # Errors
/// See [`CredentialsError`].
pub async fn read<C: Cluster>(
    cluster: &C,
    namespace: &str,
    wanted: &SecretKeyRef,
) -> Result<ApiKey, CredentialsError> {
    let name = || wanted.name.clone();
    let secret = cluster.secret(namespace, &wanted.name).await.map_err(|error| match error {
        ClusterError::NotFound => CredentialsError::NotFound(name()),
        ClusterError::Refused(_) => CredentialsError::Invalid {
            name: name(),
            problem: "the operator may not read it: grant its service account get on secrets in this namespace".into(),
        },
        error => CredentialsError::Unavailable { name: name(), error },
    })?;
    key(secret.type_.as_deref(), secret.data.as_ref(), &wanted.key).map_err(|problem| {
        CredentialsError::Invalid {
            name: name(),
            problem,
        }
    })
}

fn key(
    type_: Option<&str>,
    data: Option<&BTreeMap<String, ByteString>>,
    key: &str,
) -> Result<ApiKey, String> {
    match type_ {
        None | Some("" | "Opaque") => {}
        Some(other) => {
            return Err(format!(
                "its type is {other}, and only Opaque is read: make it anew with type Opaque"
            ));
        }
    }
    let Some(value) = data.and_then(|data| data.get(key)) else {
        return Err(format!(
            "it has no key {key}: add it, or name another in spec.apiKeySecretRef.key"
        ));
    };
    ApiKey::parse(&value.0)
        .map_err(|error| format!("its key {key} is no API key: {error}. Put one in"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(value: &[u8]) -> BTreeMap<String, ByteString> {
        [("api-key".to_owned(), ByteString(value.to_vec()))].into()
    }

    fn problem(type_: &str, value: &[u8], wanted: &str) -> String {
        key(Some(type_), Some(&data(value)), wanted)
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn a_good_key_is_taken_without_its_line_end() {
        assert!(key(Some("Opaque"), Some(&data(b"abc\n")), "api-key").is_ok());
        assert!(key(None, Some(&data(b"abc")), "api-key").is_ok());
    }

    #[test]
    fn every_problem_says_what_to_do() {
        assert!(problem("kubernetes.io/tls", b"abc", "api-key").contains("only Opaque"));
        assert!(problem("Opaque", b"abc", "other").contains("no key other"));
        assert!(problem("Opaque", b"", "api-key").contains("is no API key"));
    }

    #[test]
    fn no_problem_shows_the_key() {
        assert!(!problem("Opaque", b"planted secret", "api-key").contains("planted"));
    }
}
