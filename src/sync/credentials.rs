//! The API key of a `ClusterWatch`. Each sync reads it from the Secret, unless another `ClusterWatch` with the same Secret
//! just did.

mod keys;

use std::{collections::BTreeMap, time::Duration};

use k8s_openapi::{ByteString, api::core::v1::Secret};

pub use self::keys::{Found, Keys};
use crate::{
    api::Reason,
    k8s::{api::KubeApi, error::KubeApiError},
    together::ApiKey,
};

/// An unusable Secret is read again after this time.
pub const AGAIN: Duration = Duration::from_secs(10);

/// Why there is no usable API key. The messages say what to do and never contain the key.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CredentialsError {
    /// The Secret does not exist.
    #[error(
        "Secret {0:?} not found in this namespace. Create it with type Opaque, or fix spec.apiKeySecretRef.name. The operator checks again every 10 s"
    )]
    NotFound(String),
    /// The Secret contains no usable API key.
    #[error("Secret {name:?} is not usable: {problem}. The operator checks again every 10 s")]
    Invalid {
        /// The Secret's name.
        name: String,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// The API server did not respond.
    #[error(
        "cannot read Secret {name:?}: {error}. The operator retries at every interval. If this persists, check the API server"
    )]
    Unavailable {
        /// The Secret's name.
        name: String,
        /// The error of the API server.
        error: KubeApiError,
    },
}

impl CredentialsError {
    /// The reason of Ready for it; `None` if it says nothing about the Secret itself.
    #[must_use]
    pub fn reason(&self) -> Option<Reason> {
        match self {
            Self::NotFound(_) => Some(Reason::SecretNotFound),
            Self::Invalid { .. } => Some(Reason::SecretInvalid),
            Self::Unavailable { .. } => None,
        }
    }
}

/// A Secret that was read.
struct Read {
    name: String,
    type_: Option<String>,
    data: Option<BTreeMap<String, ByteString>>,
}

impl Read {
    /// The API key under this `key` of the Secret.
    fn key(&self, key: &str) -> Result<ApiKey, CredentialsError> {
        api_key(self.type_.as_deref(), self.data.as_ref(), key).map_err(|problem| {
            CredentialsError::Invalid {
                name: self.name.clone(),
                problem,
            }
        })
    }
}

/// Reads the Secret with this `name`.
async fn read<C: KubeApi>(kube: &C, namespace: &str, name: &str) -> Result<Read, CredentialsError> {
    found(name, kube.secret(namespace, name).await)
}

/// The API key under `key` of the Secret of this `name`, for which the API server `answered` so.
///
/// # Errors
/// Why there is none.
pub(crate) fn key_of(
    name: &str,
    answered: Result<Secret, KubeApiError>,
    key: &str,
) -> Result<ApiKey, CredentialsError> {
    found(name, answered)?.key(key)
}

/// What the API server `answered` for the Secret of this `name`.
fn found(name: &str, answered: Result<Secret, KubeApiError>) -> Result<Read, CredentialsError> {
    let name = name.to_owned();
    match answered {
        Ok(secret) => Ok(Read {
            name,
            type_: secret.type_,
            data: secret.data,
        }),
        Err(KubeApiError::NotFound) => Err(CredentialsError::NotFound(name)),
        Err(KubeApiError::Refused(_)) => Err(CredentialsError::Invalid {
            name,
            problem: "the operator has no access to it. Grant its service account get on secrets in this namespace".into(),
        }),
        Err(error) => Err(CredentialsError::Unavailable { name, error }),
    }
}

fn api_key(
    type_: Option<&str>,
    data: Option<&BTreeMap<String, ByteString>>,
    key: &str,
) -> Result<ApiKey, String> {
    match type_ {
        None | Some("" | "Opaque") => {}
        Some(other) => {
            return Err(format!(
                "its type is {other}, but must be Opaque. Recreate it with type Opaque"
            ));
        }
    }
    let Some(value) = data.and_then(|data| data.get(key)) else {
        return Err(format!(
            "it has no key {key:?}. Add the key, or fix spec.apiKeySecretRef.key"
        ));
    };
    ApiKey::parse(&value.0)
        .map_err(|error| format!("the value of key {key:?} is not a valid API key: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn data(value: &[u8]) -> BTreeMap<String, ByteString> {
        [("api-key".to_owned(), ByteString(value.to_vec()))].into()
    }

    fn problem(type_: &str, value: &[u8], key: &str) -> String {
        api_key(Some(type_), Some(&data(value)), key)
            .err()
            .unwrap_or_default()
    }

    #[test]
    fn a_good_key_is_taken_without_its_line_end() {
        assert!(api_key(Some("Opaque"), Some(&data(b"abc\n")), "api-key").is_ok());
        assert!(api_key(None, Some(&data(b"abc")), "api-key").is_ok());
    }

    #[test]
    fn every_problem_says_what_to_do() {
        assert!(problem("kubernetes.io/tls", b"abc", "api-key").contains("must be Opaque"));
        assert!(problem("Opaque", b"abc", "other").contains("no key \"other\""));
        assert!(problem("Opaque", b"", "api-key").contains("is empty"));
    }

    #[test]
    fn no_problem_shows_the_key() {
        assert!(!problem("Opaque", b"planted secret", "api-key").contains("planted"));
    }
}
