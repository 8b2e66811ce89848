//! How long mirrors are kept.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct into a function"
)]

use std::time::Duration;

use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::api::{limits, rules, schema};

/// What happens to the mirrors when their `ClusterWatch` is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub enum DeletionPolicy {
    /// The mirrors are deleted too.
    #[default]
    Delete,
    /// The mirrors are kept.
    Retain,
    /// A policy that a newer version knows, kept as written. The mirrors are kept, which is the safe choice.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// When mirrors of finished remediations are deleted. Open ones are never deleted.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// How long a mirror is kept after its remediation finished. A duration such as 720h. Defaults to no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DURATION))]
    #[x_kube(validation = rules::is_duration())]
    pub ttl_after_finished: Option<String>,

    /// How many mirrors of finished remediations are kept for each instance, from 1 to 100000. The newest are kept.
    /// Defaults to no limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::within(1, limits::FINISHED_PER_INSTANCE_MAX))]
    pub max_finished_per_instance: Option<u32>,
}

impl Retention {
    /// `ttlAfterFinished`, if set and well-formed.
    #[must_use]
    pub fn ttl_after_finished(&self) -> Option<Duration> {
        super::parsed(self.ttl_after_finished.as_deref())
    }
}
