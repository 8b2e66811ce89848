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

/// What becomes of the mirrors when their `ClusterWatch` is deleted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(transform = schema::closed)]
pub enum DeletionPolicy {
    /// They are deleted with it.
    #[default]
    Delete,
    /// They stay.
    Retain,
    /// One that a newer version of this program knows, as it is written. They stay.
    #[serde(untagged)]
    #[schemars(skip)]
    Unknown(String),
}

/// When mirrors of finished remediations are deleted. Open ones never are.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Retention {
    /// How long after its end a mirror is kept. A duration such as 720h. Left out: however old.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DURATION))]
    #[x_kube(validation = rules::is_duration())]
    pub ttl_after_finished: Option<String>,

    /// How many mirrors of finished remediations are kept for each instance, the newest ones, 1 to 100000.
    /// Left out: however many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::within(1, limits::FINISHED_PER_INSTANCE_MAX))]
    pub max_finished_per_instance: Option<u32>,
}

impl Retention {
    /// `ttlAfterFinished`, where it is given and well-formed.
    #[must_use]
    pub fn ttl_after_finished(&self) -> Option<Duration> {
        super::parsed(self.ttl_after_finished.as_deref())
    }
}
