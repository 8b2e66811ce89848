//! Secrets of the model: all names lead to one (or each to one of its own), which somebody may take away, spoil or forbid.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};

use super::MemoryKubeApi;
use crate::k8s::api::KubeApiError;

#[derive(Default)]
pub(super) struct Secrets {
    held: Option<Secret>,
    fault: Option<KubeApiError>,
    /// Each name leads to a Secret of its own.
    own: bool,
    /// The names that were read.
    reads: Vec<String>,
}

impl Secrets {
    pub(super) fn read(&mut self, name: &str) -> Result<Secret, KubeApiError> {
        self.reads.push(name.to_owned());
        match &self.fault {
            Some(fault) => Err(fault.clone()),
            None if self.own => Ok(secret(&[("api-key", name.as_bytes())], "Opaque")),
            None => self.held.clone().ok_or(KubeApiError::NotFound),
        }
    }
}

impl MemoryKubeApi {
    /// Somebody puts this key into the Secret, whatever was there.
    pub(crate) fn set_key(&self, key: &[u8]) {
        self.set_secret(&[("api-key", key)], "Opaque");
    }

    /// Somebody creates the Secret, or replaces it.
    pub(crate) fn set_secret(&self, data: &[(&str, &[u8])], type_: &str) {
        self.lock().secrets.held = Some(secret(data, type_));
    }

    /// From now on each Secret holds a key of its own, which is the Secret's name.
    pub(crate) fn give_each_a_key(&self) {
        self.lock().secrets.own = true;
    }

    /// Somebody deletes the Secret.
    pub(crate) fn remove_key(&self) {
        self.lock().secrets.held = None;
    }

    /// From now on Secrets cannot be read for this reason, if any.
    pub(crate) fn fail_secrets(&self, fault: Option<KubeApiError>) {
        self.lock().secrets.fault = fault;
    }

    /// The names of the Secrets that were read since this was last asked.
    pub(crate) fn secrets_read(&self) -> Vec<String> {
        std::mem::take(&mut self.lock().secrets.reads)
    }
}

fn secret(data: &[(&str, &[u8])], type_: &str) -> Secret {
    let data = data.iter();
    let data: BTreeMap<_, _> = data
        .map(|(key, value)| ((*key).to_owned(), ByteString(value.to_vec())))
        .collect();
    Secret {
        data: Some(data),
        type_: Some(type_.to_owned()),
        ..Secret::default()
    }
}
