//! One Lease in memory, and connections to it that fail.

use std::sync::{Arc, Mutex};

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};

use crate::k8s::{error::KubeApiError, lease::Leases};

#[derive(Default)]
pub(crate) struct Store(Mutex<StoredLease>);

#[derive(Clone, Default)]
pub(crate) struct StoredLease {
    lease: Option<Lease>,
    version: u64,
    calls: u64,
    writes: u64,
    conflict: bool,
}

impl Store {
    pub(crate) fn spec(&self) -> Option<LeaseSpec> {
        self.0.lock().unwrap().lease.clone()?.spec
    }

    pub(crate) fn calls(&self) -> u64 {
        self.0.lock().unwrap().calls
    }

    /// Writes that took effect.
    pub(crate) fn writes(&self) -> u64 {
        self.0.lock().unwrap().writes
    }

    /// Makes the next replacement conflict.
    pub(crate) fn conflict_once(&self) {
        self.0.lock().unwrap().conflict = true;
    }

    pub(crate) fn snapshot(&self) -> StoredLease {
        self.0.lock().unwrap().clone()
    }

    /// Restores a snapshot.
    pub(crate) fn restore(&self, stored: &StoredLease) {
        self.0.lock().unwrap().clone_from(stored);
    }

    /// Sets or removes the holder by hand.
    pub(crate) fn overwrite(&self, name: Option<&str>) {
        let mut stored = self.0.lock().unwrap();
        stored.version += 1;
        let version = stored.version.to_string();
        match (name, &mut stored.lease) {
            (Some(name), Some(lease)) => {
                lease.metadata.resource_version = Some(version);
                lease.spec.as_mut().unwrap().holder_identity = Some(name.to_owned());
            }
            (_, lease) => *lease = None,
        }
    }

    /// Simulates a restore: versions go back by this much.
    pub(crate) fn rewind(&self, by: u64) {
        let mut stored = self.0.lock().unwrap();
        stored.version -= by;
        let version = stored.version.to_string();
        stored.lease.as_mut().unwrap().metadata.resource_version = Some(version);
    }

    fn write(&self, lease: &Lease, create: bool) -> Result<Lease, KubeApiError> {
        let mut stored = self.0.lock().unwrap();
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        if std::mem::take(&mut stored.conflict)
            || create == stored.lease.is_some()
            || !create && stored.lease.as_ref().map(version) != Some(version(lease))
        {
            return Err(KubeApiError::Conflict);
        }
        stored.version += 1;
        stored.writes += 1;
        let mut lease = lease.clone();
        lease.metadata.resource_version = Some(stored.version.to_string());
        stored.lease = Some(lease.clone());
        Ok(lease)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    None,
    /// No request arrives, and none ends.
    Hang,
    /// The same for the next request only.
    HangOnce,
    Down,
    /// Requests arrive, but their responses are lost.
    AnswerLost,
    /// No write arrives, and none ends.
    HangWrites,
}

/// One replica's connection to the Lease.
#[derive(Clone)]
pub(crate) struct Access {
    store: Arc<Store>,
    fault: Arc<Mutex<Fault>>,
}

impl Access {
    pub(crate) fn new(store: Arc<Store>) -> Self {
        Self {
            store,
            fault: Arc::new(Mutex::new(Fault::None)),
        }
    }

    pub(crate) fn set(&self, fault: Fault) {
        *self.fault.lock().unwrap() = fault;
    }

    async fn call<T>(
        &self,
        writes: bool,
        call: impl FnOnce(&Store) -> Result<T, KubeApiError>,
    ) -> Result<T, KubeApiError> {
        self.store.0.lock().unwrap().calls += 1;
        let fault = *self.fault.lock().unwrap();
        match fault {
            Fault::None => return call(&self.store),
            Fault::Down => return Err(KubeApiError::Unavailable("down".to_owned())),
            Fault::AnswerLost | Fault::HangWrites if !writes => return call(&self.store),
            Fault::AnswerLost => drop(call(&self.store)),
            Fault::HangOnce => self.set(Fault::None),
            Fault::Hang | Fault::HangWrites => {}
        }
        std::future::pending().await
    }
}

impl Leases for Access {
    async fn get(&self) -> Result<Option<Lease>, KubeApiError> {
        self.call(false, |store| Ok(store.0.lock().unwrap().lease.clone()))
            .await
    }

    async fn create(&self, spec: LeaseSpec) -> Result<Lease, KubeApiError> {
        let lease = Lease {
            spec: Some(spec),
            ..Lease::default()
        };
        self.call(true, |store| store.write(&lease, true)).await
    }

    async fn replace(&self, lease: &Lease) -> Result<Lease, KubeApiError> {
        self.call(true, |store| store.write(lease, false)).await
    }
}
