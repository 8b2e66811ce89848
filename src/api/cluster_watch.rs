//! The `ClusterWatch` kind: which remediations of which cluster are mirrored into its namespace, how often they are
//! synced, and the result.
//!
//! [`limits`] bounds the lengths of texts and lists; the schema carries each bound.

#![expect(
    unreachable_pub,
    reason = "KubeSchema copies each struct into a function"
)]
#![expect(
    clippy::doc_markdown,
    reason = "`kubectl explain` shows these texts as they are"
)]

use std::time::Duration;

use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

use super::{duration, limits, rules};

mod omit;
mod retention;
mod status;

pub use omit::OmitField;
pub use retention::{DeletionPolicy, Retention};
pub use status::{Attention, ClusterWatchStatus, RemediationCounts};

/// What to mirror, and how.
#[derive(CustomResource, KubeSchema, Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[kube(
    group = "compute.together.ai",
    version = "v1alpha1",
    kind = "ClusterWatch",
    plural = "clusterwatches",
    shortname = "cwatch",
    category = "together",
    namespaced,
    status = "ClusterWatchStatus",
    derive = "PartialEq",
    doc = "Mirrors the remediations of one Together GPU cluster into Remediation objects of this namespace. It only reads the Together API: it never approves, starts or cancels a remediation."
)]
#[serde(rename_all = "camelCase")]
#[x_kube(
    validation = rules::immutable_instance(),
    validation = rules::not_above("activeInterval", "interval", ".activeInterval",
        "must not be above interval: set a shorter activeInterval or a longer interval"),
    validation = rules::not_above("interval", "fullResyncInterval", ".fullResyncInterval",
        "must not be below interval: set a longer fullResyncInterval or a shorter interval")
)]
pub struct ClusterWatchSpec {
    /// Id of the cluster in the Together API, spelled exactly as there (case-sensitive). Required and immutable. Must
    /// not be empty or begin or end with white space.
    #[schemars(length(max = limits::ID))]
    #[x_kube(
        validation = rules::not_empty("set the cluster's id in the Together API"),
        validation = rules::trimmed(),
        validation = rules::immutable("create another ClusterWatch for another cluster")
    )]
    pub cluster_id: String,

    /// Id of a single instance to mirror, spelled exactly as in the Together API. Defaults to all instances of the
    /// cluster, which can also be written as "-". Immutable. Must not begin or end with white space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ID))]
    #[x_kube(
        validation = rules::not_empty("set an instance's id, or omit instanceId for all instances"),
        validation = rules::trimmed()
    )]
    pub instance_id: Option<String>,

    /// Only remediations in these states get a mirror. Names are spelled as in the Together API. Defaults to all
    /// states. An existing mirror is updated until its remediation finishes, whatever its state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        length(max = limits::STATES),
        inner(length(max = limits::ENUM)),
        extend("x-kubernetes-list-type" = "set")
    )]
    #[x_kube(validation = rules::some_states(), validation = rules::state_names())]
    pub states: Option<Vec<String>>,

    /// Time between syncs while no remediation is open. A duration of at least 5s, such as 60s. Defaults to the
    /// operator's --default-interval.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DURATION))]
    #[x_kube(validation = rules::is_duration(), validation = rules::at_least_5s())]
    pub interval: Option<String>,

    /// Time between syncs while a remediation is open. A duration of at least 5s, such as 15s, that does not exceed
    /// interval. Defaults to the operator's --default-active-interval, or to interval if that is shorter.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DURATION))]
    #[x_kube(validation = rules::is_duration(), validation = rules::at_least_5s())]
    pub active_interval: Option<String>,

    /// Time between full syncs, which list finished remediations too. A duration of at least 5s, such as 10m, that is
    /// not below interval. Defaults to 10m, or to interval if that is longer. The operator extends it to ten times the
    /// API time of the last full sync.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::DURATION))]
    #[x_kube(validation = rules::is_duration(), validation = rules::at_least_5s())]
    pub full_resync_interval: Option<String>,

    /// Parameters passed to the Together API with each list request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub query: Option<Query>,

    /// The Secret that contains the API key.
    pub api_key_secret_ref: SecretKeyRef,

    /// If true, the operator does not call the Together API for this ClusterWatch. Existing mirrors are kept; open ones
    /// become Stale after three intervals and two minutes.
    #[serde(default)]
    pub suspend: bool,

    /// Fields that are never mirrored, for example because they name people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = OmitField::COUNT), extend("x-kubernetes-list-type" = "set"))]
    pub omit: Option<Vec<OmitField>>,

    /// What happens to the mirrors when this ClusterWatch is deleted. Delete: the mirrors are deleted too. Retain: the
    /// mirrors are kept.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,

    /// When mirrors of finished remediations are deleted. Defaults to never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retention: Option<Retention>,
}

impl ClusterWatchSpec {
    /// The single instance to mirror; `None` means all.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.instance_id.as_deref().filter(|id| *id != "-")
    }

    /// `interval`, if set and well-formed.
    #[must_use]
    pub fn interval(&self) -> Option<Duration> {
        parsed(self.interval.as_deref())
    }

    /// `activeInterval`, if set and well-formed.
    #[must_use]
    pub fn active_interval(&self) -> Option<Duration> {
        parsed(self.active_interval.as_deref())
    }

    /// `fullResyncInterval`, if set and well-formed.
    #[must_use]
    pub fn full_resync_interval(&self) -> Option<Duration> {
        parsed(self.full_resync_interval.as_deref())
    }
}

fn parsed(text: Option<&str>) -> Option<Duration> {
    text.and_then(|text| duration::parse(text).ok())
}

/// Parameters of the API's list request.
#[derive(KubeSchema, Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Query {
    /// Maximum number of remediations per page, from 1 to 1000. Defaults to 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[x_kube(validation = rules::within(limits::PAGE_SIZE_MIN, limits::PAGE_SIZE_MAX))]
    pub page_size: Option<u32>,

    /// Sort order, passed to the Together API unchanged, for example "create_time desc". Must not be empty. Defaults to
    /// the API's order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = limits::ORDER_BY))]
    #[x_kube(validation = rules::not_empty("set for example create_time desc, or omit orderBy"))]
    pub order_by: Option<String>,
}

/// One key of a Secret in the ClusterWatch's namespace.
#[derive(KubeSchema, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of a Secret of type Opaque in this namespace.
    #[schemars(length(max = limits::NAME))]
    #[x_kube(validation = rules::secret_name())]
    pub name: String,

    /// Key in the Secret's data whose value is the API key.
    #[serde(default = "default_key")]
    #[schemars(length(max = limits::NAME))]
    #[x_kube(validation = rules::secret_key())]
    pub key: String,
}

fn default_key() -> String {
    "api-key".to_owned()
}

impl Default for SecretKeyRef {
    fn default() -> Self {
        Self {
            name: String::new(),
            key: default_key(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn spec(more: &serde_json::Value) -> ClusterWatchSpec {
        let mut spec = json!({ "clusterId": "c", "apiKeySecretRef": { "name": "together" } });
        spec.as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        serde_json::from_value(spec).unwrap()
    }

    #[test]
    fn the_shortest_spec_has_the_defaults_of_the_schema() {
        let spec = spec(&json!({}));
        assert_eq!(spec.api_key_secret_ref.key, "api-key");
        assert_eq!(spec.deletion_policy, DeletionPolicy::Delete);
        assert!(!spec.suspend);
        assert_eq!(spec.interval(), None);
    }

    #[test]
    fn a_dash_is_no_instance() {
        for (named, instance) in [
            (json!({}), None),
            (json!({ "instanceId": "-" }), None),
            (json!({ "instanceId": "i-1" }), Some("i-1")),
        ] {
            assert_eq!(spec(&named).instance(), instance);
        }
    }

    #[test]
    fn each_duration_is_read_from_its_own_field() {
        let spec = spec(&json!({
            "interval": "60s", "activeInterval": "15s", "fullResyncInterval": "10m",
            "retention": { "ttlAfterFinished": "720h" },
        }));
        assert_eq!(spec.interval(), Some(Duration::from_secs(60)));
        assert_eq!(spec.active_interval(), Some(Duration::from_secs(15)));
        assert_eq!(spec.full_resync_interval(), Some(Duration::from_secs(600)));
        let ttl = spec.retention.unwrap().ttl_after_finished();
        assert_eq!(ttl, Some(Duration::from_secs(720 * 3600)));
    }

    #[test]
    fn a_malformed_duration_counts_as_not_given() {
        assert_eq!(spec(&json!({ "interval": "soon" })).interval(), None);
    }

    #[test]
    fn a_value_that_only_a_newer_version_knows_is_kept_as_it_is_written() {
        let newer = json!({ "omit": ["reason", "serialNumber"], "deletionPolicy": "Archive" });
        let spec = spec(&newer);
        let omit = spec.omit.clone().unwrap();
        assert_eq!(omit[0], OmitField::Reason);
        assert!(matches!(&omit[1], OmitField::Unknown(field) if field == "serialNumber"));
        let written = serde_json::to_value(&spec).unwrap();
        for field in ["omit", "deletionPolicy"] {
            assert_eq!(written[field], newer[field]);
        }
    }

    #[test]
    fn an_empty_status_writes_nothing_and_reads_back() {
        let status = ClusterWatchStatus::default();
        assert_eq!(serde_json::to_value(&status).unwrap(), json!({}));
        let read: ClusterWatchStatus = serde_json::from_value(json!({})).unwrap();
        assert_eq!(read, status);
    }
}
