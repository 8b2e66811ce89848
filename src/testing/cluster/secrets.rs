//! Secrets of the model: all names lead to one Secret, or each to its own. They can be deleted, spoiled or forbidden.

use std::collections::BTreeMap;

use k8s_openapi::{ByteString, api::core::v1::Secret};

use super::MemoryKubeApi;
use crate::k8s::error::KubeApiError;

#[derive(Default)]
pub(super) struct Secrets {
    stored: Option<Secret>,
    fault: Option<KubeApiError>,
    /// Whether each name has its own Secret.
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
            None => self.stored.clone().ok_or(KubeApiError::NotFound),
        }
    }
}

impl MemoryKubeApi {
    /// Puts this key into the Secret.
    pub(crate) fn set_key(&self, key: &[u8]) {
        self.set_secret(&[("api-key", key)], "Opaque");
    }

    /// Creates or replaces the Secret.
    pub(crate) fn set_secret(&self, data: &[(&str, &[u8])], type_: &str) {
        self.lock().secrets.stored = Some(secret(data, type_));
    }

    /// From now on each Secret contains its own key, which is the Secret's name.
    pub(crate) fn give_each_a_key(&self) {
        self.lock().secrets.own = true;
    }

    /// Deletes the Secret.
    pub(crate) fn remove_key(&self) {
        self.lock().secrets.stored = None;
    }

    /// From now on reading Secrets fails with this error, if any.
    pub(crate) fn fail_secrets(&self, fault: Option<KubeApiError>) {
        self.lock().secrets.fault = fault;
    }

    /// The names of the Secrets that were read since the last call of this.
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
