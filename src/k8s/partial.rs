//! A mirror as it arrives from a watch.

use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::api::remediation::{Remediation, RemediationSpec};

/// A mirror without the metadata that the operator never reads. The managedFields alone are more than a third of an
/// object, and most of the memory for parsing it.
///
/// An unreadable mirror does not affect others. An unreadable status counts as absent, so that it is written again. An
/// unreadable spec counts as [empty](Self::is_unreadable), and the object is ignored.
#[derive(Clone, Debug)]
pub struct Shown(pub Remediation);

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    // Raw, because a failed parse cannot be repeated on the stream.
    #[serde(default)]
    spec: Option<Box<RawValue>>,
    #[serde(default)]
    status: Option<Box<RawValue>>,
}

/// The content of `raw`; `None` if it is unreadable.
fn read<T: DeserializeOwned>(raw: Option<Box<RawValue>>) -> Option<T> {
    serde_json::from_str(raw?.get()).ok()
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    name: Option<String>,
    namespace: Option<String>,
    uid: Option<String>,
    resource_version: Option<String>,
    generation: Option<i64>,
    labels: Option<BTreeMap<String, String>>,
    owner_references: Option<Vec<OwnerReference>>,
}

impl<'de> Deserialize<'de> for Shown {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let Object {
            metadata,
            spec,
            status,
        } = Object::deserialize(deserializer)?;
        let metadata = ObjectMeta {
            name: metadata.name,
            namespace: metadata.namespace,
            uid: metadata.uid,
            resource_version: metadata.resource_version,
            generation: metadata.generation,
            labels: metadata.labels,
            owner_references: metadata.owner_references,
            ..ObjectMeta::default()
        };
        let spec: Option<RemediationSpec> = read(spec);
        // If the mirrored remediation is unknown, the rest of the object does not count.
        let status = spec.as_ref().and_then(|_| read(status));
        Ok(Self(Remediation {
            metadata,
            spec: spec.unwrap_or_default(),
            status,
        }))
    }
}

impl Shown {
    /// Whether its spec is unreadable. No stored spec is empty.
    #[must_use]
    pub fn is_unreadable(&self) -> bool {
        self.0.spec.cluster_id.is_empty()
    }
}

impl From<Remediation> for Shown {
    fn from(object: Remediation) -> Self {
        Self(object)
    }
}

impl Serialize for Shown {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl Resource for Shown {
    type DynamicType = ();
    type Scope = <Remediation as Resource>::Scope;

    fn kind((): &()) -> Cow<'_, str> {
        Remediation::kind(&())
    }

    fn group((): &()) -> Cow<'_, str> {
        Remediation::group(&())
    }

    fn version((): &()) -> Cow<'_, str> {
        Remediation::version(&())
    }

    fn plural((): &()) -> Cow<'_, str> {
        Remediation::plural(&())
    }

    fn meta(&self) -> &ObjectMeta {
        self.0.meta()
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        self.0.meta_mut()
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
