//! A model of the API server: resourceVersions, fences, the status subresource, and faults on demand.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use k8s_openapi::api::core::v1::Secret;
use kube::ResourceExt;
use serde_json::{Value, json};

mod etcd;
mod secrets;

pub(crate) use self::etcd::Snapshot;
use self::{etcd::Revisions, secrets::Secrets};
use super::{NAMESPACE, id};
use crate::{
    api::{
        cluster_watch::ClusterWatch,
        remediation::{Remediation, RemediationSpec, RemediationStatus},
    },
    k8s::{api::KubeApi, error::KubeApiError},
};

/// A request that reached the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    Create(String),
    Status(String),
    Patch(String),
    Delete(String),
    Get(String),
}

/// The events of a watch on the mirrors, oldest first.
#[derive(Clone, Debug)]
pub(crate) enum Change {
    Put(Remediation),
    Gone(Remediation),
}

type Fault = dyn Fn(&Call) -> Option<KubeApiError> + Send;
type Reported = dyn Fn(&ClusterWatch) + Send + Sync;

#[derive(Default)]
struct State {
    /// A namespace other than [`NAMESPACE`].
    namespace: Option<&'static str>,
    mirrors: BTreeMap<String, Remediation>,
    watches: BTreeMap<String, ClusterWatch>,
    changes: Vec<Change>,
    revisions: Revisions,
    /// Mirrors with an unreadable status, until it is written again.
    spoilt: BTreeSet<String>,
    calls: Vec<Call>,
    fault: Option<Box<Fault>>,
    reported: Option<Arc<Reported>>,
    secrets: Secrets,
}

/// A cluster with one namespace. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct MemoryKubeApi(Arc<Mutex<State>>);

impl MemoryKubeApi {
    /// The cluster as seen in another namespace; `version` is the last resourceVersion so far.
    pub(crate) fn of(namespace: &'static str, version: u64) -> Self {
        Self(Arc::new(Mutex::new(State {
            namespace: Some(namespace),
            revisions: Revisions::after(version),
            ..State::default()
        })))
    }

    /// From now on these requests fail.
    pub(crate) fn fail(&self, fault: impl Fn(&Call) -> Option<KubeApiError> + Send + 'static) {
        self.lock().fault = Some(Box::new(fault));
    }

    /// From now on this runs before each write of a `ClusterWatch`'s status. It may panic.
    pub(crate) fn when_reported(&self, reported: impl Fn(&ClusterWatch) + Send + Sync + 'static) {
        self.lock().reported = Some(Arc::new(reported));
    }

    /// The events of a watch on the mirrors, from index `first` on.
    pub(crate) fn changes(&self, first: usize) -> Vec<Change> {
        self.lock().changes[first..].to_vec()
    }

    /// Visits the mirrors, by name.
    pub(crate) fn look<T>(&self, f: impl FnOnce(&BTreeMap<String, Remediation>) -> T) -> T {
        f(&self.lock().mirrors)
    }

    /// Visits the `ClusterWatches` and the mirrors, by name.
    pub(crate) fn look_at_all<T>(
        &self,
        f: impl FnOnce(&BTreeMap<String, ClusterWatch>, &BTreeMap<String, Remediation>) -> T,
    ) -> T {
        let state = self.lock();
        f(&state.watches, &state.mirrors)
    }

    pub(crate) fn mirror(&self, name: &str) -> Option<Remediation> {
        self.lock().mirrors.get(name).cloned()
    }

    /// The `ClusterWatches`, by name.
    pub(crate) fn watches(&self) -> Vec<ClusterWatch> {
        self.lock().watches.values().cloned().collect()
    }

    /// Creates the `ClusterWatch`, or replaces one of that name. A changed spec is a new generation.
    pub(crate) fn put_watch(&self, mut watch: ClusterWatch) {
        let mut state = self.lock();
        let version = state.next();
        let before = state.watches.get(&watch.name_any());
        let generation = before.map_or(1, |before| {
            let changed = i64::from(before.spec != watch.spec);
            before.metadata.generation.unwrap() + changed
        });
        let uid = before.and_then(ResourceExt::uid);
        let uid = uid.or_else(|| Some(state.revisions.uid(version)));
        watch.metadata.uid = uid;
        watch.metadata.generation = Some(generation);
        watch.metadata.resource_version = Some(version.to_string());
        state.watches.insert(watch.name_any(), watch);
    }

    /// Deletes the `ClusterWatch`. Its mirrors stay until the garbage collector runs.
    pub(crate) fn remove_watch(&self, name: &str) {
        self.lock().watches.remove(name);
    }

    /// The requests since the last call of this.
    pub(crate) fn calls(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    pub(crate) fn object(&self, number: u64) -> Option<Remediation> {
        self.lock().mirrors.get(&id(number)).cloned()
    }

    pub(crate) fn status(&self, number: u64) -> RemediationStatus {
        self.object(number).unwrap().status.unwrap()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().mirrors.keys().cloned().collect()
    }

    /// Another client changes the object.
    pub(crate) fn touch(&self, number: u64, change: impl FnOnce(&mut Remediation)) {
        let mut state = self.lock();
        let version = state.next();
        let object = state.mirrors.get_mut(&id(number)).unwrap();
        change(object);
        object.metadata.resource_version = Some(version.to_string());
        let changed = Change::Put(object.clone());
        state.changes.push(changed);
    }

    /// Sets the object's resourceVersion, which no real server would do.
    pub(crate) fn set_version(&self, number: u64, version: u64) {
        let mut state = self.lock();
        let object = state.mirrors.get_mut(&id(number)).unwrap();
        object.metadata.resource_version = Some(version.to_string());
    }

    /// Another client deletes the object.
    pub(crate) fn remove(&self, number: u64) {
        self.lock().delete(&id(number));
    }

    /// Another client changes the object of this name.
    pub(crate) fn edit(&self, name: &str, change: impl FnOnce(&mut Remediation)) {
        let mut state = self.lock();
        let mut object = state.mirrors.get(name).unwrap().clone();
        change(&mut object);
        state.store(object);
    }

    /// The garbage collector deletes the object.
    pub(crate) fn collect(&self, name: &str) {
        self.lock().delete(name);
    }

    /// Another client creates an object of that name, for this cluster.
    pub(crate) fn plant(&self, number: u64, cluster: &str) -> Remediation {
        let spec = RemediationSpec {
            cluster_id: cluster.into(),
            id: id(number),
        };
        let mut object = Remediation::new(&id(number), spec);
        let mut state = self.lock();
        object.metadata.namespace = Some(state.namespace.unwrap_or(NAMESPACE).into());
        state.create(object).unwrap()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }
}

impl State {
    fn next(&mut self) -> u64 {
        self.revisions.next()
    }

    fn called(&mut self, call: Call) -> Result<(), KubeApiError> {
        let fault = self.fault.as_ref().and_then(|fault| fault(&call));
        self.calls.push(call);
        fault.map_or(Ok(()), Err)
    }

    fn create(&mut self, mut object: Remediation) -> Result<Remediation, KubeApiError> {
        let name = object.name_any();
        if self.mirrors.contains_key(&name) {
            return Err(KubeApiError::Conflict);
        }
        let version = self.next();
        object.metadata.uid = Some(self.revisions.uid(version));
        object.metadata.resource_version = Some(version.to_string());
        object.metadata.generation = Some(1);
        object.status = Some(schema_default());
        self.mirrors.insert(name, object.clone());
        self.changes.push(Change::Put(object.clone()));
        Ok(object)
    }

    fn delete(&mut self, name: &str) {
        let version = self.next();
        if let Some(mut object) = self.mirrors.remove(name) {
            object.metadata.resource_version = Some(version.to_string());
            self.changes.push(Change::Gone(object));
        }
    }

    /// The object, if it still matches what the caller's decision was based on.
    fn fenced(
        &mut self,
        name: &str,
        uid: Option<&str>,
        version: Option<&str>,
    ) -> Result<&mut Remediation, KubeApiError> {
        let object = self.mirrors.get_mut(name).ok_or(KubeApiError::NotFound)?;
        let same = |expected: Option<&str>, there: &Option<String>| {
            expected.is_none_or(|expected| there.as_deref() == Some(expected))
        };
        if same(uid, &object.metadata.uid) && same(version, &object.metadata.resource_version) {
            Ok(object)
        } else {
            Err(KubeApiError::Conflict)
        }
    }

    /// Stores a new version of an object, unless it is unchanged.
    fn store(&mut self, mut object: Remediation) -> Remediation {
        let name = object.name_any();
        let read = self.mirrors.get(&name);
        if read.map(|read| &read.status) != Some(&object.status) {
            self.spoilt.remove(&name);
        }
        if read != Some(&object) {
            object.metadata.resource_version = Some(self.next().to_string());
            self.mirrors.insert(name, object.clone());
            self.changes.push(Change::Put(object.clone()));
        }
        object
    }
}

/// The schema's default for `status`.
fn schema_default() -> RemediationStatus {
    let condition = |type_: &str, status: &str| json!({"type": type_, "status": status, "reason": "Pending", "message": "", "lastTransitionTime": "1970-01-01T00:00:00Z"});
    let conditions = [
        condition("Synced", "Unknown"),
        condition("Reconciling", "True"),
    ];
    serde_json::from_value(json!({ "conditions": conditions })).unwrap()
}

/// `status` after a round trip through JSON.
pub(crate) fn through_json(status: &RemediationStatus) -> RemediationStatus {
    serde_json::from_str(&serde_json::to_string(status).unwrap()).unwrap()
}

impl KubeApi for MemoryKubeApi {
    async fn create(&self, mirror: &Remediation) -> Result<Remediation, KubeApiError> {
        let mut state = self.lock();
        state.called(Call::Create(mirror.name_any()))?;
        state.create(mirror.clone())
    }

    async fn replace_status(&self, mirror: &Remediation) -> Result<Remediation, KubeApiError> {
        let mut state = self.lock();
        let name = mirror.name_any();
        state.called(Call::Status(name.clone()))?;
        let (uid, version) = (&mirror.metadata.uid, &mirror.metadata.resource_version);
        let mut object = state
            .fenced(&name, uid.as_deref(), version.as_deref())?
            .clone();
        object.status = mirror.status.as_ref().map(through_json);
        Ok(state.store(object))
    }

    async fn patch(&self, _: &str, name: &str, patch: Value) -> Result<Remediation, KubeApiError> {
        let mut state = self.lock();
        state.called(Call::Patch(name.to_owned()))?;
        let metadata = &patch["metadata"];
        let mut object = state
            .fenced(
                name,
                metadata["uid"].as_str(),
                metadata["resourceVersion"].as_str(),
            )?
            .clone();
        let labels = object.metadata.labels.get_or_insert_default();
        for (label, value) in metadata["labels"].as_object().unwrap() {
            match value.as_str() {
                Some(value) => labels.insert(label.clone(), value.to_owned()),
                None => labels.remove(label),
            };
        }
        object.metadata.owner_references =
            serde_json::from_value(metadata["ownerReferences"].clone()).unwrap();
        Ok(state.store(object))
    }

    async fn delete(
        &self,
        _: &str,
        name: &str,
        uid: &str,
        resource_version: u64,
    ) -> Result<(), KubeApiError> {
        let mut state = self.lock();
        state.called(Call::Delete(name.to_owned()))?;
        state.fenced(name, Some(uid), Some(&resource_version.to_string()))?;
        state.delete(name);
        Ok(())
    }

    async fn get(&self, _: &str, name: &str) -> Result<Remediation, KubeApiError> {
        let mut state = self.lock();
        state.called(Call::Get(name.to_owned()))?;
        state
            .mirrors
            .get(name)
            .cloned()
            .ok_or(KubeApiError::NotFound)
    }

    async fn get_watch(&self, _: &str, name: &str) -> Result<ClusterWatch, KubeApiError> {
        let state = self.lock();
        let watch = state.watches.get(name).cloned();
        watch.ok_or(KubeApiError::NotFound)
    }

    async fn replace_watch_status(
        &self,
        watch: &ClusterWatch,
    ) -> Result<ClusterWatch, KubeApiError> {
        let reported = self.lock().reported.clone();
        if let Some(reported) = reported {
            reported(watch);
        }
        let mut state = self.lock();
        let version = state.next();
        let there = state.watches.get_mut(&watch.name_any());
        let there = there.ok_or(KubeApiError::NotFound)?;
        if there.uid() != watch.uid() || there.resource_version() != watch.resource_version() {
            return Err(KubeApiError::Conflict);
        }
        there.status.clone_from(&watch.status);
        there.metadata.resource_version = Some(version.to_string());
        Ok(there.clone())
    }

    async fn secret(&self, _: &str, name: &str) -> Result<Secret, KubeApiError> {
        self.lock().secrets.read(name)
    }
}
