//! One cluster's remediations, kept in the orders in which the API lists them.

use std::collections::{BTreeMap, BTreeSet};

use k8s_openapi::jiff::Timestamp;

use super::listing::{Order, Place};
use super::remediation::Remediation;

/// Machines and remediations of one cluster.
#[derive(Debug, Default)]
pub(super) struct Cluster {
    /// Names of the machines by instance id.
    pub(super) instances: BTreeMap<String, String>,
    remediations: BTreeMap<String, Remediation>,
    /// The version before the present one, for `Fault::OldVersion`.
    previous: BTreeMap<String, Remediation>,
    by_create: BTreeSet<Place>,
    by_update: BTreeSet<Place>,
}

impl Cluster {
    pub(super) fn get(&self, id: &str) -> Option<&Remediation> {
        self.remediations.get(id)
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &Remediation> {
        self.remediations.values()
    }

    pub(super) fn previous(&self, id: &str) -> Option<&Remediation> {
        self.previous.get(id)
    }

    pub(super) fn places(&self, order: Order) -> &BTreeSet<Place> {
        if order.by_update {
            &self.by_update
        } else {
            &self.by_create
        }
    }

    /// Inserts or replaces; the machine becomes known.
    pub(super) fn put(&mut self, remediation: Remediation) {
        self.instances
            .entry(remediation.instance_id.clone())
            .or_insert_with(|| remediation.instance_name.clone().unwrap_or_default());
        if let Some(old) = self.remove(&remediation.id)
            && old != remediation
        {
            self.previous.insert(old.id.clone(), old);
        }
        self.by_create
            .insert(Place::of(remediation.create_time.as_ref(), &remediation.id));
        self.by_update
            .insert(Place::of(remediation.update_time.as_ref(), &remediation.id));
        self.remediations
            .insert(remediation.id.clone(), remediation);
    }

    /// Changes one in place; its `update_time` moves on unless `change` moved it.
    pub(super) fn change(
        &mut self,
        id: &str,
        now: Timestamp,
        change: impl FnOnce(&mut Remediation),
    ) -> bool {
        let Some(old) = self.remediations.get(id) else {
            return false;
        };
        let mut new = old.clone();
        change(&mut new);
        if new != *old && new.update_time == old.update_time {
            new.update_time = Some(now.to_string());
        }
        if new.id != id {
            self.remove(id);
        }
        self.put(new);
        true
    }

    pub(super) fn remove(&mut self, id: &str) -> Option<Remediation> {
        let old = self.remediations.remove(id)?;
        self.by_create
            .remove(&Place::of(old.create_time.as_ref(), &old.id));
        self.by_update
            .remove(&Place::of(old.update_time.as_ref(), &old.id));
        Some(old)
    }
}
