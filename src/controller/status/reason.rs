//! Why a sync failed, as reason and message of a condition: pure.

use crate::{
    api::Reason,
    sync::{SyncError, outcome::SyncOutcome, target::MirrorTarget},
    together::Error,
};

/// Why a sync or its writes failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// Reason of Ready.
    pub reason: Reason,
    /// What happened and what to do.
    pub message: String,
    /// Whether a retry is useless because a person must act.
    pub needs_somebody: bool,
}

impl Failure {
    /// The failure of `outcome`, if any; `unwritten` describes the writes that failed.
    #[must_use]
    pub fn of(
        outcome: &Result<SyncOutcome, SyncError>,
        target: &MirrorTarget,
        unwritten: Option<String>,
    ) -> Option<Self> {
        match outcome {
            Ok(_) => unwritten.map(|message| Self {
                reason: Reason::WriteFailed,
                message,
                needs_somebody: false,
            }),
            Err(error) => Some(failure(error, target)),
        }
    }
}

/// The failure to report after a sync that ended with `error`.
pub(crate) fn failure(error: &SyncError, target: &MirrorTarget) -> Failure {
    let (reason, needs_somebody) = match error {
        SyncError::Credentials(error) => match error.reason() {
            Some(reason) => (reason, true),
            None => (Reason::Unavailable, false),
        },
        SyncError::Api(Error::NotFound) if target.instance.is_some() => {
            (Reason::InstanceNotFound, true)
        }
        SyncError::Api(Error::NotFound) => (Reason::ClusterNotFound, true),
        SyncError::Api(error) => (error.reason(), !error.retryable()),
    };
    let message = match (error, &target.instance) {
        (SyncError::Api(Error::NotFound), Some(instance)) => format!(
            "Together found no instance {instance} in cluster {} (404). Check spec.instanceId and spec.clusterId, and that the API key belongs to their project",
            target.cluster
        ),
        (SyncError::Api(Error::NotFound), None) => format!(
            "Together found no cluster {} (404). Check spec.clusterId, and that the API key belongs to its project",
            target.cluster
        ),
        (SyncError::Api(Error::Forbidden), _) => format!(
            "the API key has no access to cluster {} (403). Put an API key of the cluster's project into the Secret of spec.apiKeySecretRef",
            target.cluster
        ),
        _ => error.to_string(),
    };
    Failure {
        reason,
        message,
        needs_somebody,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use strum::IntoEnumIterator as _;

    use super::*;
    use crate::{
        k8s::error::KubeApiError,
        network::Cause,
        sync::credentials::CredentialsError,
        testing::target,
        together::{DecodeError, Incomplete, TransportError},
    };

    #[test]
    fn every_failure_says_what_to_do() {
        let name = || "together".to_owned();
        let (line, column, retry_after) = (1, 1, None);
        let outages = Cause::iter().map(TransportError::Connection);
        let outages = outages.chain([TransportError::Status(503)]);
        let flaws = [
            DecodeError::NotJson { line, column },
            DecodeError::CutOff { line, column },
            DecodeError::Shape {
                path: "has_next".to_owned(),
                line,
                column,
            },
            DecodeError::Field {
                field: "state".to_owned(),
                problem: "absent",
            },
            DecodeError::Redirect(301),
        ];
        let ends = [
            Incomplete::Loop,
            Incomplete::NoToken,
            Incomplete::TokenRefused,
            Incomplete::TooManyPages(9),
        ];
        let of_api = [
            Error::Unauthorized,
            Error::Forbidden,
            Error::Billing,
            Error::NotFound,
            Error::BadRequest { status: 400 },
            Error::ImpossibleId { what: "cluster id" },
            Error::RateLimited { retry_after },
            Error::TooLarge { limit: 1 },
        ];
        let of_api = of_api
            .into_iter()
            .chain(outages.map(|cause| Error::Unavailable { cause, retry_after }))
            .chain(flaws.map(Error::InvalidResponse))
            .chain(ends.map(|why| Error::IncompleteListing { why }));
        let of_secret = [
            CredentialsError::NotFound(name()),
            CredentialsError::Unavailable {
                name: name(),
                error: KubeApiError::Conflict,
            },
        ];
        let all = of_api
            .map(SyncError::Api)
            .chain(of_secret.map(SyncError::Credentials));
        for error in all {
            let failure = Failure::of(&Err(error), &target(), None).unwrap();
            let advice = ["spec.", "--api-", "if this persists", "create", "set the "];
            let message = failure.message.to_lowercase();
            assert!(
                advice.iter().any(|part| message.contains(part)),
                "{failure:?}"
            );
        }
    }
}
