//! Carries out one change as planned: bounded, fenced, and nothing else.

use std::sync::Arc;

use k8s_openapi::{
    apimachinery::pkg::apis::meta::v1::{Condition, OwnerReference, Time},
    jiff::Timestamp,
};
use kube::api::ObjectMeta;
use serde_json::json;

use crate::{
    api::{
        remediation::{Remediation, RemediationSpec, RemediationStatus},
        timestamp::{seconds, to_second},
    },
    k8s::{api::KubeApi, error::KubeApiError},
    mirror::{
        labels::Labels,
        status::{self, Synced},
        transitions,
    },
    store::{ConditionFacts, Index, Mirror},
    sync::change::{Done, MirrorChange, Write},
};

/// Writes the mirrors of one `ClusterWatch`.
#[derive(Clone)]
pub struct Writer<C> {
    /// The port to the API server.
    pub kube: C,
    /// The index, informed of every write.
    pub index: Index,
    /// The namespace of the `ClusterWatch` and its mirrors.
    pub namespace: Arc<str>,
    /// The labels of the mirrors.
    pub labels: Labels,
    /// The owner references of the mirrors.
    pub owners: Arc<[OwnerReference]>,
}

impl<C: KubeApi> Writer<C> {
    /// Carries out one write that was decided at `now`.
    ///
    /// # Errors
    /// The request that was rejected or failed. A conflict or a missing object is no error.
    pub async fn write(&self, write: Write, now: Timestamp) -> Result<Done, KubeApiError> {
        let name = write.name;
        let (cluster, decided_on) = match &write.change {
            MirrorChange::Create(_, spec) => (spec.cluster_id.as_str().into(), None),
            MirrorChange::Update { mirror, .. }
            | MirrorChange::Mark(mirror, _)
            | MirrorChange::Prune(mirror) => (
                mirror.subject.cluster.clone(),
                Some(mirror.object.resource_version),
            ),
        };
        let done = match write.change {
            MirrorChange::Create(status, spec) => self.create(&name, *status, spec, now).await,
            MirrorChange::Update {
                mirror,
                status,
                metadata,
            } => self.update(&name, &mirror, status, metadata, now).await,
            MirrorChange::Mark(mirror, synced) => self.mark(&name, &mirror, synced, now).await,
            MirrorChange::Prune(mirror) => self.prune(&name, &mirror).await,
        };
        match done {
            Err(KubeApiError::NotFound) => {
                // It was deleted without an event. The next sync creates it again.
                if let Some(version) = decided_on {
                    self.index
                        .removed(&self.namespace, &cluster, &name, version);
                }
                Ok(Done::Conflict)
            }
            Err(KubeApiError::Conflict) => {
                self.look_again(&name, &cluster).await;
                Ok(Done::Conflict)
            }
            done => done,
        }
    }

    /// Reads the object of a write that met another version. A version older than the index entry means that etcd was
    /// restored. It decides nothing else.
    async fn look_again(&self, name: &str, cluster: &str) {
        let known = self.index.get(&self.namespace, name);
        let before = known.map(|mirror| mirror.object.resource_version);
        // If this fails, the next conflict checks again.
        if let Ok(read) = self.kube.get(&self.namespace, name).await {
            self.index.compare(before, &read, cluster);
        }
    }

    async fn create(
        &self,
        name: &str,
        mut status: RemediationStatus,
        spec: RemediationSpec,
        now: Timestamp,
    ) -> Result<Done, KubeApiError> {
        let mut object = Remediation::new(name, spec);
        object.metadata.namespace = Some(self.namespace.to_string());
        let labels = &self.labels;
        let labels = labels.of_mirror(&object.spec.cluster_id, status.instance_id.as_deref());
        object.metadata.labels = Some(labels);
        object.metadata.owner_references =
            Some(self.owners.to_vec()).filter(|owners| !owners.is_empty());
        let created = self.kube.create(&object).await;
        let created = created.map_err(|error| match error {
            // Not a conflict: a retry would fail the same way.
            KubeApiError::NotFound => KubeApiError::Unavailable(
                "the namespace or the CRD of Remediation no longer exists".to_owned(),
            ),
            error => error,
        })?;
        self.index.apply(created.clone());
        date(&mut status.conditions, None, now);
        let mut history = Vec::new();
        transitions::extend(&mut history, None, &status, &seconds(now));
        status.transitions = history;
        self.replace_status(
            fence(name, &self.namespace, &created.metadata),
            created.spec,
            status,
        )
        .await?;
        Ok(Done::Created)
    }

    async fn update(
        &self,
        name: &str,
        mirror: &Mirror,
        status: Option<Box<RemediationStatus>>,
        metadata: bool,
        now: Timestamp,
    ) -> Result<Done, KubeApiError> {
        let mut version = mirror.object.resource_version.to_string();
        if metadata {
            let instance = status
                .as_ref()
                .map_or(mirror.subject.known_instance(), |s| {
                    s.instance_id.as_deref()
                });
            let patch = json!({"metadata": {
                "uid": mirror.object.uid,
                "resourceVersion": version,
                "labels": self.labels.patch(&mirror.subject.cluster, instance),
                "ownerReferences": &*self.owners,
            }});
            let patched = self.kube.patch(&self.namespace, name, patch).await?;
            version = patched
                .metadata
                .resource_version
                .clone()
                .unwrap_or_default();
            self.index.apply(patched);
        }
        let Some(mut status) = status else {
            return Ok(Done::Updated);
        };
        let mut history = if let Some(history) = &mirror.history {
            history.to_vec()
        } else {
            let read = self.read_at(name, &version).await?;
            read.status.unwrap_or_default().transitions
        };
        date(&mut status.conditions, Some(&mirror.times.conditions), now);
        let previous = Some(&*mirror.state).filter(|state| !state.is_empty());
        transitions::extend(&mut history, previous, &status, &seconds(now));
        status.transitions = history;
        let metadata = ObjectMeta {
            uid: Some(mirror.object.uid.to_string()),
            resource_version: Some(version),
            ..ObjectMeta::default()
        };
        self.replace_status(
            fence(name, &self.namespace, &metadata),
            spec(mirror),
            *status,
        )
        .await?;
        Ok(Done::Updated)
    }

    async fn mark(
        &self,
        name: &str,
        mirror: &Mirror,
        synced: Synced,
        now: Timestamp,
    ) -> Result<Done, KubeApiError> {
        let read = self
            .read_at(name, &mirror.object.resource_version.to_string())
            .await?;
        let mut status = read.status.unwrap_or_default();
        status::mark(
            &mut status,
            synced,
            &mirror.subject.id,
            mirror.object.generation,
        );
        date(&mut status.conditions, Some(&mirror.times.conditions), now);
        self.replace_status(
            fence(name, &self.namespace, &read.metadata),
            read.spec,
            status,
        )
        .await?;
        Ok(Done::Updated)
    }

    async fn prune(&self, name: &str, mirror: &Mirror) -> Result<Done, KubeApiError> {
        let version = mirror.object.resource_version;
        self.kube
            .delete(&self.namespace, name, &mirror.object.uid, version)
            .await?;
        self.index
            .removed(&self.namespace, &mirror.subject.cluster, name, version);
        Ok(Done::Pruned)
    }

    /// Reads the mirror to keep its status, but decides nothing by it. A version other than that of the index is a
    /// conflict.
    async fn read_at(&self, name: &str, version: &str) -> Result<Remediation, KubeApiError> {
        let read = self.kube.get(&self.namespace, name).await?;
        if read.metadata.resource_version.as_deref() == Some(version) {
            Ok(read)
        } else {
            Err(KubeApiError::Conflict)
        }
    }

    async fn replace_status(
        &self,
        metadata: ObjectMeta,
        spec: RemediationSpec,
        status: RemediationStatus,
    ) -> Result<(), KubeApiError> {
        let object = Remediation {
            metadata,
            spec,
            status: Some(status),
        };
        let written = self.kube.replace_status(&object).await?;
        self.index.apply(written);
        Ok(())
    }
}

fn spec(mirror: &Mirror) -> RemediationSpec {
    RemediationSpec {
        cluster_id: mirror.subject.cluster.to_string(),
        id: mirror.subject.id.to_string(),
    }
}

fn fence(name: &str, namespace: &str, metadata: &ObjectMeta) -> ObjectMeta {
    ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        uid: metadata.uid.clone(),
        resource_version: metadata.resource_version.clone(),
        ..ObjectMeta::default()
    }
}

/// Sets the transition time of each condition: the previous one if its status is unchanged, otherwise `now`.
fn date(conditions: &mut [Condition], before: Option<&ConditionFacts>, now: Timestamp) {
    for condition in conditions {
        let since = before.and_then(|before| before.since(&condition.type_, &condition.status));
        condition.last_transition_time = Time(since.unwrap_or(to_second(now)));
    }
}

#[cfg(test)]
mod tests;
