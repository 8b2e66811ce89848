//! A mirror as a watch shows it.

use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::DeserializeOwned};
use serde_json::value::RawValue;

use crate::api::remediation::{Remediation, RemediationSpec};

/// A mirror without the parts of its metadata that nobody here reads. The managedFields alone are more than a third of an
/// object, and most of the memory that reading it takes.
///
/// One that cannot be read takes no other along: an unreadable status counts as absent, so that it is written again; an
/// unreadable spec as [empty](Self::is_unreadable), and then the object is left alone.
#[derive(Clone, Debug)]
pub struct Shown(pub Remediation);

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    // Raw, because what fails in the middle cannot be read once more.
    #[serde(default)]
    spec: Option<Box<RawValue>>,
    #[serde(default)]
    status: Option<Box<RawValue>>,
}

/// What `raw` says; `None` where that cannot be read.
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
        // Where it is not known what it is a mirror of, nothing that it says counts.
        let status = spec.as_ref().and_then(|_| read(status));
        Ok(Self(Remediation {
            metadata,
            spec: spec.unwrap_or_default(),
            status,
        }))
    }
}

impl Shown {
    /// Whether its spec cannot be read. No stored spec is empty.
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
