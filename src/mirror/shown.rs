//! A mirror as a watch shows it.

use std::{borrow::Cow, collections::BTreeMap};

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{ObjectMeta, OwnerReference};
use kube::Resource;
use serde::{Deserialize, Deserializer};

use crate::api::remediation::{Remediation, RemediationSpec, RemediationStatus};

/// A mirror without the parts of its metadata that nobody here reads. The managedFields alone are more than a third of an
/// object, and most of the memory that reading it takes.
#[derive(Clone, Debug)]
pub struct Shown(pub Remediation);

#[derive(Deserialize)]
struct Object {
    metadata: Metadata,
    spec: RemediationSpec,
    #[serde(default)]
    status: Option<RemediationStatus>,
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
        Ok(Self(Remediation {
            metadata,
            spec,
            status,
        }))
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
