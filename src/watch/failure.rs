//! Why a poll is no success, in the words of a condition: pure.

use super::{credentials::CredentialsError, plan::Scope, poll::PollError, polled::Polled};
use crate::together::Error;

/// The reason where the API was listed and the cluster did not take all of it.
pub const WRITE_FAILED: &str = "WriteFailed";

/// What to tell of a poll that failed, or whose writes did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Reason of Ready, out of the contract's set.
    pub reason: &'static str,
    /// What happened, and what to do.
    pub message: String,
    /// Trying again is no use: somebody must act.
    pub needs_somebody: bool,
}

impl Failure {
    /// What to tell of `outcome`, if it is no success; `unwritten`: what it left to write, in words.
    #[must_use]
    pub fn of(
        outcome: &Result<Polled, PollError>,
        scope: &Scope,
        unwritten: Option<String>,
    ) -> Option<Self> {
        match outcome {
            Ok(_) => unwritten.map(|message| Self {
                reason: WRITE_FAILED,
                message,
                needs_somebody: false,
            }),
            Err(error) => Some(failure(error, scope)),
        }
    }
}

fn failure(error: &PollError, scope: &Scope) -> Failure {
    let (reason, needs_somebody) = match error {
        PollError::Credentials(CredentialsError::NotFound(_)) => ("SecretNotFound", true),
        PollError::Credentials(CredentialsError::Invalid { .. }) => ("SecretInvalid", true),
        PollError::Credentials(CredentialsError::Unavailable { .. }) => ("Unavailable", false),
        PollError::Api(Error::NotFound) if scope.instance.is_some() => ("InstanceNotFound", true),
        PollError::Api(Error::NotFound) => ("ClusterNotFound", true),
        PollError::Api(error) => (error.label(), !error.retryable()),
    };
    let message = match (reason, &scope.instance) {
        ("InstanceNotFound", Some(instance)) => format!(
            "the API knows no instance {instance} in cluster {} (404): check spec.instanceId and spec.clusterId, and that the key belongs to their project",
            scope.cluster
        ),
        ("ClusterNotFound", _) => format!(
            "the API knows no cluster {} (404): check spec.clusterId, and that the key belongs to its project",
            scope.cluster
        ),
        _ => error.to_string(),
    };
    Failure {
        reason,
        message,
        needs_somebody,
    }
}
